"""From a TURN URI to an open relay: looks the name up and tries everything that the URI leaves open at once."""

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Sequence
from typing import Final, NamedTuple

from netstack.core.stun_uri import is_address
from netstack.core.turn_events import Event, TurnOptions
from netstack.core.turn_uri import TurnUri
from netstack.errors import NetError
from netstack.model.address import Address
from netstack.model.turn import ServerTransport, TurnCredentials, TurnError
from netstack.net.protocol import Net
from netstack.net.srv_lookup import look_up_srv
from netstack.tasks import TaskScope
from netstack.transport.turn_carrier import turn_error
from netstack.transport.turn_relay import Relay
from netstack.wire.dns import Srv

LOOKUP_S: Final = 2.5
PREFER_UDP_S: Final = 0.1
MAX_SRV: Final = 2
_SERVICES: Final = {
    ServerTransport.UDP: "_turn._udp.{}",
    ServerTransport.TCP: "_turn._tcp.{}",
    ServerTransport.TLS: "_turns._tcp.{}",
}


class Nobody:
    """A receiver for a relay that nobody listens to yet."""

    def relay_received(
        self, peer: Address, data: bytes, segment_bytes: int, received_at_s: float | None
    ) -> None:
        """Nobody may send yet."""

    def relay_event(self, event: Event) -> None:
        """Its waiters are told."""

    def relay_writable(self) -> None:
        """Nothing was refused."""


class Place(NamedTuple):
    """Where a server may be reached, over what; `srv` is the record that says so (RFC 5928), where one does."""

    transport: ServerTransport
    server: Address
    srv: str = ""


async def find_places(
    net: Net, uri: TurnUri, transports: Sequence[ServerTransport] | None = None
) -> tuple[Place, ...]:
    """Every way to the server: what SRV records say, where the URI names no port, else the default port.

    Up to two addresses for each transport, the first of each IP version. Raises TurnError.
    """
    wanted = tuple(transports or uri.transports)
    if uri.port is not None or is_address(uri.host) or uri.host.lower() == "localhost":
        return await _default_places(net, uri, wanted)
    async with TaskScope("turn srv") as tasks:
        records = [tasks.start(look_up_srv(net, _SERVICES[each].format(uri.host)), each) for each in wanted]
        default = tasks.start(_or_error(_default_places(net, uri, wanted)), "default")
        found: list[Place] = []
        for transport, task in zip(wanted, records, strict=True):
            for record in (await task)[:MAX_SRV]:
                found += await _places_of(net, record, transport)
        fallback = await default
    if found:
        return tuple(found)
    if isinstance(fallback, TurnError):
        raise fallback
    return fallback


async def _or_error(work: Coroutine[object, object, tuple[Place, ...]]) -> tuple[Place, ...] | TurnError:
    try:
        return await work
    except TurnError as error:
        return error


async def _places_of(net: Net, record: Srv, transport: ServerTransport) -> list[Place]:
    """The addresses of a record's target; none where that cannot be found."""
    name = f"{record.target}:{record.port}"
    try:
        hosts = await _look_up(net, record.target)
    except TurnError:
        return []
    return [Place(transport, Address(host, record.port), name) for host in _one_of_each(hosts)]


async def _default_places(
    net: Net, uri: TurnUri, transports: tuple[ServerTransport, ...]
) -> tuple[Place, ...]:
    hosts = _one_of_each(await _look_up(net, uri.host))
    return tuple(
        Place(transport, Address(host, uri.port_or_default)) for transport in transports for host in hosts
    )


async def _look_up(net: Net, name: str) -> tuple[str, ...]:
    try:
        async with asyncio.timeout(LOOKUP_S):
            return await net.resolve(name)
    except NetError as error:
        raise turn_error(error) from error
    except TimeoutError as error:
        raise TurnError(TurnError.Reason.UNKNOWN_HOST, f"{name}: the name server is silent") from error


def _one_of_each(hosts: tuple[str, ...]) -> tuple[str, ...]:
    first = {Address(host, 0).family: host for host in reversed(hosts)}
    return tuple(host for host in hosts if first[Address(host, 0).family] == host)


async def open_relay(
    net: Net,
    uri: TurnUri,
    credentials: Callable[[], TurnCredentials] | None,
    *,
    servers: tuple[Address, ...] | None = None,
    transports: tuple[ServerTransport, ...] | None = None,
    tls: ssl.SSLContext | None = None,
    options: TurnOptions | None = None,
) -> Relay:
    """An open relay by whatever answers first; UDP is given half as long again as the rest, a tenth of a second at most.

    `servers` and `transports` replace what the URI says. The relays that come too late are given back. Set
    `relay.receiver`, and close the relay. Raises TurnError: the one that tells most.
    """
    if servers is None:
        places = await find_places(net, uri, transports)
    else:
        places = tuple(Place(way, server) for way in (transports or uri.transports) for server in servers)
    relays = [
        Relay(
            net, place.server, place.transport, credentials, Nobody(), name=uri.host, tls=tls, options=options
        )
        for place in places
    ]
    if not relays:
        raise TurnError(TurnError.Reason.UNKNOWN_HOST, uri.host)
    if len(relays) == 1:
        await relays[0].open()
        return relays[0]
    winner: Relay | None = None
    async with TaskScope("turn dial") as tasks:
        opening = {tasks.start(_open(relay), f"{relay.transport}"): relay for relay in relays}
        try:
            winner = await _first(opening)
            return winner
        finally:
            await tasks.close()
            for relay in relays:
                if relay is not winner:
                    await _give_back(relay)


async def _first(opening: "dict[asyncio.Task[TurnError | None], Relay]") -> Relay:
    """The relay to use. Raises TurnError."""
    pending = set(opening)
    began_s = asyncio.get_running_loop().time()
    patience_s: float | None = None
    errors: list[TurnError] = []
    won: list[Relay] = []
    while pending:
        done, pending = await asyncio.wait(pending, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            error = task.result()
            if error is not None:
                errors.append(error)
            elif opening[task].transport is ServerTransport.UDP:
                return opening[task]
            else:
                won.append(opening[task])
                took_s = asyncio.get_running_loop().time() - began_s
                patience_s = min(PREFER_UDP_S, took_s / 2)
        if won and (not done or all(opening[task].transport is not ServerTransport.UDP for task in pending)):
            break
    if not won:
        raise max(errors, key=_telling)
    return won[0]


async def _give_back(relay: Relay) -> None:
    """The server frees a relay whose connection ends; over UDP it has to be told."""
    if relay.transport is ServerTransport.UDP and relay.relayed is not None:
        await relay.release()
    else:
        await relay.close()


async def _open(relay: Relay) -> TurnError | None:
    try:
        await relay.open()
    except TurnError as error:
        return error
    return None


def _telling(error: TurnError) -> int:
    """A server's own word says more than a certificate, that more than a refusal, and that more than silence."""
    if error.code is not None or error.reason is TurnError.Reason.NO_CREDENTIALS:
        return 3
    if error.reason is TurnError.Reason.UNREACHABLE:
        return 0
    return 1 if error.reason is TurnError.Reason.REFUSED else 2
