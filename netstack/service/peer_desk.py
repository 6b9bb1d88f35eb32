"""Everything that a person does with peers: invite, join, meet again, talk, send, forget; and the state of it all."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec

from netstack.core.identity import fingerprint
from netstack.core.known_peer import role_of
from netstack.core.paste_invitation import INVITATION
from netstack.core.rate_limits import RateLimits
from netstack.core.rendezvous_uri import parse_rendezvous
from netstack.core.session_code import SessionCode, parse_session_code
from netstack.errors import InputError, PeerscopeError
from netstack.model.config import Cap, TurnServer
from netstack.model.meeting import MeetingError, Role, Way
from netstack.model.peers import PeersState
from netstack.model.session import TransportKind
from netstack.net.protocol import Net
from netstack.radio.one_radio import OpenRadio
from netstack.radio.system import open_system_radio
from netstack.rendezvous.driver import Driver
from netstack.rendezvous.ways import make_driver
from netstack.service.attempt import Attempt, Met, PasteAttempt
from netstack.service.conversation import Talk
from netstack.service.guest_desk import GuestDesk
from netstack.service.guest_path import GuestPath
from netstack.service.guest_talk import GuestTalk
from netstack.service.known_listening import KnownListening
from netstack.service.known_peers import KnownPeers
from netstack.service.open_attempts import OpenAttempts
from netstack.service.own_mailboxes import OwnMailboxes
from netstack.service.own_side import OwnSide
from netstack.service.path_watch import PathWatch
from netstack.service.peers import Peers
from netstack.service.shelf import Shelf
from netstack.service.talk_desk import TalkDesk
from netstack.service.turn_login import with_passwords
from netstack.wire.candidate_note import plain_name

TICK_S: Final = 0.5
MAX_OPEN: Final = 16
MAX_ENDED: Final = 4

log = logging.getLogger(__name__)

DriverMaker = Callable[[str], Driver]
Meet = Callable[[Peers], Awaitable[Met]]


class PeerDesk(TalkDesk):
    """One person's meetings and conversations. `changed` gets the new state; call all of it on one loop.

    `home` keeps the identity and the known peers; None: both last as long as this does. `invited` hears every
    code of ours, `called` our key whenever a known peer is called: the lab's second person listens there. `own` is
    our side of every meeting.
    """

    def __init__(
        self,
        net: Net,
        watch: PathWatch,
        changed: Callable[[PeersState], None],
        *,
        home: Path | None = None,
        folder: Path,
        stun: Sequence[str] = (),
        turn: Sequence[TurnServer] = (),
        caps: Sequence[Cap] = (),
        limits: RateLimits | None = None,
        state: PeersState,
        drivers: DriverMaker | None = None,
        open_radio: OpenRadio = open_system_radio,
        webrtc: bool = False,
    ) -> None:
        super().__init__()
        self._net = net
        self.own = OwnSide(net, stun=stun, turn=turn, caps=caps, limits=limits, webrtc=webrtc)
        self._webrtc = webrtc
        self._watch = watch
        self._tell = changed
        self._home = home
        self._drivers = drivers or (lambda way: make_driver(net, parse_rendezvous(way), open_radio))
        self._shelf = Shelf(folder)
        self._known = KnownPeers()
        self._guests = GuestDesk(net, self._shelf, self._show, self._next_number)
        self._mailboxes = OwnMailboxes(net, self._show)
        self._listening = KnownListening(self._listen)
        self._attempts = OpenAttempts(net.now, self._show)
        self._unfinished: dict[bytes, tuple[Path, ...]] = {}
        self._count = 0
        self.state = msgspec.structs.replace(state, folder=str(folder))
        self._told = PeersState()
        self.invited: Callable[[SessionCode], None] = lambda _: None
        self.called: Callable[[bytes], None] = lambda _: None
        self.began: Callable[[Met, int, str], None] = lambda *_: None

    async def start(self) -> None:
        """Reads the known peers. A book that cannot be read is told in the log and left as it is."""
        if self._home is not None:
            try:
                await asyncio.to_thread(self._known.read, self._home)
                await asyncio.to_thread(self.own.read, self._home)
            except PeerscopeError as error:
                log.warning("known peers: %s", error.sentence)
                self._home = None
        self._tasks.start(self._tick(), "tick")
        self._know()

    async def close(self) -> None:
        """Hangs up on everybody. May be called twice."""
        await self._listening.close()
        await self._tasks.close()
        await self._guests.close()
        await self._mailboxes.close()
        await self.own.close()
        for talk in self._talks.values():
            await talk.close()
        if self._home is not None:
            await asyncio.to_thread(self.own.store)

    # Ways and names.

    def set_ways(self, ways: Sequence[str]) -> None:
        """How to meet, from now on. Raises MeetingError for one that is none, or where none is left."""
        if not ways:
            raise MeetingError(MeetingError.Reason.NO_WAY, "none was chosen")
        if self.state.partner:
            return
        uris = [parse_rendezvous(way) for way in ways]
        self._set(ways=tuple(str(uri) for uri in uris if uri.way is not Way.PASTE))

    def set_brokers(self, brokers: tuple[str, ...]) -> None:
        """The public brokers that are on offer."""
        self._set(brokers=brokers)

    def show_partner_code(self, code: str) -> None:
        """The lab's second person reads out a code."""
        self._set(partner_code=code)

    def set_name(self, name: str) -> None:
        """What others see."""
        self._set(name=plain_name(name))
        if self.own.peers is not None:
            self.own.peers.name = self.state.name

    def set_hidden(self, hidden: bool) -> None:
        """Whether peers get our address, from the next meeting on."""
        self._set(hidden=hidden)
        if hidden:
            self._tasks.start(self._mailboxes.close(), "close the mailboxes")

    def set_open_ports(self, wanted: bool) -> None:
        """Whether the router is asked for ports, from the next meeting on."""
        self._set(open_ports=wanted)

    async def keep_mailboxes(self, wanted: bool) -> None:
        """Whether two may meet at mailboxes that we keep, as long as this lasts. Raises InputError, NetError."""
        if not wanted:
            await self._mailboxes.close()
            return
        if self.state.hidden:
            raise InputError(InputError.Reason.USAGE, "who meets here sees your address, which is hidden")
        if self.state.partner:
            raise InputError(InputError.Reason.USAGE, "the lab's people meet without")
        mappings = self.own.mappings if self.state.open_ports else None
        if mappings is not None:
            mappings.allow(True)
        await self._mailboxes.open(mappings)

    # Meeting.

    async def invite(self) -> int:
        """Makes a code, shows it in the state, and returns the conversation's number once somebody has come.

        Cancelling withdraws it. Raises MeetingError, TraversalError, SessionError, NetError, IdentityError.
        """
        attempt = self._attempt()
        told = False

        def changed() -> None:
            nonlocal told
            if attempt.meeting is not None and not told:
                told = True
                self._attempts.restart(attempt)
                self.invited(attempt.meeting.code)
            self._show()

        async def meet(peers: Peers) -> Met:
            attempt.changed = changed
            return await peers.invite(self._make_drivers, attempt)

        return await self._inviting(attempt, meet)

    async def invite_by_paste(self) -> int:
        """Makes an invitation that is carried by hand, shows it in the state, and returns as `invite` does.

        Its reply goes to `take_reply`. Raises as `invite` does.
        """
        attempt = PasteAttempt(self._show, hidden=self.state.hidden)
        return await self._inviting(
            attempt, lambda peers: peers.invite_by_paste(attempt, self._finders()), has_way=True
        )

    def take_reply(self, text: str) -> None:
        """The reply to the invitation that is open. Raises MeetingError."""
        if not isinstance(open_one := self._attempts.invitation, PasteAttempt):
            raise MeetingError(MeetingError.Reason.WRONG_CODE, "no invitation is open")
        open_one.take_reply(text, self._net.wall_time())

    async def join(self, code: str, ways: Sequence[str] = ()) -> int:
        """Meets whoever made the code or the invitation, over `ways` or the chosen ones. Raises as `invite` does.

        The reply to an invitation, to be carried back, is in the state.
        """
        if code.startswith(INVITATION):
            by_hand = PasteAttempt(self._show, hidden=self.state.hidden)
            return await self._join(
                by_hand, lambda peers: peers.join_by_paste(code, by_hand, self._finders()), has_way=True
            )
        wanted = parse_session_code(code)
        chosen = ways if ways and not self.state.partner else self._ways()

        def make_drivers() -> list[Driver]:
            return [self._drivers(way) for way in self._allowed(chosen)]

        attempt = self._attempt()
        return await self._join(
            attempt,
            lambda peers: peers.meet(Role.GUEST, wanted, make_drivers(), attempt, make_drivers=make_drivers),
            has_way=bool(chosen),
        )

    async def _inviting(self, attempt: Attempt, meet: Meet, *, has_way: bool = False) -> int:
        with self._attempts.inviting(attempt):
            return await self._meet(attempt, meet, has_way=has_way)

    async def _join(self, attempt: Attempt, meet: Meet, *, has_way: bool = False) -> int:
        with self._attempts.joining(attempt):
            return await self._meet(attempt, meet, has_way=has_way)

    async def _meet(self, attempt: Attempt, meet: Meet, *, has_way: bool) -> int:
        async with self._attempting(attempt, has_way=has_way):
            met = await meet(await self._ready())
        return self._begin(met, attempt)

    def set_reachable(self, reachable: bool) -> None:
        """Whether known peers may call while this lasts."""
        self._set(reachable=reachable)

    async def _listen(self, peer: str) -> None:
        """Waits for a known peer's call, until it has come; then the two are connected."""
        key = self._known.key(peer)
        peers = await self._ready()
        attempt = self._attempt()
        met = await peers.reconnect(key, self._make_drivers, attempt, side=Role.HOST)
        self._begin(met, attempt)

    async def reconnect(self, peer: str) -> int:
        """Calls a known peer, whose window is open. Raises as `invite` does, LookupError when unknown."""
        key = self._known.key(peer)
        attempt = self._attempt()
        with self._attempts.calling(peer, attempt):
            async with self._attempting(attempt):
                peers = await self._ready()
                self.called(peers.identity.public)
                met = await self._attempts.call(
                    peer, peers.reconnect(key, self._make_drivers, attempt, side=Role.GUEST)
                )
                if met is None:  # the other side's own call was quicker
                    return next(n for n, talk in self._talks.items() if talk.key == key and not talk.ended)
            return self._begin(met, attempt)

    def forget_peer(self, peer: str) -> None:
        """Forgets a known peer; `undo_forget` brings back the last one."""
        if (name := self._known.forget(peer)) is not None:
            self._set(undo=name)
            self._know()

    def prefer(self, peer: str, transport: TransportKind | None) -> None:
        """By which transport to talk to a known peer while it is healthy; None: by the best. Raises InputError."""
        self._known.prefer(self._known.key(peer), transport)
        self._know()

    def undo_forget(self) -> None:
        """Takes the last `forget_peer` back."""
        if self._known.undo_forget():
            self._set(undo="")
            self._know()

    async def disconnect(self, number: int) -> None:
        """Hangs up, or puts away a conversation that has ended."""
        talk = self._talk(number)
        if talk.ended:
            del self._talks[number]
            await talk.close()
        elif isinstance(talk, GuestTalk):
            await talk.hang_up()
        elif self.own.peers is not None:
            talk.ending = "You hung up."
            await self.own.peers.hang_up(talk.met.connection)
        self._show()

    # Guests.

    async def invite_guest(self, via: str = "") -> int:
        """Makes a link for a browser, shows it in the state, and returns the guest's conversation.

        Cancelling withdraws it. `via`: see `GuestDesk.invite`. Raises InputError, MeetingError, NetError.
        """
        if not self._webrtc:
            raise InputError(InputError.Reason.USAGE, "in the lab nobody has a browser")
        if self.state.hidden:
            raise InputError(InputError.Reason.USAGE, "a guest's browser needs your address, which is hidden")
        turn = tuple(await with_passwords(self.own.turn))
        talk = await self._guests.invite(via, self.state.name, tuple(self.own.stun), turn)
        self._talks[talk.number] = talk
        self._watch.watch_alone(GuestPath(talk))
        self._tasks.start(self._entertain(talk), f"guest {talk.number}")
        self._show()
        return talk.number

    async def save_guest_page(self, path: str) -> None:
        """The page as a file, to be sent by a way that is trusted. Raises MeetingError, InputError."""
        await self._guests.save_page(Path(path))

    async def _entertain(self, talk: GuestTalk) -> None:
        try:
            await talk.run()
        finally:
            self._guests.gone(talk)
            self._show()

    # Inside.

    def _next_number(self) -> int:
        self._count += 1
        return self._count

    @asynccontextmanager
    async def _attempting(self, attempt: Attempt, *, has_way: bool = False) -> AsyncIterator[None]:
        """What any attempt needs before and leaves behind. `has_way`: it goes by others than those that were chosen."""
        if not self._ways() and not has_way:
            raise MeetingError(MeetingError.Reason.NO_WAY, "none was chosen")
        if sum(not talk.ended for talk in self._talks.values()) >= MAX_OPEN:
            raise InputError(
                InputError.Reason.USAGE, f"at most {MAX_OPEN} peers at once; disconnect one first"
            )
        with self._attempts.timed(attempt):
            self._set(failed_stories=(), failed_their_stories=None, failed_verdict=None)
            try:
                yield
            except PeerscopeError:
                self._set(
                    failed_stories=attempt.stories,
                    failed_their_stories=attempt.their_stories,
                    failed_verdict=attempt.verdict(None),
                )
                raise

    async def _ready(self) -> Peers:
        return await self.own.ready(
            self._home, self._known.book, self.state.name, open_ports=self.state.open_ports
        )

    def _make_drivers(self) -> list[Driver]:
        return [self._drivers(way) for way in self._allowed(self._ways())]

    def _ways(self) -> tuple[str, ...]:
        """Those that were chosen, and our own mailboxes."""
        return (*self._mailboxes.ways, *self.state.ways)

    def _finders(self) -> "Callable[[], list[Driver]] | None":
        """By what two who met by hand find each other again."""
        return self._make_drivers if self._ways() else None

    def _attempt(self) -> Attempt:
        return Attempt(self._show, hidden=self.state.hidden)

    def _allowed(self, ways: Sequence[str]) -> list[str]:
        """Who hides does not call out in the own network. Raises MeetingError when no way is left."""
        if not self.state.hidden:
            return list(ways)
        allowed = [way for way in ways if self.state.partner or parse_rendezvous(way).way is not Way.LAN]
        if not allowed:
            raise MeetingError(
                MeetingError.Reason.NO_WAY, "the local network shows your address, which is hidden"
            )
        return allowed

    def _begin(self, met: Met, attempt: Attempt) -> int:
        """A conversation begins: it is watched, remembered, and goes on with files that were cut off."""
        key = met.established.peer_key
        name = met.name or "Peer"
        for number, old in list(self._talks.items()):
            if isinstance(old, GuestTalk):
                continue
            if old.key == key and not old.ended:
                old.ending = "The two of you are connected anew."
                old.met.connection.close()
            elif old.key == key:
                del self._talks[number]
        ended = [number for number, talk in self._talks.items() if talk.ended]
        for number in ended[: max(0, len(ended) - MAX_ENDED)]:
            del self._talks[number]
        self._attempts.answered(fingerprint(key))
        number = self._next_number()
        watched = self._watch.watch(met.connection, name)
        self.began(met, watched, name)
        talk = self._talks[number] = Talk(
            self._net, met, name, number, watched, self._shelf, attempt, self._show
        )
        attempt.changed = self._show
        self._known.note(key, name, self._net.wall_time())
        self._know()
        self._tasks.start(self._converse(talk), f"conversation {number}")
        for path in self._unfinished.pop(key, ()):
            talk.chat.send_file(path)
        self._show()
        return number

    async def _converse(self, talk: Talk) -> None:
        try:
            await talk.run()
        finally:
            if talk.chat.files.unfinished:
                self._unfinished[talk.key] = talk.chat.files.unfinished
            self._known.note(talk.key, talk.name, self._net.wall_time())
            if self.own.peers is not None:
                await self.own.peers.hang_up(talk.met.connection)
            self._show()

    async def _tick(self) -> None:
        """Countdowns run, and paths change without a word."""
        while True:
            await asyncio.sleep(TICK_S)
            if self._attempts or self._guests.waiting or any(not talk.ended for talk in self._talks.values()):
                self._show()

    def _set(self, **changes: object) -> None:
        self.state = msgspec.structs.replace(self.state, **changes)
        self._show()

    def _know(self) -> None:
        """The book has changed."""
        self._known.renew()
        if self._home is not None:
            self._tasks.start(asyncio.to_thread(self._known.book.store), "peer book")
        self._show()

    def _show(self) -> None:
        names = {note.peer: note.name for note in self._known.rows}
        state = self.state = msgspec.structs.replace(
            self.state,
            invitation=self._attempts.invitation_state(self._ways_of_link()),
            joining=self._attempts.joining_state(),
            calls=self._attempts.call_states(names),
            conversations=tuple(talk.state() for talk in self._talks.values()),
            known=self._known.rows,
            guest_invitation=self._guests.state(),
            mailboxes=self._mailboxes.state,
        )
        if self._ways() and not state.partner:
            open_keys = {talk.key for talk in self._talks.values() if not talk.ended}
            wanted = [note.peer for note in self._known.rows if self._known.key(note.peer) not in open_keys]
            self._listening.keep(filter(self._listens_to, wanted) if state.reachable else ())
        if state != self._told:
            self._told = state
            self._tell(state)

    def _listens_to(self, peer: str) -> bool:
        """Where both call at once, one of them listens, too."""
        if not self._attempts.calls_to(peer) or self.own.peers is None:
            return True
        return role_of(self.own.peers.identity, self._known.key(peer)) is Role.HOST

    def _ways_of_link(self) -> tuple[str, ...]:
        """The lab's mean nothing elsewhere."""
        kept = self._mailboxes.state
        ours = () if kept is None else tuple(filter(None, (kept.outside, *kept.places[:1])))
        return () if self.state.partner else (*ours, *self.state.ways)
