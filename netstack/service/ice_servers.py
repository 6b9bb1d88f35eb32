"""Which STUN and which TURN server ICE gets: aioice takes one of each, so the first that answers is chosen."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from netstack.core.nat_probe import Server
from netstack.core.stun_uri import host_of, parse_stun_uri
from netstack.core.turn_uri import TurnUri, parse_turn_uri
from netstack.errors import NetError, PeerscopeError
from netstack.model.address import Address
from netstack.model.config import TurnServer
from netstack.model.turn import ServerTransport
from netstack.model.webrtc import IceServers
from netstack.net.protocol import Net
from netstack.service.stun_query import StunQuery
from netstack.tasks import TaskScope

WAIT_S: Final = 1.5
MAX_SERVERS: Final = 4


async def choose_ice_servers(net: Net, stun: Sequence[str], turn: Sequence[TurnServer]) -> IceServers:
    """Asks all at once, for 1.5 s at most. A TURN server that nobody heard of is used all the same, as the last hope.

    Malformed ones are passed over: the configuration's reader has told of them.
    """
    servers = []
    for text in stun[:MAX_SERVERS]:
        with suppress(PeerscopeError):
            servers.append(parse_stun_uri(text))
    relays = []
    for each in turn[:MAX_SERVERS]:
        with suppress(PeerscopeError):
            relays.append((parse_turn_uri(each.url), each))
    async with TaskScope("ice servers") as tasks:
        asked = [tasks.start(_stun_answers(net, each), each.name) for each in servers]
        reached = [tasks.start(_turn_answers(net, uri), str(uri)) for uri, _ in relays]
        first_stun = await _first(asked)
        first_relay = await _first(reached)
    at = None if first_stun is None else asked[first_stun].result()
    if not relays:
        return IceServers(at)
    uri, login = relays[first_relay or 0]
    return IceServers(at, _aiortc_uri(uri), login.username, login.password)


async def _first(tasks: "Sequence[asyncio.Task[tuple[str, int] | None]]") -> int | None:
    """The index of the first that is done with something; None when none is in time."""
    waiting = set(tasks)
    with suppress(TimeoutError):
        async with asyncio.timeout(WAIT_S):
            while waiting:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for number, task in enumerate(tasks):
                    if task in done and task.result() is not None:
                        return number
    return None


class _Asker:
    """A socket for one question."""

    def __init__(self) -> None:
        self.query: StunQuery | None = None

    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        if self.query is not None:
            self.query.received(data)

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        """The answer that does not come tells."""


async def _stun_answers(net: Net, server: Server) -> tuple[str, int] | None:
    try:
        hosts = server.hosts or await net.resolve(host_of(server))
    except NetError:
        return None
    for host in (each for each in hosts if ":" not in each):  # aioice asks for IPv4 alone
        if await _binds(net, Address(host, server.port)):
            return host, server.port
    return None


async def _turn_answers(net: Net, uri: TurnUri) -> tuple[str, int] | None:
    """TURN servers answer Binding requests, too (RFC 8656); over TCP being reachable has to do."""
    port = uri.port_or_default
    try:
        hosts = await net.resolve(uri.host)
        if ServerTransport.UDP in uri.transports:
            return (hosts[0], port) if hosts and await _binds(net, Address(hosts[0], port)) else None
        stream = await net.open_stream(Address(hosts[0], port), timeout_s=WAIT_S)
    except (NetError, IndexError):
        return None
    stream.abort()
    await stream.wait_closed()
    return hosts[0], port


async def _binds(net: Net, at: Address) -> bool:
    asker = _Asker()
    try:
        endpoint = await net.open_datagram(asker, family=at.family)
    except NetError:
        return False

    def send(data: bytes, remote: Address) -> None:
        with suppress(NetError):
            endpoint.send(data, remote)

    asker.query = StunQuery(net, send)
    try:
        async for _ in asker.query.public_addresses([at]):
            return True
        return False
    finally:
        endpoint.close()


def _aiortc_uri(uri: TurnUri) -> str:
    """With the transport written out, as aiortc wants it."""
    host = f"[{uri.host}]" if ":" in uri.host else uri.host
    transport = "udp" if ServerTransport.UDP in uri.transports else "tcp"
    return f"turn{'s' if uri.secure else ''}:{host}:{uri.port_or_default}?transport={transport}"
