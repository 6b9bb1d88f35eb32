"""Fragments that opened become messages, within credit and memory."""

from collections import Counter, deque
from typing import Final

from netstack.core.reassembly import Budget, Reassembly
from netstack.core.session_credit import AMPLE_BELOW, CreditGiver
from netstack.core.session_receive import DataRun
from netstack.model.session import Drop, FragmentStats, MessageReceived
from netstack.wire import fragment
from netstack.wire.fragment import RELIABLE_LANES, UNIT_BYTES, Fragment
from netstack.wire.frame import Credit

NO_LIMIT: Final = 1 << 62


class Inbox:
    """What a peer sent. `messages` waits for the caller.

    `take` and `take_run` return new credit to tell the peer, or None for what may not be acknowledged.
    """

    __slots__ = ("_buffer_bytes", "_credit", "_drops", "messages", "reassembly")

    def __init__(self, budget: Budget, stats: FragmentStats, drops: Counter[Drop], buffer_bytes: int) -> None:
        self._buffer_bytes = buffer_bytes
        self.reassembly = Reassembly(budget, stats)
        self._credit: CreditGiver | None = None
        self._drops = drops
        self.messages: deque[MessageReceived] | None = (
            None  # made with the first, gone when the session rests
        )

    def take(self, piece: Fragment, rtt_s: float, now: float) -> tuple[Credit, ...] | None:
        """One fragment."""
        lane, offset = piece.lane, piece.offset
        if not piece.wide:
            offset = fragment.extend_offset(offset, self.reassembly.reference(lane))
        if offset < 0:
            self._drops[Drop.MALFORMED] += 1
            return None
        if not self._within_credit(lane, offset + len(piece.payload) // UNIT_BYTES + piece.last):
            return None
        whole = self.reassembly.receive(lane, piece.first, piece.last, offset, piece.payload, now)
        if whole is None:
            self._drops[Drop.OVER_MEMORY] += 1
            return None
        for data in whole:
            self._giver.delivered(len(data))
            self._keep(MessageReceived(data, fragment.LANE_MODES[lane], fragment.LANE_PRIORITIES[lane]))
        return self._grant(lane, rtt_s, now)

    def expects(self, lane: int) -> tuple[int, int]:
        """The units between which whole messages may pass to the caller without having waited here, and without more credit
        to give; the first is negative where it is not that simple.
        """
        start = self.reassembly.open_end(lane)
        return start, self._giver.ample_below.get(lane, AMPLE_BELOW) if lane < RELIABLE_LANES else NO_LIMIT

    def passed(self, ends: list[int], count: int) -> None:
        """So many messages passed in this way, and the lanes go on from `ends` (negative: not looked at)."""
        self.reassembly.passed(ends, count)

    def take_run(self, run: DataRun, rtt_s: float, now: float) -> tuple[Credit, ...] | None:
        """The middle of a message at once. None: take its fragments one by one."""
        lane, offset, units, count, payload = run
        offset = fragment.extend_offset(offset, self.reassembly.reference(lane))
        if not self._within_credit(lane, offset + units * count):
            return None
        if not self.reassembly.receive_run(lane, offset, payload, count, now):
            return None
        return self._grant(lane, rtt_s, now)

    def read(self, now: float) -> tuple[MessageReceived, tuple[Credit, ...]] | None:
        """The next message for the caller, and the credit that there may be room for again."""
        if not self.messages:
            return None
        message = self.messages.popleft()
        self._giver.read(len(message.data))
        if not message.mode.reliable:
            return message, ()
        return message, self._grant(fragment.lane_of(message.mode, message.priority), 0.0, now)

    def _keep(self, message: MessageReceived) -> None:
        if self.messages is None:
            self.messages = deque()
        self.messages.append(message)

    def park(self) -> None:
        """Frees what an empty inbox does not need."""
        self.reassembly.park()
        if not self.messages:
            self.messages = None

    def still_newest(self, frame: Credit) -> bool:
        """No later grant has replaced this one."""
        return self._giver.limit(frame.lane) == frame.limit

    @property
    def _giver(self) -> CreditGiver:
        if self._credit is None:
            self._credit = CreditGiver(self._buffer_bytes)
        return self._credit

    def _within_credit(self, lane: int, end: int) -> bool:
        giver = self._giver
        if giver.full:
            self._drops[Drop.OVER_MEMORY] += 1
            return False
        if lane < RELIABLE_LANES and end > giver.limit(lane):
            self._drops[Drop.OVER_CREDIT] += 1
            return False
        return True

    def _grant(self, lane: int, rtt_s: float, now: float) -> tuple[Credit, ...]:
        if lane >= RELIABLE_LANES:
            return ()
        credit = self._giver.grant(lane, self.reassembly.contiguous(lane), rtt_s, now)
        return () if credit is None else (credit,)
