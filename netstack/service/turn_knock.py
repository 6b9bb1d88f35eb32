"""Does a TURN server answer, over what, and what does it want? One unsigned Allocate over each way, all at once."""

import asyncio
import ssl
from contextlib import suppress
from typing import Final, NamedTuple

from netstack.core.turn_events import TurnOptions
from netstack.core.turn_uri import DEFAULT_TLS_PORT, TurnUri
from netstack.errors import NetError
from netstack.model.address import Address
from netstack.model.turn import ServerTransport, TurnError
from netstack.net.protocol import DatagramEndpoint, Net
from netstack.service.stun_query import StunQuery
from netstack.tasks import TaskScope
from netstack.transport.turn_dial import Nobody, Place
from netstack.transport.turn_relay import Relay

WEB_PORT: Final = 443
_R = TurnError.Reason
_CERTIFICATE: Final = {_R.CERTIFICATE_NAME, _R.CERTIFICATE_EXPIRED, _R.CERTIFICATE_UNTRUSTED}
_SILENT: Final = {_R.UNREACHABLE, _R.REFUSED, _R.TLS, _R.CLOSED, _R.NOT_TURN} | _CERTIFICATE


class Knock(NamedTuple):
    """What came of one way: `error` None where the server answers TURN; `open_to_all` without credentials."""

    transport: ServerTransport
    server: Address
    took_s: float
    error: TurnError | None = None
    realm: str | None = None
    software: str | None = None
    challenged: bool = False
    open_to_all: bool = False
    said: TurnError | None = None

    @property
    def way(self) -> str:
        """For people."""
        return f"{self.transport.upper()} to {self.server}"

    @property
    def words(self) -> str:
        """What came of it, for people."""
        return f"{self.took_s * 1000:.1f} ms" if self.error is None else self.error.reason.value


async def knock_all(
    net: Net, uri: TurnUri, places: tuple[Place, ...], tls: ssl.SSLContext | None
) -> tuple[Knock, ...]:
    """Every way to the server, in its order."""
    async with TaskScope("turn reach") as tasks:
        knocks = [
            tasks.start(knock(net, place.server, place.transport, uri.host, tls), str(place.transport))
            for place in places
        ]
        return tuple([await each for each in knocks])


class TlsKnocks:
    """TLS on its own port and on 443, beside the ways that a URI names: what passes where little else does.

    Begun at once; `gather` gives what has answered, or refused, by then.
    """

    def __init__(
        self, net: Net, uri: TurnUri, server: Address, tls: ssl.SSLContext | None, tasks: TaskScope
    ) -> None:
        self._uri = uri
        self._knocks = {
            port: tasks.start(
                knock(net, server._replace(port=port), ServerTransport.TLS, uri.host, tls), str(port)
            )
            for port in (WEB_PORT, DEFAULT_TLS_PORT)
            if not (uri.secure and port == uri.port_or_default)
        }

    async def gather(self, wait_s: float | None) -> tuple[Knock, ...]:
        """Those that are known after so long; None: every one."""
        done, _ = await asyncio.wait(self._knocks.values(), timeout=wait_s)
        return tuple(task.result() for task in self._knocks.values() if task in done)

    def uri_of(self, knock: Knock) -> TurnUri:
        """How to name that way."""
        port = knock.server.port
        return TurnUri(self._uri.host, None if port == DEFAULT_TLS_PORT else port, secure=True)

    def words(self, knocks: tuple[Knock, ...]) -> str:
        """What is offered, for people."""
        offered = [each for each in knocks if each.error is None or each.error.reason in _CERTIFICATE]
        if not offered:
            return f"TLS on {' or '.join(map(str, sorted(self._knocks, reverse=True)))}: not offered"
        return "; ".join(f"{each.way}: {each.words}" for each in offered)


async def knock(
    net: Net, server: Address, transport: ServerTransport, name: str, tls: ssl.SSLContext | None
) -> Knock:
    """Asks for a relay without saying who we are, and hears what the server is."""
    options = TurnOptions(follow=False, recover=False)
    relay = Relay(net, server, transport, None, Nobody(), name=name, tls=tls, options=options)
    began_s = net.now()
    said: TurnError | None = None
    try:
        await relay.open()
    except TurnError as refusal:
        said = refusal
    took_s = relay.client.challenged_s or net.now() - began_s
    state = relay.state()
    opened = said is None
    if opened:
        await relay.release()
    error = said if said is not None and said.code is None and said.reason in _SILENT else None
    if error is not None and transport is ServerTransport.UDP and error.reason is _R.UNREACHABLE:
        async with TaskScope("stun") as tasks:
            if await tasks.start(_answers_stun(net, server), "ask"):
                error = TurnError(_R.NOT_TURN, "it answers STUN alone")
    return Knock(
        transport,
        server,
        took_s,
        error,
        state.realm,
        state.software,
        challenged=said is not None and said.reason is _R.NO_CREDENTIALS,
        open_to_all=opened,
        said=said,
    )


class _Asker:
    """A socket that asks for its address."""

    endpoint: DatagramEndpoint
    query: StunQuery

    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        self.query.received(data)

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        """Silence tells."""


async def _answers_stun(net: Net, server: Address) -> bool:
    asker = _Asker()
    with suppress(NetError):
        asker.endpoint = await net.open_datagram(asker, family=server.family)
        asker.query = StunQuery(net, asker.endpoint.send)
        try:
            async with asyncio.timeout(0.5):
                async for _ in asker.query.public_addresses((server,)):
                    return True
        except TimeoutError:
            return False
        finally:
            asker.endpoint.close()
    return False
