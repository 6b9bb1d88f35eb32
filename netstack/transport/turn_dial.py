"""From a TURN URI to an open relay: looks the name up and tries everything that the URI leaves open at once."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Final

from netstack.core.turn_events import Event, TurnOptions
from netstack.core.turn_uri import TurnUri
from netstack.errors import NetError
from netstack.model.address import Address
from netstack.model.turn import ServerTransport, TurnCredentials, TurnError
from netstack.net.protocol import Net
from netstack.tasks import TaskScope
from netstack.transport.turn_carrier import turn_error
from netstack.transport.turn_relay import Relay

LOOKUP_S: Final = 2.5
PREFER_UDP_S: Final = 0.1
MAX_ADDRESSES: Final = 2


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


async def resolve(net: Net, uri: TurnUri) -> tuple[Address, ...]:
    """Up to two addresses of the server, the first of each IP version. Raises TurnError."""
    try:
        async with asyncio.timeout(LOOKUP_S):
            hosts = await net.resolve(uri.host)
    except NetError as error:
        raise turn_error(error) from error
    except TimeoutError as error:
        raise TurnError(TurnError.Reason.UNKNOWN_HOST, f"{uri.host}: the name server is silent") from error
    addresses = [Address(host, uri.port_or_default) for host in hosts]
    found = {address.family: address for address in reversed(addresses)}
    return tuple(address for address in addresses if found[address.family] == address)[:MAX_ADDRESSES]


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
    """An open relay by whatever answers first; UDP is given a tenth of a second more than the rest.

    `servers` and `transports` replace what the URI says. The relays that come too late are given back. Set
    `relay.receiver`, and close the relay. Raises TurnError: the one that tells most.
    """
    servers = await resolve(net, uri) if servers is None else servers
    relays = [
        Relay(net, server, transport, credentials, Nobody(), name=uri.host, tls=tls, options=options)
        for transport in (transports or uri.transports)
        for server in servers
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
    errors: list[TurnError] = []
    won: list[Relay] = []
    while pending:
        done, pending = await asyncio.wait(
            pending, timeout=PREFER_UDP_S if won else None, return_when=asyncio.FIRST_COMPLETED
        )
        for task in done:
            error = task.result()
            if error is not None:
                errors.append(error)
            elif opening[task].transport is ServerTransport.UDP:
                return opening[task]
            else:
                won.append(opening[task])
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
