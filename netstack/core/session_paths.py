"""The paths of a session: how they come, prove themselves, move, carry probes, and go."""

from collections.abc import Callable
from typing import Final

from netstack.core import session_mtu
from netstack.core.departure import Departure
from netstack.core.handshake import Entropy
from netstack.core.session_path import CHALLENGE_AGAIN_S, CHALLENGES, KEEPALIVE_S, Path
from netstack.model.session import (
    CloseReason,
    Event,
    Flow,
    LinkTraits,
    PathClosed,
    PathMoved,
    PathOpened,
    ProbeAnswered,
    SessionError,
)
from netstack.wire import frame
from netstack.wire.packet import MAX_PATH_ID

MAX_PATHS: Final = 16
SPARES: Final = 2
REVERT_AFTER_PROBE_TIMEOUTS: Final = 3
SUSPECT_PING_S: Final = 2.0
NANO: Final = 1_000_000_000
KERNEL_STAMP: Final = 1


class Paths:
    """A table of `Path`s by id. Things that happen are appended to `events`, frames to say to `say`.

    `changed` is set when receiver ids come or go; who routes packets by them looks at it and clears it. `moved`: a path
    came into use or went, which who routes messages looks at.
    """

    __slots__ = (
        "_departure",
        "_entropy",
        "_events",
        "_new_id",
        "_next_id",
        "_odd",
        "_say",
        "_their_last_id",
        "changed",
        "main",
        "moved",
        "table",
    )

    def __init__(
        self,
        first: Path,
        *,
        initiator: bool,
        entropy: Entropy,
        new_id: Callable[[], int],
        events: list[Event],
        say: Callable[[frame.Control], None],
        departure: Departure,
    ) -> None:
        self._departure = departure
        self.table = {first.id: first}
        self.main = first.id
        self.changed = True
        self.moved = False
        self._next_id = 2 if initiator else 1
        self._odd = 1 if initiator else 0  # what their ids are modulo 2
        self._their_last_id = 0
        self._entropy = entropy
        self._new_id = new_id
        self._events = events
        self._say = say

    def add(self, flow: Flow, traits: LinkTraits, now: float) -> Path:
        """A path that we begin, where there is one on a spare. Raises SessionError at the limit."""
        path = next((each for each in self.spares if each.send_id >= 0), None) or self.add_spare(now)
        path.attach(flow, traits)
        path.last_heard_s = path.last_sent_s = now
        path.begin_challenge(self._entropy(frame.CHALLENGE_BYTES), now)
        path.budget_bytes = CHALLENGES * traits.mtu_bytes  # we begin: this much, unasked, and no more
        self.changed = True
        return path

    def add_spare(self, now: float) -> Path:
        """Agrees on the ids of a path before there is a way for it: once the peer has answered, a way that opens while all
        others are dead can be used at once. Raises SessionError at the limit.
        """
        if len(self.table) >= MAX_PATHS or self._next_id > MAX_PATH_ID:
            raise SessionError(SessionError.Reason.LIMIT, "paths")
        path = Path(self._next_id, self._new_id(), now)
        self._next_id += 2
        self._put(path)
        return path

    @property
    def only(self) -> Path | None:
        """The path that everything takes, where there is no other but spare ones."""
        main = self.table.get(self.main)
        for path in self.table.values():
            if path is not main and (path.in_use or path.flow is not None):
                return None
        return main

    @property
    def spares(self) -> list[Path]:
        """Spare paths of ours, also those of which the peer has not answered yet."""
        ours = (path for path in self.table.values() if path.id % 2 != self._odd)
        return [path for path in ours if path.flow is None and not path.in_use]

    def added(self, path_id: int, send_id: int, now: float) -> None:
        """The peer receives on this path with `send_id`: an answer, or a path that it begins."""
        path = self.table.get(path_id)
        if path is not None:
            if path.send_id < 0:
                path.send_id = send_id
                path.challenge_due_s = now
            return
        fresh = path_id > self._their_last_id and path_id % 2 == self._odd and path_id <= MAX_PATH_ID
        if not fresh or len(self.table) >= MAX_PATHS:
            if fresh:
                self._say(frame.PathClose(path_id, CloseReason.LIMIT))
            return
        self._their_last_id = path_id
        self._put(Path(path_id, self._new_id(), now, send_id=send_id))

    def _put(self, path: Path) -> None:
        self.table[path.id] = path
        self.changed = True
        self._say(frame.PathAdd(path.id, path.receive_id))

    def drop(self, path: Path, reason: CloseReason) -> None:
        """The path is gone; the best of the others carries on."""
        del self.table[path.id]
        self.changed = self.moved = True
        self._events.append(PathClosed(path.id, reason))
        if path.id == self.main:
            usable = [each for each in self.table.values() if each.in_use and not each.suspect]
            usable = usable or [each for each in self.table.values() if each.in_use]
            self.main = max(usable, key=lambda each: each.last_heard_s).id if usable else -1

    def move(self, path: Path, flow: Flow, traits: LinkTraits, now: float) -> None:
        """We go on elsewhere; the peer follows the first packet that opens. What does not answer is gone back from."""
        if path.proved:
            path.old_flow = path.flow
        path.attach(flow, traits)
        session_mtu.restart(path)
        path.budget_bytes = CHALLENGES * traits.mtu_bytes
        path.suspect = False
        self.changed = True
        path.begin_challenge(self._entropy(frame.CHALLENGE_BYTES), now)

    def heard_from(
        self, path: Path, flow: Flow, traits: LinkTraits, size_bytes: int, now: float, *, newest: bool
    ) -> None:
        """A packet opened. The newest of them tells where the peer is."""
        path.suspect = False
        if flow == path.flow or not newest:
            return
        appears = path.flow is None
        path.moved(flow, size_bytes)
        path.attach(flow, traits)
        session_mtu.restart(path)
        self.changed = True  # it has traits now, so a cap may hold
        path.begin_challenge(self._entropy(frame.CHALLENGE_BYTES), now)
        if not appears:
            self._events.append(PathMoved(path.id, flow, proved=False))

    def response(self, path: Path, token: bytes) -> None:
        """The address answered a challenge."""
        if token != path.challenge or path.flow is None:
            return
        opened = not path.in_use
        path.prove()
        self.moved = True
        event = PathOpened(path.id, path.flow) if opened else PathMoved(path.id, path.flow, proved=True)
        self._events.append(event)
        if self.main not in self.table:
            self.main = path.id

    def probe(self, path: Path) -> int | None:
        """Sends a probe, stamped when it leaves; None while the path cannot."""
        if not path.able or not path.proved:
            return None
        sequence = path.probe_sequence
        path.probe_sequence = (sequence + 1) & 0xFFFFFFFF
        path.say(frame.Probe(sequence, 0))
        return sequence

    def reflect(self, path: Path, probe: frame.Probe, now: float) -> None:
        """Answers a probe, on a proved address only."""
        if not path.proved:
            return
        path.probes_answered = (path.probes_answered + 1) & 0xFFFFFFFF
        stamp_s = now if path.stamp_s is None else path.stamp_s
        path.say(
            frame.ProbeReply(
                probe.sequence,
                probe.t1_ns,
                int(stamp_s * NANO),
                0,
                path.probes_answered,
                0 if path.stamp_s is None else KERNEL_STAMP,
            )
        )

    def answered(self, path: Path, reply: frame.ProbeReply, now: float) -> None:
        """A probe came back."""
        self._events.append(
            ProbeAnswered(
                path.id,
                reply.sequence,
                self._departure.left_s(reply.t1_ns),
                reply.t2_ns / NANO,
                reply.t3_ns / NANO,
                now if path.stamp_s is None else path.stamp_s,
                reply.count,
                bool(reply.flags & KERNEL_STAMP),
            )
        )

    def expire(self, now: float) -> None:
        """Challenges, reverts and keep-alives whose time has come."""
        for path in list(self.table.values()):
            if path.challenge_due_s is not None and path.challenge_due_s <= now and path.able:
                self._challenge_again(path, now)
            if path.in_use and path.last_sent_s + self._silence_s(path) <= now:
                path.ping_wanted = True

    def _challenge_again(self, path: Path, now: float) -> None:
        if path.challenges_left and path.challenge is not None:
            path.challenges_left -= 1
            wait_s = path.probe_timeout_s() if path.old_flow else CHALLENGE_AGAIN_S
            path.challenge_due_s = now + wait_s
            path.say(frame.Challenge(path.challenge))
            return
        path.challenge_due_s = path.challenge = None
        if path.old_flow is not None:
            path.flow = path.old_flow
            path.prove()
            if path.flow is not None:
                self._events.append(PathMoved(path.id, path.flow, proved=True))
        elif not path.in_use:
            self.drop(path, CloseReason.IDLE)

    @staticmethod
    def _silence_s(path: Path) -> float:
        return SUSPECT_PING_S if path.suspect else KEEPALIVE_S

    def deadline(self) -> float | None:
        """When to call `expire`."""
        due: list[float] = []
        for path in self.table.values():
            if path.challenge_due_s is not None and path.able:
                due.append(path.challenge_due_s)
            if path.in_use and path.able and not path.ping_wanted:
                due.append(path.last_sent_s + self._silence_s(path))
        return min(due, default=None)
