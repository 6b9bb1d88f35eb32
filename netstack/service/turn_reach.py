"""Does a relay answer, and does it take us? One short allocation, over whatever its URI names, TLS included."""

import ssl
from typing import Final, NamedTuple

from netstack.core.turn_events import TurnOptions
from netstack.core.turn_uri import parse_turn_uri
from netstack.model.config import TurnServer
from netstack.model.turn import TurnError
from netstack.net.protocol import Net
from netstack.service.turn_login import find_login
from netstack.transport.turn_dial import open_relay

_R = TurnError.Reason
_REFUSES_US: Final = {_R.UNAUTHORIZED, _R.EXPIRED, _R.CLOCK, _R.WRONG_CREDENTIALS}
_NOT_THERE: Final = {_R.UNREACHABLE, _R.REFUSED, _R.UNKNOWN_HOST, _R.NOT_TURN, _R.TLS, _R.CLOSED, _R.LOST}
_NOT_ITSELF: Final = {_R.CERTIFICATE_NAME, _R.CERTIFICATE_EXPIRED, _R.CERTIFICATE_UNTRUSTED}


class TurnReach(NamedTuple):
    """`state` is a fact of the doctor: ok, unreachable, unauthorized, or untrusted (its certificate)."""

    state: str
    way: str = ""
    text: str = ""


async def reach_turn(net: Net, server: TurnServer, *, tls: ssl.SSLContext | None = None) -> TurnReach:
    """Asks for a relay and gives it back; some three seconds at most. Raises TurnError for a malformed URI alone.

    A server that only wants to know who we are answers too, where nothing was ever said about that.
    """
    uri = parse_turn_uri(server.url)
    login = await find_login(uri, (server,), server.username)
    mint = login.minter(net.wall_time)
    try:
        relay = await open_relay(net, uri, mint, tls=tls, options=TurnOptions(recover=False))
    except TurnError as error:
        return TurnReach(_state_of(error), text=f"{error.sentence} {error.remedy}".strip())
    way = relay.transport.value.upper()
    await relay.release()
    return TurnReach("ok", way)


def _state_of(error: TurnError) -> str:
    if error.reason in _REFUSES_US:
        return "unauthorized"
    if error.reason in _NOT_ITSELF:
        return "untrusted"
    return "unreachable" if error.reason in _NOT_THERE else "ok"
