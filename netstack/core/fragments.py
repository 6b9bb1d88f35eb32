"""Messages wait, are cut to the path's size, and are sent again where they were lost.

A message takes its units when its first fragment leaves, so a fragment's place does not depend on the
path that carries it and a lost stretch is cut anew for whatever path comes next. What left is described
by cargo, which the loss detector keeps and gives back: `Run` for a burst of one message, `Parts` for
several small messages in one packet.
"""

from collections import deque
from typing import Final

from netstack.core.intervals import IntervalSet
from netstack.core.message import MESSAGE_COST_BYTES, Message, Parts, Run, burst_end
from netstack.core.reassembly import MESSAGE_MAX_BYTES
from netstack.model.session import FragmentStats, Mode, Priority, SessionError
from netstack.wire import fragment
from netstack.wire.fragment import HEADER_BYTES, RELIABLE_LANES, UNIT_BYTES
from netstack.wire.frame import encode_part

QUEUE_MAX_BYTES: Final = 8 << 20
QUEUE_MAX_MESSAGES: Final = 65536
PRESSED_ABOVE_BYTES: Final = QUEUE_MAX_BYTES * 7 // 8
PRESSED_ABOVE_MESSAGES: Final = QUEUE_MAX_MESSAGES * 7 // 8
INITIAL_CREDIT_UNITS: Final = (256 << 10) // UNIT_BYTES
PART_HEADER_BYTES: Final = 1 + HEADER_BYTES + 4
WIDE_EXTRA_BYTES: Final = 6
WIDE_ABOVE_UNITS: Final = (64 << 20) // UNIT_BYTES
SENDING_ORDER: Final = tuple(fragment.lane_of(mode, priority) for priority in Priority for mode in Mode)
EVERY_PRIORITY: Final = (1 << len(Priority)) - 1


class _Lane:
    """`next` unit to give away, `credit` limit of them, and the highest `known` to have arrived."""

    __slots__ = ("again", "credit", "known", "next", "queue")

    def __init__(self, reliable: bool) -> None:
        self.queue: deque[Message] = deque()
        self.again: deque[tuple[Message, int, int]] = deque()
        self.next = 0
        self.known = 0
        self.credit = INITIAL_CREDIT_UNITS if reliable else 1 << 62


class Outbox:
    """What a session has to send, and what it has sent and may have to send again.

    `take_run` and `take_parts` give what is next; `acked` and `lost` take it back. `done` (with the
    number of packets) and `dropped` hold message ids for the caller to report and to empty; `abandoned` units to tell the peer about.
    """

    __slots__ = (
        "_lanes",
        "_order",
        "_queued_messages",
        "_resting",
        "_shown",
        "_unfinished",
        "abandoned",
        "done",
        "dropped",
        "full",
        "next_id",
        "queued_bytes",
        "stats",
    )

    def __init__(self, stats: FragmentStats) -> None:
        self._lanes: dict[int, _Lane] = {}
        self._order: list[tuple[int, _Lane]] = []  # the lanes that are shown, most urgent first
        self._shown = EVERY_PRIORITY
        self._resting: tuple[tuple[int, int, int, int], ...] = ()
        self.next_id = 0
        self._queued_messages = 0
        self._unfinished: dict[int, Message] | None = None
        self.stats = stats
        self.queued_bytes = 0
        self.full = False
        self.done: list[tuple[int, int]] = []
        self.dropped: list[int] = []
        self.abandoned: list[tuple[int, int, int]] = []

    def put(
        self, data: bytes, mode: Mode, priority: Priority, deadline_s: float | None, *, quiet: bool = False
    ) -> int:
        """Queues a message and returns its number. Raises SessionError: too large, or the queue is full."""
        if len(data) > MESSAGE_MAX_BYTES:
            raise SessionError(SessionError.Reason.TOO_LARGE, f"{len(data)} of {MESSAGE_MAX_BYTES} bytes")
        lane_number = fragment.lane_of(mode, priority)
        if deadline_s is not None and mode is not Mode.DEADLINE:
            raise ValueError("only Mode.DEADLINE has a deadline")
        message = Message(self.next_id, lane_number, data, deadline_s, quiet)
        if not self._fits(message.cost_bytes):
            self.full = True
            raise SessionError(SessionError.Reason.QUEUE_FULL)
        self.next_id += 1
        self.queued_bytes += message.cost_bytes
        self._queued_messages += 1
        self._lane(lane_number).queue.append(message)
        return message.id

    def _fits(self, cost_bytes: int) -> bool:
        return (
            self.queued_bytes + cost_bytes <= QUEUE_MAX_BYTES and self._queued_messages < QUEUE_MAX_MESSAGES
        )

    @property
    def room_again(self) -> bool:
        """The queue was full and is half empty now."""
        return (
            self.full
            and self.queued_bytes <= QUEUE_MAX_BYTES // 2
            and self._queued_messages <= QUEUE_MAX_MESSAGES // 2
        )

    @property
    def idle(self) -> bool:
        """Nothing is queued and nothing waits for an acknowledgement."""
        return self._queued_messages == 0

    def show(self, priorities: int) -> None:
        """From now on only these priorities (bit by value) are given, or counted as waiting."""
        if priorities != self._shown:
            self._shown = priorities
            self._sort()

    def credit(self, lane: int, limit: int) -> None:
        """The peer takes units below `limit`."""
        state = self._lane(lane)
        state.credit = max(state.credit, limit)

    def waiting(self, now: float) -> bool:
        """Something could leave now if the path allowed it."""
        return self._queued_messages > 0 and any(self._ready(state, now) for _, state in self._order)

    def take_run(self, payload_bytes: int, packets: int, now: float) -> Run | None:
        """Up to `packets` packets of the most urgent message, each with at most `payload_bytes` of it."""
        if not self._queued_messages:
            return None
        for number, state in self._order:
            if not self._ready(state, now):
                continue
            wide = number >= RELIABLE_LANES and state.next - state.known > WIDE_ABOVE_UNITS
            units = (payload_bytes - WIDE_EXTRA_BYTES * wide) // UNIT_BYTES
            if state.again:
                message, start, end = state.again.popleft()
                stop, count = burst_end(message, start, end, units, packets)
                if stop < end:
                    state.again.appendleft((message, stop, end))
            else:
                message = state.queue[0]
                start = self._start(state, message)
                stop, count = burst_end(message, start, min(message.end, state.credit), units, packets)
                message.next = stop
                self.stats.sent_fragments += count
                if start == message.start and (count > 1 or stop < message.end):
                    self.stats.sent_fragmented += 1
                if stop == message.end:
                    state.queue.popleft()
                    self._left(message)
            message.packets += count
            return Run(message, start, stop, units, count, wide)
        return None

    @property
    def pressed(self) -> bool:
        """Something waits to leave, or there is little room for what would."""
        return (
            self.queued_bytes > PRESSED_ABOVE_BYTES
            or self._queued_messages > PRESSED_ABOVE_MESSAGES
            or any(each.queue or each.again for _, each in self._order)
        )

    def place(self, lane: int) -> tuple[int, int]:
        """Where a lane goes on, and how far whole messages may leave at once in it."""
        state = self._lane(lane)
        return state.next, min(state.credit, state.known + WIDE_ABOVE_UNITS)

    def left_at_once(self, data: bytes, lane: int, start: int) -> Message:
        """A message left whole in one packet without having been queued. It is `quiet`."""
        state, size_bytes = self._lane(lane), len(data)
        end = state.next = start + size_bytes // UNIT_BYTES + 1
        message = Message(self.next_id, lane, data, None, True, start, end, 1)
        self.next_id += 1
        if lane < RELIABLE_LANES:
            self.queued_bytes += size_bytes + MESSAGE_COST_BYTES
            self._queued_messages += 1
            if self._unfinished is None:
                self._unfinished = {}
            self._unfinished[message.id] = message
        self.stats.sent_messages += 1
        self.stats.sent_fragments += 1
        self.stats.sent_payload_bytes += size_bytes
        return message

    def passed(self, left: list[tuple[float, int, int, bytes, int]]) -> None:
        """Messages left at once, and have arrived: lane, start and data of each are its second to fourth."""
        for _, lane, start, data, _ in left:
            state = self._lane(lane)
            state.next = start + len(data) // UNIT_BYTES + 1
            if lane >= RELIABLE_LANES:
                state.known = start
            self.stats.sent_payload_bytes += len(data)
        self.next_id += len(left)
        self.stats.sent_messages += len(left)
        self.stats.sent_fragments += len(left)

    def take_parts(self, room_bytes: int, now: float) -> tuple[bytes, Parts] | None:
        """Several small messages for one packet. None when fewer than two fit: `take_run` is cheaper."""
        chosen = self._small_messages(room_bytes, now)
        if len(chosen) < 2:
            return None
        frames: list[bytes] = []
        runs: list[Run] = []
        for state, message in chosen:
            start = self._start(state, message)
            state.queue.popleft()
            frames.append(encode_part(message.lane, True, True, message.start, message.data))
            runs.append(Run(message, start, message.end, message.end - start, 1))
            message.packets += 1
            self.stats.sent_fragments += 1
            self._left(message)
        return b"".join(frames), Parts(tuple(runs))

    def _small_messages(self, room_bytes: int, now: float) -> list[tuple[_Lane, Message]]:
        """The next messages in sending order, as far as they fit a packet whole."""
        chosen: list[tuple[_Lane, Message]] = []
        if self._queued_messages < 2:
            return chosen
        for _, state in self._order:
            if not self._ready(state, now):
                continue
            offset = state.next
            if state.again or offset - state.known > WIDE_ABOVE_UNITS:
                return chosen
            for message in state.queue:
                room_bytes -= PART_HEADER_BYTES + len(message.data)
                offset += fragment.message_units(len(message.data))
                late = message.deadline_s is not None and message.deadline_s <= now
                if room_bytes < 0 or late or message.start >= 0 or offset > state.credit:
                    return chosen
                chosen.append((state, message))
        return chosen

    def arrived(self, message: Message) -> None:
        """The peer has the one packet that a message left in."""
        if message.lane < RELIABLE_LANES and message.quiet:
            if self._unfinished and self._unfinished.pop(message.id, None) is not None:
                self._release(message)
        else:
            self._acked(message, message.start, message.end)

    def acked(self, cargo: Message | Run | Parts, mask: int) -> None:
        """The peer has these packets. Harmless when told twice."""
        if isinstance(cargo, Message):
            self.arrived(cargo)
            return
        if isinstance(cargo, Parts):
            for run in cargo.runs:
                self._acked(run.message, run.start, run.end)
            return
        if cargo.packets == 1 and mask:
            self._acked(cargo.message, cargo.start, cargo.end)
            return
        for start, end in cargo.stretches(mask):
            self._acked(cargo.message, start, end)

    def lost(self, cargo: Message | Run | Parts, mask: int) -> None:
        """These packets did not arrive: reliable ones wait to be sent again."""
        if isinstance(cargo, Message):
            cargo = cargo.whole
        runs = cargo.runs if isinstance(cargo, Parts) else (cargo,)
        for run in runs:
            message = run.message
            if message.lane >= RELIABLE_LANES or self._unfinished is None:
                continue
            if message.id not in self._unfinished:
                continue
            stretches = [(run.start, run.end)] if isinstance(cargo, Parts) else run.stretches(mask)
            again = self._lane(message.lane).again
            for start, end in stretches:
                gaps = message.acked.gaps(start, end) if message.acked else [(start, end)]
                again.extend((message, low, high) for low, high in gaps)

    def park(self) -> None:
        """Puts lanes with nothing in them to rest: three numbers each."""
        lanes = self._lanes
        self._lanes = {number: state for number, state in lanes.items() if state.queue or state.again}
        self._resting += tuple(
            (number, state.next, state.known, state.credit)
            for number, state in lanes.items()
            if number not in self._lanes
        )
        self._unfinished = self._unfinished or None  # an emptied dict keeps its table
        self._sort()

    def _sort(self) -> None:
        shown, lanes = self._shown, self._lanes
        self._order = [
            (number, lanes[number])
            for number in SENDING_ORDER
            if number in lanes and shown >> fragment.LANE_PRIORITIES[number] & 1
        ]

    def clear(self) -> None:
        """The session is over: everything that is not acknowledged is dropped."""
        unfinished = self._unfinished or {}
        waiting = {message.id for lane in self._lanes.values() for message in lane.queue}
        self.dropped += sorted(waiting | unfinished.keys())
        self._lanes.clear()
        self._order.clear()
        self._unfinished = None
        self.queued_bytes = self._queued_messages = 0
        self.full = False

    def _lane(self, number: int) -> _Lane:
        state = self._lanes.get(number)
        if state is None:
            state = self._lanes[number] = _Lane(number < RELIABLE_LANES)
            for rest in self._resting:
                if rest[0] == number:
                    _, state.next, state.known, state.credit = rest
                    self._resting = tuple(each for each in self._resting if each is not rest)
            self._sort()
        return state

    def _ready(self, state: _Lane, now: float) -> bool:
        """Something of the lane may leave; drops what is past its deadline on the way."""
        while state.again:
            message, start, end = state.again[0]
            wanted = self._unfinished is not None and message.id in self._unfinished
            if wanted and not (message.acked and message.acked.covers(start, end)):
                return True
            state.again.popleft()
        while state.queue:
            message = state.queue[0]
            if message.deadline_s is None or message.deadline_s > now:
                return (state.next if message.start < 0 else message.next) < state.credit
            state.queue.popleft()
            if message.start >= 0:
                self.abandoned.append((message.lane, message.start, message.end - message.start))
            self.dropped.append(message.id)
            self._release(message)
        return False

    def _start(self, state: _Lane, message: Message) -> int:
        """Gives the message its units when its first fragment leaves."""
        if message.start < 0:
            message.start = message.next = state.next
            message.end = state.next = state.next + fragment.message_units(len(message.data))
            self.stats.sent_messages += 1
            self.stats.sent_payload_bytes += len(message.data)
            if message.lane < RELIABLE_LANES:
                if self._unfinished is None:
                    self._unfinished = {}
                self._unfinished[message.id] = message
        return message.next

    def _left(self, message: Message) -> None:
        """All of it has left once; what is unreliable is not needed any more."""
        if message.lane >= RELIABLE_LANES:
            self._release(message)

    def _release(self, message: Message) -> None:
        self.queued_bytes -= message.cost_bytes
        self._queued_messages -= 1

    def _acked(self, message: Message, start: int, end: int) -> None:
        if message.lane >= RELIABLE_LANES:
            state = self._lane(message.lane)
            state.known = max(state.known, start)
            return
        if self._unfinished is None or message.id not in self._unfinished:
            return
        if start > message.start or end < message.end:
            if message.acked is None:
                message.acked = IntervalSet()
            message.acked.add(start, end)
            if not message.acked.covers(message.start, message.end):
                return
        del self._unfinished[message.id]
        self._release(message)
        if not message.quiet:
            self.done.append((message.id, message.packets))
