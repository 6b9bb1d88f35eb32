"""Runs the birthday method (`core.port_guessing`) on sockets; what meets becomes one more link to punch from."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from netstack.core.port_guessing import GUESSES, GUESSES_PER_S, SOCKETS, Part, PortGuesses, part_of
from netstack.errors import NetError
from netstack.model.address import Address, Family
from netstack.model.candidate import CandidateKind
from netstack.model.pair import NatFacts
from netstack.net.protocol import DatagramEndpoint, Net
from netstack.service.punching import Punching
from netstack.service.sessions import Sessions

log = logging.getLogger(__name__)

ANYWHERE: Final = Address("0.0.0.0", 0)  # noqa: S104
AFTER_S: Final = 2.5
"""By then both networks are known, and what can be direct otherwise is."""
LIFE_S: Final = GUESSES / GUESSES_PER_S + 4.0
OPENING_GAP_S: Final = 1 / GUESSES_PER_S


async def guess_where_agreed(
    net: Net,
    sessions: Sessions,
    punching: Punching,
    facts: Callable[[], tuple[NatFacts, NatFacts | None]],
) -> None:
    """Once, where both have agreed, and nothing else could be direct. `facts` are ours, and theirs once they are told."""
    await asyncio.sleep(AFTER_S)
    ours, theirs = facts()
    part = None if theirs is None else part_of(ours, theirs)
    peers = [
        each.address
        for each in punching.remotes
        if each.kind is CandidateKind.REFLEXIVE and each.address.family is Family.IPV4
    ]
    if part is not None and peers and not punching.is_direct:
        log.info("trying ports by chance, as both have agreed: this side %s", part.value)
        await guess_ports(net, sessions, punching, part, peers)


async def guess_ports(
    net: Net, sessions: Sessions, punching: Punching, part: Part, peers: Sequence[Address]
) -> None:
    """Our part, until it is over: some twelve seconds at most. `peers` are the other side's public IPv4 addresses."""
    if part is Part.OPENS:
        await _Openings(net, sessions, punching).run(peers[:1])
    else:
        await _guess(net, sessions, punching, peers[:1])


async def _guess(net: Net, sessions: Sessions, punching: Punching, peers: Sequence[Address]) -> None:
    socket = next((each for each in sessions.udp_transports() if each.family is Family.IPV4), None)
    if socket is None:
        return
    guesses = PortGuesses(net.random_bytes, net.now())
    while (due_s := guesses.deadline()) is not None and not punching.is_direct:
        await asyncio.sleep(due_s - net.now())
        for port in guesses.due(net.now()):
            for peer in peers:
                socket.send_stun(punching.check(), Address(peer.host, port))


class _Openings:
    """Many sockets; the one that a check of the peer came to is handed to the sessions."""

    def __init__(self, net: Net, sessions: Sessions, punching: Punching) -> None:
        self._net = net
        self._sessions = sessions
        self._punching = punching
        self._endpoints: list[DatagramEndpoint] = []
        self._met: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def run(self, peers: Sequence[Address]) -> None:
        try:
            async with asyncio.timeout(LIFE_S):
                await self._open(peers)
                port = await self._met
        except (TimeoutError, NetError):  # as many as the system lets us have
            return
        finally:
            for endpoint in self._endpoints:
                endpoint.close()
        # The router knows the port, not the socket.
        await self._sessions.open_udp(local=Address(ANYWHERE.host, port))
        self._punching.add_socket(self._sessions.udp_transports()[-1])

    async def _open(self, peers: Sequence[Address]) -> None:
        for number in range(SOCKETS):
            if self._met.done():
                return
            endpoint = await self._net.open_datagram(_Ear(self, number), local=ANYWHERE)
            self._endpoints.append(endpoint)
            for peer in peers:
                endpoint.send(self._punching.check(), peer)
            await asyncio.sleep(OPENING_GAP_S)

    def heard(self, number: int, data: bytes) -> None:
        """A datagram came to that socket."""
        if not self._met.done() and self._punching.is_check(data):
            self._met.set_result(self._endpoints[number].local.port)


class _Ear:
    def __init__(self, openings: _Openings, number: int) -> None:
        self._openings = openings
        self._number = number

    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        self._openings.heard(self._number, data)

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        """The router refuses, or the peer: one of many."""
