"""Reaches a peer with whom a key has been agreed: gathers addresses, tells them, punches, and dials what answers.

Neither side waits for the other to be ready: notes are taken as they come, checks begin with the first address, and
the side that was invited (the guest) dials the first pair that answers. TCP is tried beside UDP after a while, from
both sides: whoever cannot be called calls, and the guest speaks first on what has come about.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import ClassVar, Final

import msgspec

from netstack.core.hole_punch import GIVE_UP_S, PairAnswered
from netstack.core.nat_probe import Server
from netstack.core.pair_verdict import expected, judge
from netstack.core.port_guessing import part_of
from netstack.errors import Fault, NetError, PeerscopeError
from netstack.model.address import Address, Scope, scope
from netstack.model.candidate import CandidateKind, PairState, PairStory
from netstack.model.pair import NatFacts, PairRoute, PairVerdict
from netstack.model.session import TransportKind
from netstack.model.webrtc import IceServers
from netstack.net.protocol import Net
from netstack.service.connection import Connection
from netstack.service.dialing import TCP_AFTER_S, AcceptedLink, Dialing, OpenLink, RelayTold, Way
from netstack.service.gathering import MAX_RELAYS, MAX_TCP, Gathering, Relay
from netstack.service.port_guessing import guess_where_agreed
from netstack.service.port_mapping import PortMappingService
from netstack.service.punching import Punching
from netstack.service.session_notes import SessionNotes, as_message
from netstack.service.sessions import Sessions
from netstack.service.signalling import Notes, Signalling
from netstack.service.webrtc_way import WebRtcWay
from netstack.tasks import TaskScope
from netstack.transport.ble import BleTransport
from netstack.wire.candidate_note import (
    About,
    Again,
    AllTold,
    CandidateNote,
    LadderNote,
    NatNote,
    TcpCandidate,
    UdpCandidate,
    WebRtcNote,
    encode,
)

LIMIT_S: Final = 20.0
TELL_LADDER_S: Final = 18.5
HOPELESS_S: Final = 8.0
INTRODUCED_S: Final = 1.0
MAX_WAYS: Final = 64
MAX_ACCEPTED: Final = 4


class TraversalError(PeerscopeError):
    """Two peers who agreed on a key cannot reach each other."""

    class Reason(StrEnum):
        """What is in the way."""

        NO_DIRECT_WAY = "no-direct-way"
        PEER_LEFT = "peer-left"
        NO_NETWORK = "no-network"
        NO_RELAY = "no-relay"

    TABLE: ClassVar = {
        Reason.NO_DIRECT_WAY: (
            Fault.ROUTER,
            "No direct way between the two was found. Turn on UPnP or forward a port on one side, or use a relay.",
        ),
        Reason.PEER_LEFT: (Fault.PEER, "The other side left before you were connected."),
        Reason.NO_NETWORK: (Fault.PC, "This computer has no network."),
        Reason.NO_RELAY: (
            Fault.USER,
            "A hidden address needs a relay, and none is set up: name a TURN server in the settings, or show the address.",
        ),
    }


class Reached(msgspec.Struct, frozen=True):
    """Where the session rides. `connect_s` counts from the agreed key; `kind` is direct, local or relay."""

    transport: TransportKind
    remote: str
    kind: str
    connect_s: float


Told = Callable[[UdpCandidate | TcpCandidate], None]


class Traversal:
    """One attempt. `told` hears every candidate of ours as it is found, `changed` that there is something new to see.

    `gathered` has found our addresses already, and the peer has them. `limit_s` is how long both may take.

    `connect` returns with the first way that works, a relay's included; `service.path_upkeep` goes on from there, on the
    same sockets, until `close`; the session lives on.
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
        nat: NatFacts | None = None,
        hidden: bool = False,
        only: TransportKind | None = None,
        mappings: PortMappingService | None = None,
        near: BleTransport | None = None,
        ice_servers: Callable[[], Awaitable[IceServers]] | None = None,
        gathered: Gathering | None = None,
        limit_s: float = LIMIT_S,
        guesses: bool = False,
        told: Told = lambda _: None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.net = net
        self.sessions = sessions
        self.guest = guest
        self.hidden = hidden or only is TransportKind.TURN
        self.only = only
        self.near = near
        self.webrtc = WebRtcWay(
            sessions,
            guest=guest,
            send=self._send,
            opened=self._webrtc_opened,
            servers=ice_servers or _no_ice_servers,
        )
        self.ways: asyncio.Queue[Way] = asyncio.Queue(MAX_WAYS)
        self.answered: list[PairAnswered] = []
        self.peer_tcp: list[Address] = []
        self.asked_again: Callable[[], None] = lambda: None
        self.signalling = Signalling(self._take_note, changed)
        self.punching = Punching(
            net,
            psk,
            controlling=guest,
            answered=self._pair_answered,
            give_up_s=max(GIVE_UP_S, limit_s - LIMIT_S),
        )
        self.gathering = gathered or Gathering(
            net,
            sessions,
            self.punching,
            servers=servers,
            relays=relays,
            known=nat,
            hidden=self.hidden,
            only=only,
            mappings=mappings,
            tell=self._tell,
        )
        if gathered is not None:
            gathered.rebind(self.punching, self._tell)
        self.gathering.facts = msgspec.structs.replace(self.gathering.facts, guesses=guesses)
        self._gathered = gathered is not None
        self._limit_s = limit_s
        self._notes = notes
        self._psk = psk
        self._about = about or About()
        self._told = told
        self._tasks = TaskScope("traversal")
        self._zero_s = net.now()
        self._peer_relays: set[Address] = set()
        self._dialled: set[RelayTold] = set()
        self._peer_public: set[str] = set()
        self._accepted_links = 0
        self._dialing = Dialing(sessions, self.punching, psk, self.ways, self.where, self._introduction)
        self._may_webrtc = ice_servers is not None and only in {None, TransportKind.WEBRTC}

    @property
    def peer(self) -> About:
        """Who answers."""
        return self.signalling.peer

    @property
    def stories(self) -> tuple[PairStory, ...]:
        """What became of every pair."""
        return self.punching.stories + self.webrtc.stories

    @property
    def same_network(self) -> bool:
        """Both have the same public address."""
        return bool(self.gathering.public & self._peer_public)

    def verdict(self, reached: Reached | None, name: str = "") -> PairVerdict:
        """Both networks, both ladders, and what came out."""
        if reached is None:
            route = PairRoute.NONE
        elif reached.kind == "relay":
            route = PairRoute.RELAY
        else:
            route = PairRoute.TCP if reached.transport is TransportKind.TCP else PairRoute.DIRECT
        return judge(
            self.gathering.facts,
            self.signalling.their_facts or NatFacts(),
            route,
            their_name=name or self.peer.name,
            same_network=self.same_network or (reached is not None and reached.kind == "local"),
            our_stories=self.stories,
            their_stories=self.signalling.their_stories,
        )

    async def connect(
        self, accepted: "asyncio.Queue[Connection] | None" = None
    ) -> tuple[Connection, Reached]:
        """Gathers, punches and returns the session once it is up.

        The host passes the queue of connections that its `Sessions` accept. Raises TraversalError, NetError,
        SessionError.
        """
        self._zero_s = self.net.now()
        self.signalling.use(self._notes)
        await self.gathering.open()
        if self.guest and not self.hidden:
            self.sessions.on_stream(self._stream_accepted)
        if not self.guest:
            self.sessions.invite(self._psk)
        if self.near is not None:
            self.near.opened = self._near_opened
            for link in self.near.links:
                self._near_opened(link)
        self._tasks.start(self._tell_all(), "tell")
        if self.only is TransportKind.WEBRTC:
            self.webrtc.ask()
        if self.gathering.facts.guesses:
            guessing = guess_where_agreed(self.net, self.sessions, self.punching, self._facts)
            self._tasks.start(guessing, "guess ports")
        try:
            async with TaskScope("patience") as patience, asyncio.timeout(self._limit_s) as limit:
                if self._limit_s == LIMIT_S:
                    patience.start(self._tell_ladder_in_the_end(), "ladder")
                    patience.start(self._give_up_early(limit), "hopeless")
                if self.guest:
                    connection, transport, remote = await self._dialing.first()
                else:
                    connection, transport, remote = await self._wait_for_guest(accepted)
        except TimeoutError as error:
            raise TraversalError(TraversalError.Reason.NO_DIRECT_WAY, self._tally()) from error
        self.signalling.use(SessionNotes.of(connection))
        await self._introduce()
        return connection, self.reached(transport, remote)

    async def _introduce(self) -> None:
        """Inside the session, too: a reply that was not needed has told nobody who is there. The guest has said who it is."""
        if not self.guest:
            self.signalling.send(self._about)
        self.signalling.send(NatNote(self.gathering.facts))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(INTRODUCED_S):
                await self.signalling.introduced.wait()

    def _introduction(self) -> tuple[bytes, ...]:
        """Who is there, as the first message of a session."""
        return (as_message(encode(self._about)),)

    def where(self, connection: Connection) -> tuple[TransportKind, Address | None]:
        """What carries messages now."""
        session = connection.session
        return self.where_path(connection, session.paths.main if session else -1)

    def where_path(self, connection: Connection, path_id: int) -> tuple[TransportKind, Address | None]:
        """What a path leads over."""
        session = connection.session
        path = session.paths.table.get(path_id) if session else None
        if path is None or path.traits is None or path.flow is None:
            return TransportKind.UDP, None
        if path.traits.kind is TransportKind.WEBRTC:
            return path.traits.kind, self.webrtc.remote
        return path.traits.kind, path.flow.remote or self.sessions.stream_remote(path.flow.link)

    def is_relayed(self, transport: TransportKind, remote: Address | None) -> bool:
        """Whether either side's relay carries it: ours, or the one at which the peer is found."""
        if transport is TransportKind.WEBRTC:
            return self.webrtc.relayed
        return transport is TransportKind.TURN or remote in self._peer_relays

    def reached(self, transport: TransportKind, remote: Address | None) -> Reached:
        """As it is shown."""
        kind = "relay" if self.is_relayed(transport, remote) else "direct"
        if kind == "direct" and remote is not None and scope(remote.host) is not Scope.PUBLIC:
            kind = "local"
        place = str(remote or "")
        if transport is TransportKind.BLE and self.near is not None:
            place = next(map(self.near.peer_of, self.near.links), "")
        return Reached(transport, place, kind, self.net.now() - self._zero_s)

    def forget_peer_addresses(self) -> None:
        """Begins anew: both sides tell their addresses again."""
        self.answered.clear()
        self.peer_tcp.clear()
        self._peer_relays.clear()
        self._dialled.clear()
        self._peer_public.clear()
        self.punching.again()

    async def gather(self) -> None:
        """Finds and tells our addresses, and what they show of our network."""
        await self.gathering.run()
        self.signalling.send(NatNote(self.gathering.facts))
        self.signalling.send(AllTold())

    async def close(self) -> None:
        """Stops punching and telling. May be called twice."""
        self.punching.close()
        self.sessions.on_stream(None)
        if self.near is not None:
            self.near.opened = None
        await self.webrtc.close()
        await self.gathering.close()
        await self.signalling.close()
        await self._dialing.close()
        await self._tasks.close()

    async def _tell_all(self) -> None:
        self.signalling.send(self._about)
        if self.gathering.facts != NatFacts():
            self.signalling.send(NatNote(self.gathering.facts))
        if not self._gathered:
            await self.gather()

    async def _tell_ladder_in_the_end(self) -> None:
        """Before both give up: afterwards nobody listens any more."""
        await asyncio.sleep(TELL_LADDER_S)
        self._tell_ladder()

    def _tell_ladder(self) -> None:
        self.punching.give_up()
        self.signalling.send(LadderNote.of(self.stories))

    def _facts(self) -> tuple[NatFacts, NatFacts | None]:
        return self.gathering.facts, self.signalling.their_facts

    async def _give_up_early(self, limit: asyncio.Timeout) -> None:
        """Where both networks are known to need a relay and there is none, nobody need wait for the whole time."""
        await asyncio.sleep(HOPELESS_S - (LIMIT_S - TELL_LADDER_S))
        ours, theirs = self._facts()
        if theirs is None or ours.relay is not False or theirs.relay is not False or part_of(ours, theirs):
            return
        if expected(ours, theirs, same_network=self.same_network) is PairRoute.RELAY:
            self._tell_ladder()
            loop = asyncio.get_running_loop()
            limit.reschedule(loop.time() + LIMIT_S - TELL_LADDER_S)

    def _tell(self, candidate: UdpCandidate | TcpCandidate) -> None:
        self._told(candidate)
        self.signalling.send(candidate)
        if isinstance(candidate, UdpCandidate) and candidate.kind is CandidateKind.RELAYED:
            for relayed in self._peer_relays:
                self._try_relay(relayed)

    def _take_note(self, note: CandidateNote) -> None:
        if isinstance(note, UdpCandidate):
            candidate = note.candidate()
            if candidate.kind is CandidateKind.RELAYED and len(self._peer_relays) < MAX_RELAYS:
                self._peer_relays.add(candidate.address)
                self._try_relay(candidate.address)
            if candidate.kind is CandidateKind.REFLEXIVE and len(self._peer_public) < MAX_WAYS:
                self._peer_public.add(note.host)
            self.punching.add_remote(candidate)
        elif isinstance(note, TcpCandidate):
            place = Address(note.host, note.port)
            wanted = self.only in {None, TransportKind.TCP} and not self.hidden
            if len(self.peer_tcp) < MAX_TCP and place not in self.peer_tcp and wanted:
                self.peer_tcp.append(place)
                self._put(note)
        elif isinstance(note, Again):
            self.asked_again()
        elif isinstance(note, WebRtcNote) and self._may_webrtc and not self.hidden:
            self.webrtc.take(note)

    def _try_relay(self, relayed: Address) -> None:
        """The guest calls there at once, which spares the round trip of a check.

        A socket does it; beside it a relay of ours that was reached by TCP alone: UDP may not get out at all.
        """
        links = self.punching.links_of(relayed.family) if self.guest else []
        for link in dict.fromkeys((*links[:1], *filter(self.punching.needs_tcp, links))):
            told = RelayTold(link, relayed)
            if told not in self._dialled:
                self._dialled.add(told)
                self._put(told)

    def _pair_answered(self, event: PairAnswered) -> None:
        self.answered.append(event)
        self._put(event)

    def _send(self, note: CandidateNote) -> None:
        self.signalling.send(note)

    def _webrtc_opened(self, link: int) -> None:
        if self.guest:
            self._put(OpenLink(TransportKind.WEBRTC, link))

    def _stream_accepted(self, link: int) -> None:
        if self._accepted_links < MAX_ACCEPTED:
            self._accepted_links += 1
            self._put(AcceptedLink(link))

    def _near_opened(self, link: int) -> None:
        self._put(OpenLink(TransportKind.BLE, link))

    def _put(self, way: Way) -> None:
        if not self.ways.full():
            self.ways.put_nowait(way)

    async def _wait_for_guest(
        self, accepted: "asyncio.Queue[Connection] | None"
    ) -> tuple[Connection, TransportKind, Address | None]:
        if accepted is None:
            raise ValueError("the host needs the queue of what its sessions accept")
        calling = self._tasks.start(self._call_by_tcp(), "call by tcp")
        try:
            connection = await accepted.get()
            SessionNotes.of(connection)
            await connection.established()
        finally:
            calling.cancel()
        return connection, *self.where(connection)

    async def _call_by_tcp(self) -> None:
        """Connects to where the guest listens; the guest then speaks on it as if it had called."""
        while True:
            way = await self.ways.get()
            if isinstance(way, TcpCandidate):
                self._tasks.start(self._open_stream(Address(way.host, way.port)), "tcp later")

    async def _open_stream(self, place: Address) -> None:
        await asyncio.sleep(TCP_AFTER_S)
        with contextlib.suppress(NetError):
            await self.sessions.open_stream(place)

    def _tally(self) -> str:
        stories = self.stories
        heard = sum(story.heard for story in stories)
        answered = sum(story.state is PairState.ANSWERED for story in stories)
        return f"{len(stories)} addresses tried, {answered} answered, {heard} were heard from"


async def _no_ice_servers() -> IceServers:
    return IceServers()
