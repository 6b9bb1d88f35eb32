"""Reaches a peer with whom a key has been agreed: gathers addresses, tells them, punches, and dials what answers.

Neither side waits for the other to be ready: notes are taken as they come, checks begin with the first address, and
the side that was invited (the guest) dials the first pair that answers. TCP is tried beside UDP after a while.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import ClassVar, Final, Protocol

import msgspec

from netstack.core.hole_punch import HolePunch, PairAnswered
from netstack.core.nat_probe import Server
from netstack.core.port_prediction import predict_ports
from netstack.core.stun_uri import host_of
from netstack.core.turn_uri import TurnUri
from netstack.errors import DecodeError, Fault, NetError, PeerscopeError
from netstack.model.address import Address, Family, Scope, scope
from netstack.model.candidate import CandidateKind, PairState, PairStory
from netstack.model.session import UDP_TRAITS, Event, Flow, PathOpened, SessionError, TransportKind
from netstack.model.turn import TurnCredentials, TurnError
from netstack.net.protocol import LinkKind, Net
from netstack.service.connection import Connection
from netstack.service.sessions import Sessions
from netstack.service.stun_query import StunQuery
from netstack.tasks import TaskScope
from netstack.transport.turn import TurnTransport
from netstack.transport.turn_dial import open_relay
from netstack.transport.udp import UdpTransport
from netstack.wire.candidate_note import (
    About,
    AllTold,
    CandidateNote,
    TcpCandidate,
    UdpCandidate,
    decode,
    encode,
)

log = logging.getLogger(__name__)

LIMIT_S: Final = 20.0
TCP_AFTER_S: Final = 1.0
STAGGER_S: Final = 0.5
LOOKUP_S: Final = 2.0
MAX_SERVERS: Final = 3
MAX_RELAYS: Final = 2
IMPROVE_S: Final = 16.0
MAX_TCP: Final = 4


class TraversalError(PeerscopeError):
    """Two peers who agreed on a key cannot reach each other."""

    class Reason(StrEnum):
        """What is in the way."""

        NO_DIRECT_WAY = "no-direct-way"
        PEER_LEFT = "peer-left"
        NO_NETWORK = "no-network"

    TABLE: ClassVar = {
        Reason.NO_DIRECT_WAY: (
            Fault.ROUTER,
            "No direct way between the two was found. Turn on UPnP or forward a port on one side, or use a relay.",
        ),
        Reason.PEER_LEFT: (Fault.PEER, "The other side left before you were connected."),
        Reason.NO_NETWORK: (Fault.PC, "This computer has no network."),
    }


class Notes(Protocol):
    """Sealed notes to and from the peer (`service.meeting.Meeting`)."""

    def send(self, payload: bytes) -> None:
        """Sends one."""

    async def receive(self) -> bytes | None:
        """The next; None at the end."""


class Reached(msgspec.Struct, frozen=True):
    """Where the session rides. `connect_s` counts from the agreed key; `kind` is direct, local or relay."""

    transport: TransportKind
    remote: str
    kind: str
    connect_s: float


class Relay(msgspec.Struct, frozen=True):
    """A TURN server that may be used."""

    uri: TurnUri
    credentials: TurnCredentials


class Traversal:
    """One attempt. `told` hears every candidate of ours as it is found, `peer` is who answers.

    `connect` returns with the first way that works, a relay's included; `improve` then goes on punching and moves the
    session to a direct way when one opens. `close` ends it; the session lives on.
    """

    def __init__(
        self,
        net: Net,
        sessions: Sessions,
        notes: Notes,
        psk: bytes,
        *,
        guest: bool,
        servers: Sequence[Server] = (),
        relays: Sequence[Relay] = (),
        about: About | None = None,
        told: Callable[[UdpCandidate | TcpCandidate], None] = lambda _: None,
    ) -> None:
        self.peer = About()
        self.bad_notes = 0
        self._net = net
        self._sessions = sessions
        self._notes = notes
        self._psk = psk
        self._guest = guest
        self._servers = tuple(servers)[:MAX_SERVERS]
        self._relays = tuple(relays)[:MAX_RELAYS]
        self._about = about or About()
        self._told = told
        self._punch: HolePunch | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._transports: dict[int, UdpTransport | TurnTransport] = {}
        self._tasks = TaskScope("traversal")
        self._zero_s = net.now()
        self._queries: dict[int, StunQuery] = {}
        self._answered: asyncio.Queue[PairAnswered | TcpCandidate | Address] = asyncio.Queue(64)
        self._tcp_told = 0
        self._peer_relays: set[Address] = set()
        self._dialing = 0
        self._over = False

    @property
    def stories(self) -> tuple[PairStory, ...]:
        """What became of every pair."""
        return self._punch.stories() if self._punch is not None else ()

    async def connect(
        self, accepted: "asyncio.Queue[Connection] | None" = None
    ) -> tuple[Connection, Reached]:
        """Gathers, punches and returns the session once it is up.

        The host passes the queue of connections that its `Sessions` accept. Raises TraversalError, NetError,
        SessionError.
        """
        self._zero_s = self._net.now()
        await self._open()
        if not self._guest:
            self._sessions.invite(self._psk)
        self._tasks.start(self._tell_all(), "tell")
        self._tasks.start(self._read_notes(), "notes")
        try:
            async with asyncio.timeout(LIMIT_S):
                if self._guest:
                    connection, transport, remote = await self._dial_what_answers()
                else:
                    connection, transport, remote = await self._wait_for_guest(accepted)
        except TimeoutError as error:
            raise TraversalError(TraversalError.Reason.NO_DIRECT_WAY, self._tally()) from error
        return connection, self._reached(transport, remote)

    async def improve(
        self, connection: Connection, moved: Callable[[Reached], None], *, limit_s: float = IMPROVE_S
    ) -> None:
        """Moves the session from a relay to the first direct way that opens; ends when every way was tried."""
        opened: asyncio.Queue[int] = asyncio.Queue(16)

        def listen(event: Event) -> None:
            if isinstance(event, PathOpened) and not opened.full():
                opened.put_nowait(event.path_id)

        connection.listeners.append(listen)
        adding = self._tasks.start(self._add_direct_paths(connection), "direct") if self._guest else None
        try:
            async with asyncio.timeout(limit_s):
                while not connection.closed and self._is_relayed(*_where(connection)):
                    path_id = await opened.get()
                    session = connection.session
                    path = session.paths.table.get(path_id) if session else None
                    if path is None or path.traits is None or path.flow is None:
                        continue
                    if self._is_relayed(path.traits.kind, path.flow.remote):
                        continue
                    connection.use_path(path_id)
                    moved(self._reached(path.traits.kind, path.flow.remote))
        except (TimeoutError, SessionError):
            pass
        finally:
            connection.listeners.remove(listen)
            if adding is not None:
                adding.cancel()

    async def close(self) -> None:
        """Stops punching and telling. May be called twice."""
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for each in self._transports.values():
            each.stun = None
            if isinstance(each, UdpTransport):
                each.refused = None
        await self._tasks.close()

    async def _add_direct_paths(self, connection: Connection) -> None:
        while True:
            way = await self._answered.get()
            if not isinstance(way, PairAnswered):
                continue
            kind = self._transports[way.link].kind
            if not self._is_relayed(kind, way.remote):
                with contextlib.suppress(SessionError):
                    connection.add_path(Flow(way.link, way.remote), UDP_TRAITS, self._net.now())

    def _is_relayed(self, transport: TransportKind, remote: Address | None) -> bool:
        """Whether either side's relay carries it: ours, or the one at which the peer is found."""
        return transport is TransportKind.TURN or remote in self._peer_relays

    def _reached(self, transport: TransportKind, remote: Address | None) -> Reached:
        kind = "relay" if self._is_relayed(transport, remote) else "direct"
        if kind == "direct" and remote is not None and scope(remote.host) is not Scope.PUBLIC:
            kind = "local"
        return Reached(transport, str(remote or ""), kind, self._net.now() - self._zero_s)

    async def _open(self) -> None:
        """Opens what is not open yet and begins to punch from it."""
        if not self._sessions.udp_transports():
            await self._sessions.open_udp(local=Address("0.0.0.0", 0))  # noqa: S104
            with contextlib.suppress(NetError):  # no IPv6 here
                await self._sessions.open_udp(local=Address("::", 0))
        self._transports = {each.link: each for each in self._sessions.udp_transports()}
        links = [(each.link, each.family) for each in self._sessions.udp_transports()]
        self._punch = HolePunch(self._psk, self._net.random_bytes, controlling=self._guest, links=links)
        for each in self._sessions.udp_transports():
            query = self._queries[each.link] = StunQuery(self._net, each.send_stun)
            each.stun = self._stun_taker(each.link, query)
            each.refused = self._refused_taker(each.link)

    def _stun_taker(self, link: int, query: StunQuery | None) -> Callable[[bytes, Address, float], None]:
        def take(data: bytes, remote: Address, _at_s: float) -> None:
            if self._punch is None or self._over or (query is not None and query.received(data)):
                return
            self._punch.receive(data, link, remote, self._net.now())
            self._pump()

        return take

    def _refused_taker(self, link: int) -> Callable[[Address], None]:
        def take(remote: Address) -> None:
            if self._punch is not None and not self._over:
                self._punch.refused(link, remote, self._net.now())
                self._pump()

        return take

    async def _tell_all(self) -> None:
        """Our own addresses first, then what servers see."""
        self._send(self._about)
        interfaces = [each for each in await self._net.interfaces() if each.kind is not LinkKind.LOOPBACK]
        hosts = [host for each in interfaces for host in each.hosts if scope(host) is not Scope.LINK_LOCAL]
        hosts = hosts or ["127.0.0.1"]
        for transport in self._sessions.udp_transports():
            for host in hosts:
                if Address(host, 0).family is transport.family:
                    self._tell(UdpCandidate(CandidateKind.HOST, host, transport.port))
        try:
            listening = await self._sessions.open_tcp(local=Address("0.0.0.0", 0))  # noqa: S104
        except NetError:
            listening = None
        if listening is not None:
            for host in hosts[:MAX_TCP]:
                if ":" not in host:
                    self._tell(TcpCandidate(host, listening.port))
        async with TaskScope("reflexive") as tasks:
            asked = [
                tasks.start(self._tell_reflexive(each), f"by {each.family}")
                for each in self._sessions.udp_transports()
            ]
            asked += [tasks.start(self._tell_relayed(relay), relay.uri.host) for relay in self._relays]
            if asked:
                await asyncio.wait(asked)
        self._send(AllTold())

    async def _tell_relayed(self, relay: Relay) -> None:
        """Allocates on a relay; it is one more link to punch from, and one more address to be found at."""
        try:
            opened = await open_relay(self._net, relay.uri, lambda: relay.credentials)
        except TurnError as error:
            log.info("the relay %s cannot be used: %s", relay.uri.host, error.sentence)
            return
        transport = self._sessions.add_relay(opened)
        relayed = transport.relayed
        if self._punch is None or relayed is None or self._over:
            return
        self._transports[transport.link] = transport
        transport.stun = self._stun_taker(transport.link, None)
        self._punch.add_link(transport.link, transport.family, self._net.now(), relay=True)
        self._tell(UdpCandidate(CandidateKind.RELAYED, relayed.host, relayed.port))
        self._pump()

    async def _tell_reflexive(self, transport: UdpTransport) -> None:
        places = [
            place for server in self._servers if (place := await self._look_up(server, transport.family))
        ]
        seen: list[Address] = []
        async for address in self._queries[transport.link].public_addresses(places):
            seen.append(address)
            self._tell(UdpCandidate(CandidateKind.REFLEXIVE, address.host, address.port))
        if len({address.host for address in seen}) == 1:
            for port in predict_ports(sorted(address.port for address in seen)):
                self._tell(UdpCandidate(CandidateKind.REFLEXIVE, seen[0].host, port))

    async def _look_up(self, server: Server, family: Family) -> Address | None:
        hosts = server.hosts
        if hosts is None:
            try:
                async with asyncio.timeout(LOOKUP_S):
                    hosts = await self._net.resolve(host_of(server))
            except (NetError, TimeoutError):
                return None
        return next((Address(h, server.port) for h in hosts if Address(h, 0).family is family), None)

    def _tell(self, candidate: UdpCandidate | TcpCandidate) -> None:
        self._told(candidate)
        self._send(candidate)

    def _send(self, note: CandidateNote) -> None:
        try:
            self._notes.send(encode(note))
        except PeerscopeError as error:  # the meeting is over: whoever reads notes hears why
            log.info("a note was not sent: %s", error.sentence)

    async def _read_notes(self) -> None:
        """Takes notes until the meeting ends; one that ends early leaves what was told by then."""
        try:
            while (data := await self._notes.receive()) is not None:
                self._take_note(data)
        except PeerscopeError as error:
            log.info("no more notes: %s", error.sentence)

    def _take_note(self, data: bytes) -> None:
        try:
            note = decode(data)
        except DecodeError:
            self.bad_notes += 1
            return
        if isinstance(note, About):
            self.peer = note
        elif isinstance(note, UdpCandidate) and self._punch is not None:
            candidate = note.candidate()
            if candidate.kind is CandidateKind.RELAYED and len(self._peer_relays) < MAX_RELAYS:
                self._peer_relays.add(candidate.address)
            self._punch.add_remote(candidate, self._net.now())
            self._pump()
        elif isinstance(note, TcpCandidate) and self._guest and self._tcp_told < MAX_TCP:
            self._tcp_told += 1
            self._answered.put_nowait(note)

    async def _wait_for_guest(
        self, accepted: "asyncio.Queue[Connection] | None"
    ) -> tuple[Connection, TransportKind, Address | None]:
        if accepted is None:
            raise ValueError("the host needs the queue of what its sessions accept")
        connection = await accepted.get()
        await connection.established()
        return connection, *_where(connection)

    async def _dial_what_answers(self) -> tuple[Connection, TransportKind, Address | None]:
        """Dials each way as it opens; the next one already while the last has not come up for a while."""
        won: asyncio.Future[tuple[Connection, TransportKind, Address]] = (
            asyncio.get_running_loop().create_future()
        )
        dialing = self._tasks.start(self._dial_each(won), "dial")
        try:
            return await won
        finally:
            dialing.cancel()

    async def _dial_each(self, won: "asyncio.Future[tuple[Connection, TransportKind, Address]]") -> None:
        while True:
            way = await self._answered.get()
            if isinstance(way, TcpCandidate):
                self._tasks.start(self._later(Address(way.host, way.port)), "tcp later")
                continue
            if isinstance(way, PairAnswered):
                transport, remote = self._transports[way.link].kind, way.remote
            else:
                transport, remote = TransportKind.TCP, way
            task = self._tasks.start(self._dial(transport, remote, won), f"dial {remote} over {transport}")
            await asyncio.wait([task], timeout=STAGGER_S)

    async def _dial(
        self,
        transport: TransportKind,
        remote: Address,
        won: "asyncio.Future[tuple[Connection, TransportKind, Address]]",
    ) -> None:
        self._dialing += 1
        try:
            connection = await self._sessions.connect(remote, psk=self._psk, transport=transport)
        except NetError:
            return
        except SessionError as error:
            # A refusal is final unless another dial of ours has just used the invitation up.
            final = error.reason is not SessionError.Reason.NO_ANSWER and self._dialing == 1
            if final and not won.done():
                won.set_exception(error)
            return
        finally:
            self._dialing -= 1
        if won.done():
            connection.close()
        else:
            won.set_result((connection, transport, remote))

    async def _later(self, place: Address) -> None:
        """TCP only when UDP has not answered for a while: direct UDP is what games want."""
        await asyncio.sleep(TCP_AFTER_S)
        self._answered.put_nowait(place)

    def _pump(self) -> None:
        punch = self._punch
        if punch is None or self._over:
            return
        while (transmit := punch.poll_transmit()) is not None:
            self._transports[transmit.link].send_stun(transmit.data, transmit.remote)
        while (event := punch.poll_event()) is not None:
            if isinstance(event, PairAnswered) and self._guest and not self._answered.full():
                self._answered.put_nowait(event)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = punch.deadline()
        if due is not None:
            self._timer = asyncio.get_running_loop().call_at(due, self._due)

    def _due(self) -> None:
        self._timer = None
        if self._punch is not None and not self._over:
            self._punch.handle_timeout(self._net.now())
            self._pump()

    def _tally(self) -> str:
        stories = self.stories
        heard = sum(story.heard for story in stories)
        answered = sum(story.state is PairState.ANSWERED for story in stories)
        return f"{len(stories)} addresses tried, {answered} answered, {heard} were heard from"


def _where(connection: Connection) -> tuple[TransportKind, Address | None]:
    session = connection.session
    path = session.paths.table.get(session.paths.main) if session else None
    if path is None or path.traits is None or path.flow is None:
        return TransportKind.UDP, None
    return path.traits.kind, path.flow.remote
