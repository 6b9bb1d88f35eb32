"""Ten thousand sessions: which one a packet is for, which ones want attention, which ones may sleep."""

import heapq
from collections.abc import Iterator
from typing import Final

from netstack.core.ack_schedule import MAX_ACK_DELAY_S
from netstack.core.session import Session
from netstack.core.session_sender import Transmit
from netstack.core.traffic_caps import TrafficCaps
from netstack.model.session import Event, Flow, MessageReceived, SessionClosed

PARK_AFTER_S: Final = 2.0
MAX_AWAKE: Final = 1024
TOUCH_AGAIN_S: Final = 0.25


class SessionTable:
    """Sessions by number, and their receiver ids.

    Attention is given in turn, one burst each, so a busy session does not starve the others. One heap holds
    every deadline; an entry that has become wrong is skipped, so nothing is ever cancelled. A session that
    was quiet for two seconds is parked: its cipher objects are freed.
    """

    __slots__ = (
        "_awake",
        "_by_peer",
        "_due",
        "_due_at",
        "_exclusive",
        "_ids",
        "_noisy",
        "_ready",
        "caps",
        "held",
        "routes",
        "sessions",
        "sooner",
    )

    def __init__(self) -> None:
        self.sessions: dict[int, Session] = {}
        self.caps = TrafficCaps()
        self.sooner = True  # a deadline has come nearer since `deadline` was asked
        self.routes: dict[int, tuple[int, int]] = {}  # receiver id -> session number, path id
        self._exclusive: dict[int, tuple[int, int]] = {}  # link -> the same
        self._by_peer: dict[bytes, int] = {}
        self._ids: dict[int, tuple[int, ...]] = {}
        self.held: set[int] = set()  # sessions whose events are kept back
        self._ready: dict[int, None] = {}
        self._noisy: dict[int, None] = {}
        self._awake: dict[int, float] = {}
        self._due: list[tuple[float, int]] = []
        self._due_at: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self.sessions)

    def add(self, number: int, session: Session, now: float) -> None:
        """A new session."""
        self.sessions[number] = session
        self.route(number, session, now)

    def remove(self, number: int) -> None:
        """A session is over. Removing one that is not there does nothing."""
        session = self.sessions.pop(number, None)
        if session is None:
            return
        if self._by_peer.get(session.peer_key) == number:
            del self._by_peer[session.peer_key]
        for receiver_id in self._ids.pop(number, ()):
            del self.routes[receiver_id]
        for link in [link for link, route in self._exclusive.items() if route[0] == number]:
            del self._exclusive[link]
        self.held.discard(number)
        for table in (self._ready, self._noisy, self._awake, self._due_at):
            table.pop(number, None)

    def taken(self, receiver_id: int) -> bool:
        """The id belongs to a session."""
        return receiver_id in self.routes

    def by_id(self, receiver_id: int) -> tuple[int, int] | None:
        """Session number and path id that a full header names."""
        return self.routes.get(receiver_id)

    def by_link(self, link: int) -> tuple[int, int] | None:
        """The same for a link that carries one session."""
        return self._exclusive.get(link)

    def route(self, number: int, session: Session, now: float) -> None:
        """Takes over the receiver ids of a session whose paths have changed."""
        session.cap(self.caps, now)
        for receiver_id in self._ids.get(number, ()):
            del self.routes[receiver_id]
        paths = session.paths.table.values()
        self._ids[number] = tuple(path.receive_id for path in paths)
        for path in paths:
            self.routes[path.receive_id] = (number, path.id)
            if path.flow is not None and path.traits is not None and path.traits.exclusive:
                self._exclusive[path.flow.link] = (number, path.id)
        session.paths.changed = False

    def forget_link(self, link: int) -> None:
        """The link is gone."""
        self._exclusive.pop(link, None)

    def touch(self, number: int, now: float) -> None:
        """Something happened to a session, or was asked of it."""
        self._ready[number] = None
        self._noisy[number] = None
        if now - self._awake.get(number, float("-inf")) > TOUCH_AGAIN_S:
            self._rouse(number, now)

    def passed(self, number: int, now: float) -> float:
        """A plain packet came or left without being asked for here: its timers are looked at soon.

        None of them is due earlier than `MAX_ACK_DELAY_S` from now, and what it is costs more than a packet to find out.
        Returns when they will be: until then nothing need be told of others.
        """
        if now - self._awake.get(number, float("-inf")) > TOUCH_AGAIN_S:
            self._rouse(number, now)
        due = self._due_at.get(number)
        if due is None or due > now + MAX_ACK_DELAY_S:
            due = now + MAX_ACK_DELAY_S
            self._schedule(number, due)
        return due

    def _rouse(self, number: int, now: float) -> None:
        """It is the last to be parked; beyond `MAX_AWAKE` the first is parked now."""
        self._awake.pop(number, None)
        self._awake[number] = now
        self.sooner = self.sooner or len(self._awake) == 1
        if len(self._awake) > MAX_AWAKE:
            self._park(next(iter(self._awake)), now)

    @property
    def ready(self) -> bool:
        """A session may have something to send."""
        return bool(self._ready)

    def poll_transmit(self, now: float) -> Transmit | None:
        """The next packets of any session."""
        while self._due and self._due[0][0] <= now:
            due, number = heapq.heappop(self._due)
            if self._due_at.get(number) == due:
                del self._due_at[number]
                self._ready[number] = None
        while self._ready:
            number = next(iter(self._ready))
            del self._ready[number]
            session = self.sessions[number]
            transmit = session.poll_transmit(now)
            self._noisy[number] = None
            if session.paths.changed:
                self.route(number, session, now)
            if transmit is not None:
                if number not in self._awake:
                    self._rouse(number, now)
                if session.rests:
                    self._schedule_plain(number, session, now)
                else:
                    self._ready[number] = None
                return transmit
            if session.rests:
                self._schedule_plain(number, session, now)
            else:
                self._schedule(number, session.deadline(now))
        while self._awake:
            number, since_s = next(iter(self._awake.items()))
            if since_s + PARK_AFTER_S > now:
                break
            self._park(number, now)
        return None

    def _schedule_plain(self, number: int, session: Session, now: float) -> None:
        """Plain traffic wants nothing earlier than `MAX_ACK_DELAY_S` from now: what wakes before then will look."""
        due = self._due_at.get(number)
        if due is None or due > now + MAX_ACK_DELAY_S:
            self._schedule(number, session.deadline(now))

    def _schedule(self, number: int, due: float | None) -> None:
        before = self._due_at.get(number)
        if due is None:
            self._due_at.pop(number, None)
        elif before is None or due < before:
            self._due_at[number] = due
            self.sooner = True
            heapq.heappush(self._due, (due, number))
            if len(self._due) > 64 + 4 * len(self.sessions):
                self._due = sorted((at, each) for each, at in self._due_at.items())

    def _park(self, number: int, now: float) -> None:
        del self._awake[number]
        self.sessions[number].park(now)

    def poll_event(self, now: float) -> tuple[int, Event] | None:
        """The next event of any session; one that is closed is removed with its last."""
        while self._noisy:
            number = next(iter(self._noisy))
            if number in self.held:
                del self._noisy[number]
                continue
            session = self.sessions[number]
            event = session.poll_event(now)
            if event is None or session.silent:
                del self._noisy[number]
            if event is None:
                continue
            if isinstance(event, MessageReceived):
                self._ready[number] = None  # what was read may have made room for more
            elif isinstance(event, SessionClosed):
                self.remove(number)
            return number, event
        return None

    def hold(self, number: int, *, held: bool) -> None:
        """Keeps a session's events back, so that its peer runs out of credit; or gives them again."""
        if held:
            self.held.add(number)
        else:
            self.held.discard(number)
            if number in self.sessions:
                self._noisy[number] = None

    def deadline(self) -> float | None:
        """When to call `poll_transmit` although nothing happened."""
        self.sooner = bool(self._ready)
        if self._ready:
            return float("-inf")
        while self._due and self._due_at.get(self._due[0][1]) != self._due[0][0]:
            heapq.heappop(self._due)
        due = [self._due[0][0]] if self._due else []
        if self._awake:
            due.append(next(iter(self._awake.values())) + PARK_AFTER_S)
        return min(due, default=None)

    def on_link(self, link: int) -> list[tuple[int, int]]:
        """Session numbers and path ids on a link."""
        return [(number, path_id) for number, path_id, flow in self._flows() if flow.link == link]

    def on_flow(self, flow: Flow) -> list[tuple[int, int]]:
        """The same on a flow."""
        return [(number, path_id) for number, path_id, used in self._flows() if used == flow]

    def links(self) -> set[int]:
        """Links with a path on them."""
        return {flow.link for _, _, flow in self._flows()}

    def _flows(self) -> Iterator[tuple[int, int, Flow]]:
        for number, session in self.sessions.items():
            for path in session.paths.table.values():
                if path.flow is not None:
                    yield number, path.id, path.flow

    def established(self, number: int) -> int | None:
        """The session is its peer's only one from now on; returns the number of the one before."""
        peer_key = self.sessions[number].peer_key
        before = self._by_peer.get(peer_key)
        self._by_peer[peer_key] = number
        return None if before == number else before
