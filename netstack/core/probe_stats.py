"""What STAMP-like probes say of a path (RFC 8762): latency, its variation, loss by direction, order. Pure.

Each probe carries a sequence number; its reply carries the far side's two timestamps and how many probes it has
answered so far, so that loss on the way there and on the way back are told apart. Only probes of the last
`WINDOW_S` count: a dead path does not keep its good figures.
"""

from collections import deque
from typing import NamedTuple

import msgspec

from netstack.core.histogram import Histogram

WINDOW_S = 60.0
LATE_S = 3.0
MAX_PROBES = 4096
SLICE_S = 5.0


class Sample(NamedTuple):
    """One answered probe, in seconds: when it came back, its round trip, and one-way times by both clocks."""

    at_s: float
    rtt_s: float
    out_s: float
    back_s: float


class ProbeSummary(msgspec.Struct, frozen=True):
    """Figures of the window; None is "not measured". Jitter is RFC 3550's, of the one-way times.

    `floor_s` is the least round trip of the window, `sent` and `answered` count probes that are decided.
    """

    n: int
    last_s: float | None
    p50_s: float | None
    p99_s: float | None
    floor_s: float | None
    jitter_out_s: float | None
    jitter_back_s: float | None
    sent: int
    answered: int
    lost_out: int
    lost_back: int
    reordered: int
    duplicated: int
    kernel_stamps: bool

    @property
    def loss_out(self) -> float | None:
        """Share lost on the way there."""
        return self.lost_out / self.sent if self.sent else None

    @property
    def loss_back(self) -> float | None:
        """Share of those that got there whose answer was lost."""
        arrived = self.sent - self.lost_out
        return self.lost_back / arrived if arrived else None


class _Slice:
    """Counts of a few seconds. `arrived` is how many probes the far side has newly said to have got."""

    __slots__ = ("answered", "arrived", "duplicated", "given_up", "reordered", "rtt", "start_s")

    def __init__(self, start_s: float) -> None:
        self.start_s = start_s
        self.rtt = Histogram()
        self.answered = self.arrived = self.given_up = self.reordered = self.duplicated = 0


class ProbeStats:
    """Statistics of one path, both directions seen from this side."""

    def __init__(self) -> None:
        self._open: dict[int, float] = {}
        self._late: deque[int] = deque(maxlen=MAX_PROBES)
        self._slices: deque[_Slice] = deque()
        self._last: Sample | None = None
        self._jitter_out_s: float | None = None
        self._jitter_back_s: float | None = None
        self._highest = -1
        self._sent = 0
        self._reflected: int | None = None
        self._kernel_stamps = True

    def sent(self, sequence: int, now: float) -> None:
        """A probe left. The oldest open one is given up when there are too many."""
        if len(self._open) >= MAX_PROBES:
            self._give_up(next(iter(self._open)), now)
        self._open[sequence] = now
        self._sent += 1

    def answered(
        self,
        sequence: int,
        t1_s: float,
        t2_s: float,
        t3_s: float,
        t4_s: float,
        reflected: int,
        *,
        kernel_stamp: bool,
    ) -> Sample | None:
        """A reply came at `t4_s`; None when it tells nothing new (a duplicate, or given up before)."""
        piece = self._slice(t4_s)
        if self._open.pop(sequence, None) is None:
            piece.duplicated += sequence not in self._late
            return None
        piece.reordered += sequence < self._highest
        self._highest = max(self._highest, sequence)
        if self._reflected is None:  # it may have counted before these statistics began
            self._reflected = 0 if reflected <= self._sent else reflected - 1
        piece.arrived += max(0, reflected - self._reflected)
        self._reflected = max(self._reflected, reflected)
        sample = Sample(t4_s, max(0.0, (t4_s - t1_s) - (t3_s - t2_s)), t2_s - t1_s, t4_s - t3_s)
        piece.answered += 1
        piece.rtt.add(sample.rtt_s)
        self._kernel_stamps = kernel_stamp
        if self._last is not None:
            self._jitter_out_s = _smoothed(self._jitter_out_s, abs(sample.out_s - self._last.out_s))
            self._jitter_back_s = _smoothed(self._jitter_back_s, abs(sample.back_s - self._last.back_s))
        self._last = sample
        return sample

    def expire(self, now: float) -> int:
        """Gives up probes that are unanswered for 3 s; returns how many."""
        due = [sequence for sequence, at_s in self._open.items() if now - at_s >= LATE_S]
        for sequence in due:
            self._give_up(sequence, now)
        return len(due)

    def summary(self, now: float) -> ProbeSummary:
        """The figures of the last minute."""
        self.expire(now)
        while self._slices and self._slices[0].start_s + SLICE_S <= now - WINDOW_S:
            self._slices.popleft()
        rtt = Histogram()
        for piece in self._slices:
            rtt.merge(piece.rtt)
        answered = sum(piece.answered for piece in self._slices)
        given_up = sum(piece.given_up for piece in self._slices)
        arrived = sum(piece.arrived for piece in self._slices)
        lost_back = min(max(0, arrived - answered), given_up)
        last = self._last if self._last is not None and now - self._last.at_s <= WINDOW_S else None
        return ProbeSummary(
            n=rtt.n,
            last_s=last.rtt_s if last else None,
            p50_s=rtt.quantile(0.5),
            p99_s=rtt.quantile(0.99),
            floor_s=rtt.least if rtt.n else None,
            jitter_out_s=self._jitter_out_s if last else None,
            jitter_back_s=self._jitter_back_s if last else None,
            sent=answered + given_up,
            answered=answered,
            lost_out=given_up - lost_back,
            lost_back=lost_back,
            reordered=sum(piece.reordered for piece in self._slices),
            duplicated=sum(piece.duplicated for piece in self._slices),
            kernel_stamps=self._kernel_stamps,
        )

    def _give_up(self, sequence: int, now: float) -> None:
        del self._open[sequence]
        self._late.append(sequence)
        self._slice(now).given_up += 1

    def _slice(self, at_s: float) -> _Slice:
        if not self._slices or at_s >= self._slices[-1].start_s + SLICE_S:
            self._slices.append(_Slice(at_s))
            while len(self._slices) > WINDOW_S / SLICE_S + 2:
                self._slices.popleft()
        return self._slices[-1]


def _smoothed(jitter_s: float | None, difference_s: float) -> float:
    """RFC 3550 section 6.4.1: J += (|D| - J) / 16."""
    return difference_s if jitter_s is None else jitter_s + (difference_s - jitter_s) / 16
