"""Does a relay answer, and does it take us? A short allocation over each way that its URI leaves open, TLS included."""

import asyncio
import ssl
from contextlib import suppress
from typing import Final

from netstack.core.turn_events import TurnOptions
from netstack.core.turn_uri import TurnUri, parse_turn_uri
from netstack.errors import NetError
from netstack.model.address import Address
from netstack.model.config import TurnServer
from netstack.model.doctor import RelayReach, RelayState, RelayWay
from netstack.model.turn import ServerTransport, TurnError
from netstack.net.protocol import Net
from netstack.service.turn_knock import WEB_PORT, knock
from netstack.service.turn_login import TurnLogin, find_login
from netstack.tasks import TaskScope
from netstack.transport.turn_dial import open_relay

ELSEWHERE_S: Final = 2.5
_R = TurnError.Reason
_REFUSES_US: Final = {_R.UNAUTHORIZED, _R.EXPIRED, _R.CLOCK, _R.WRONG_CREDENTIALS}
_NOT_THERE: Final = {_R.UNREACHABLE, _R.REFUSED, _R.UNKNOWN_HOST, _R.NOT_TURN, _R.TLS, _R.CLOSED, _R.LOST}
_NOT_ITSELF: Final = {_R.CERTIFICATE_NAME, _R.CERTIFICATE_EXPIRED, _R.CERTIFICATE_UNTRUSTED}
_BEST_FIRST: Final = (RelayState.OK, RelayState.UNAUTHORIZED, RelayState.UNTRUSTED, RelayState.UNREACHABLE)


async def reach_turn(net: Net, server: TurnServer, *, tls: ssl.SSLContext | None = None) -> RelayReach:
    """Asks for a relay over UDP and TCP, or TLS, at once, and gives each back; some three seconds at most.

    A server that only wants to know who we are answers too, where nothing was ever said about that. Raises TurnError for
    a malformed URI alone.
    """
    uri = parse_turn_uri(server.url)
    login = await find_login(uri, (server,), server.username)
    async with TaskScope("relay") as tasks:
        trying = [tasks.start(_try(net, uri, way, login, tls), way.value) for way in uri.transports]
        elsewhere = tasks.start(_tls_elsewhere(net, uri, tls), "tls")
        ways = tuple(await asyncio.gather(*trying))
        tls_url = await elsewhere
    best = min((way.state for way in ways), key=_BEST_FIRST.index)
    return RelayReach(server.url, best, ways, tls_url)


async def _tls_elsewhere(net: Net, uri: TurnUri, tls: ssl.SSLContext | None) -> str | None:
    """Whether a server that was named for UDP or TCP answers TLS on 443, which passes nearly every firewall.

    Nobody says who we are.
    """
    if uri.secure:
        return None
    with suppress(NetError, TimeoutError):
        async with asyncio.timeout(ELSEWHERE_S):
            hosts = await net.resolve(uri.host)
            heard = await knock(net, Address(hosts[0], WEB_PORT), ServerTransport.TLS, uri.host, tls)
            return str(TurnUri(uri.host, WEB_PORT, secure=True)) if heard.error is None else None
    return None


async def _try(
    net: Net, uri: TurnUri, way: ServerTransport, login: TurnLogin, tls: ssl.SSLContext | None
) -> RelayWay:
    began_s = net.now()
    try:
        relay = await open_relay(
            net,
            uri,
            login.minter(net.wall_time),
            transports=(way,),
            tls=tls,
            options=TurnOptions(recover=False),
        )
    except TurnError as error:
        return RelayWay(way.value, _state_of(error), text=f"{error.sentence} {error.remedy}".strip())
    allocate_s = net.now() - began_s
    await relay.release()
    return RelayWay(way.value, RelayState.OK, allocate_s)


def _state_of(error: TurnError) -> RelayState:
    if error.reason in _REFUSES_US:
        return RelayState.UNAUTHORIZED
    if error.reason in _NOT_ITSELF:
        return RelayState.UNTRUSTED
    return RelayState.UNREACHABLE if error.reason in _NOT_THERE else RelayState.OK
