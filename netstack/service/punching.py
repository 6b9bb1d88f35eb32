"""Runs the hole punching machine on the sockets and relays of sessions."""

import asyncio
from collections.abc import Callable

from netstack.core.hole_punch import GIVE_UP_S, HolePunch, PairAnswered
from netstack.model.address import Address, Family
from netstack.model.candidate import Candidate, PairStory
from netstack.model.session import TransportKind
from netstack.model.turn import ServerTransport
from netstack.net.protocol import Net
from netstack.service.stun_query import StunQuery
from netstack.transport.turn import TurnTransport
from netstack.transport.udp import UdpTransport


class Punching:
    """Checks every pair of a link and an address of the peer; what answers is called out to `answered`.

    `again` begins anew, on the same links, with addresses that are told from then on. `close` leaves the links to the
    session alone.
    """

    def __init__(
        self,
        net: Net,
        secret: bytes,
        *,
        controlling: bool,
        answered: Callable[[PairAnswered], None],
        give_up_s: float = GIVE_UP_S,
    ) -> None:
        self._net = net
        self._secret = secret
        self._controlling = controlling
        self._answered = answered
        self._give_up_s = give_up_s
        self._links: dict[int, UdpTransport | TurnTransport] = {}
        self._queries: dict[int, StunQuery] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._over = False
        self._punch = self._machine()

    @property
    def stories(self) -> tuple[PairStory, ...]:
        """What became of every pair."""
        return self._punch.stories()

    @property
    def is_direct(self) -> bool:
        """A pair without a relay has answered."""
        return self._punch.is_direct

    def check(self) -> bytes:
        """See `HolePunch.check`."""
        return self._punch.check()

    def is_check(self, data: bytes) -> bool:
        """It is a check of the peer."""
        return self._punch.is_check(data)

    def kind_of(self, link: int) -> TransportKind:
        """What a link is."""
        return self._links[link].kind

    @property
    def remotes(self) -> tuple[Candidate, ...]:
        """The addresses of the peer that were told."""
        return self._punch.remotes

    def links_of(self, family: Family) -> list[int]:
        """Sockets before relays."""
        fit = [link for link, transport in self._links.items() if transport.family is family]
        return sorted(fit, key=lambda link: isinstance(self._links[link], TurnTransport))

    def needs_tcp(self, link: int) -> bool:
        """A relay that was reached by TCP or TLS alone."""
        transport = self._links.get(link)
        return isinstance(transport, TurnTransport) and transport.relay.transport is not ServerTransport.UDP

    def query(self, transport: UdpTransport) -> StunQuery:
        """Asks STUN servers from that socket."""
        return self._queries[transport.link]

    def add_socket(self, transport: UdpTransport) -> None:
        """A socket to punch from. One that is known is left as it is."""
        if transport.link in self._links or self._over:
            return
        self._links[transport.link] = transport
        self._queries[transport.link] = StunQuery(self._net, transport.send_stun)
        transport.stun = self._taker(transport.link)
        transport.refused = lambda remote: self._refused(transport.link, remote)
        self._punch.add_link(transport.link, transport.family, self._net.now())
        self._pump()

    def add_relay(self, transport: TurnTransport) -> None:
        """A relay to punch from."""
        if self._over:
            return
        self._links[transport.link] = transport
        transport.stun = self._taker(transport.link)
        self._punch.add_link(transport.link, transport.family, self._net.now(), relay=True)
        self._pump()

    def forget_relay(self, transport: TurnTransport) -> None:
        """A relay that is gone."""
        self._links.pop(transport.link, None)
        transport.stun = None

    def add_remote(self, candidate: Candidate) -> None:
        """An address of the peer."""
        self._punch.add_remote(candidate, self._net.now())
        self._pump()

    def again(self) -> None:
        """Forgets the peer's addresses and what became of them."""
        self._punch = self._machine()
        for link, transport in self._links.items():
            relay = isinstance(transport, TurnTransport)
            self._punch.add_link(link, transport.family, self._net.now(), relay=relay)

    def give_up(self) -> None:
        """Checks no more: what has not answered by now did not."""
        self._punch.give_up()

    def close(self) -> None:
        """Ends it. May be called twice."""
        self._over = True
        self.give_up()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for transport in self._links.values():
            transport.stun = None
            if isinstance(transport, UdpTransport):
                transport.refused = None

    def _machine(self) -> HolePunch:
        links: list[tuple[int, Family]] = []
        return HolePunch(
            self._secret,
            self._net.random_bytes,
            controlling=self._controlling,
            links=links,
            give_up_s=self._give_up_s,
        )

    def _taker(self, link: int) -> Callable[[bytes, Address, float], None]:
        query = self._queries.get(link)

        def take(data: bytes, remote: Address, _at_s: float) -> None:
            if self._over or (query is not None and query.received(data)):
                return
            self._punch.receive(data, link, remote, self._net.now())
            self._pump()

        return take

    def _refused(self, link: int, remote: Address) -> None:
        if not self._over:
            self._punch.refused(link, remote, self._net.now())
            self._pump()

    def _pump(self) -> None:
        if self._over:
            return
        punch = self._punch
        while (transmit := punch.poll_transmit()) is not None:
            if transmit.link in self._links:
                self._links[transmit.link].send_stun(transmit.data, transmit.remote)
        while (event := punch.poll_event()) is not None:
            if isinstance(event, PairAnswered):
                self._answered(event)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = punch.deadline()
        if due is not None:
            self._timer = asyncio.get_running_loop().call_at(due, self._due)

    def _due(self) -> None:
        self._timer = None
        if not self._over:
            self._punch.handle_timeout(self._net.now())
            self._pump()
