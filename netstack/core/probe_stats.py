"""What STAMP-like probes say of a path (RFC 8762): latency, its variation, loss by direction, order. Pure.

Each reply carries the far side's two timestamps and how many probes it has answered so far. When a later probe's
answer overtakes earlier ones, that count tells how many of these got there: the rest were lost on the way there,
those on the way back. Only the last minute counts: a dead path does not keep its good figures.
"""

from collections import OrderedDict, deque
from typing import NamedTuple

from netstack.core.histogram import Histogram
from netstack.model.path import ProbeSummary

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


class Totals(NamedTuple):
    """Probes whose fate is known, and how many of them were lost each way, since the beginning."""

    sent: int = 0
    lost_out: int = 0
    lost_back: int = 0


class _Slice:
    """Counts of a few seconds; a loss that turns out to be one of the other direction may leave a negative one."""

    __slots__ = ("answered", "duplicated", "lost_back", "lost_out", "reordered", "rtt", "start_s")

    def __init__(self, start_s: float) -> None:
        self.start_s = start_s
        self.rtt = Histogram()
        self.answered = self.lost_out = self.lost_back = self.reordered = self.duplicated = 0


class ProbeStats:
    """Statistics of one path, both directions seen from this side."""

    def __init__(self) -> None:
        self.totals = Totals()
        self._open: dict[int, float] = {}
        self._lost: OrderedDict[int, None] = OrderedDict()
        self._slices: deque[_Slice] = deque()
        self._last: Sample | None = None
        self._jitter_out_s: float | None = None
        self._jitter_back_s: float | None = None
        self._highest = -1
        self._sent = 0
        self._given_up = 0
        self._reflected: int | None = None
        self._kernel_stamps = True

    @property
    def jitter_s(self) -> tuple[float | None, float | None]:
        """There and back, as it is now; None before the second answer."""
        return self._jitter_out_s, self._jitter_back_s

    def sent(self, sequence: int, now: float) -> None:
        """A probe left; sequences rise. The oldest open one is given up when there are too many."""
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
        """A reply came at `t4_s`; None when it tells nothing new (a duplicate)."""
        piece = self._slice(t4_s)
        late = sequence in self._lost
        if not late and self._open.pop(sequence, None) is None:
            piece.duplicated += 1
            return None
        if late:
            del self._lost[sequence]
            piece.reordered += 1
            self._count(piece, 0, back=-1)
        else:
            self._overtake(piece, sequence, reflected)
            self._count(piece, 1)
        piece.answered += 1
        sample = Sample(t4_s, max(0.0, (t4_s - t1_s) - (t3_s - t2_s)), t2_s - t1_s, t4_s - t3_s)
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
        lost_out = max(0, sum(piece.lost_out for piece in self._slices))
        lost_back = max(0, sum(piece.lost_back for piece in self._slices))
        last = self._last if self._last is not None and now - self._last.at_s <= WINDOW_S else None
        return ProbeSummary(
            n=rtt.n,
            last_s=last.rtt_s if last else None,
            p50_s=rtt.quantile(0.5),
            p99_s=rtt.quantile(0.99),
            floor_s=rtt.least if rtt.n else None,
            jitter_out_s=self._jitter_out_s if last else None,
            jitter_back_s=self._jitter_back_s if last else None,
            sent=answered + lost_out + lost_back,
            answered=answered,
            lost_out=lost_out,
            lost_back=lost_back,
            reordered=sum(piece.reordered for piece in self._slices),
            duplicated=sum(piece.duplicated for piece in self._slices),
            kernel_stamps=self._kernel_stamps,
        )

    def _overtake(self, piece: _Slice, sequence: int, reflected: int) -> None:
        """Settles the fate of the probes before this one that have no answer."""
        if self._reflected is None:  # the far side may have counted before these statistics began
            self._reflected = 0 if reflected <= self._sent else reflected - 1
        earlier = [s for s in self._open if s < sequence] if self._open and sequence > self._highest else []
        for each in earlier:
            del self._open[each]
            self._remember_lost(each)
        arrived = min(max(0, reflected - self._reflected - 1), len(earlier) + self._given_up)
        late_news = max(0, arrived - len(earlier))  # of probes that were given up before
        back = arrived - late_news
        self._count(piece, len(earlier), out=len(earlier) - back - late_news, back=back + late_news)
        self._given_up = 0
        self._reflected = max(self._reflected, reflected)
        self._highest = max(self._highest, sequence)

    def _give_up(self, sequence: int, now: float) -> None:
        del self._open[sequence]
        self._remember_lost(sequence)
        self._given_up += 1
        self._count(self._slice(now), 1, out=1)  # until a later answer's count says that it did get there

    def _remember_lost(self, sequence: int) -> None:
        self._lost[sequence] = None
        if len(self._lost) > MAX_PROBES:
            self._lost.popitem(last=False)

    def _count(self, piece: _Slice, sent: int, *, out: int = 0, back: int = 0) -> None:
        piece.lost_out += out
        piece.lost_back += back
        total = self.totals
        self.totals = Totals(total.sent + sent, total.lost_out + out, total.lost_back + back)

    def _slice(self, at_s: float) -> _Slice:
        if not self._slices or at_s >= self._slices[-1].start_s + SLICE_S:
            self._slices.append(_Slice(at_s))
            while len(self._slices) > WINDOW_S / SLICE_S + 2:
                self._slices.popleft()
        return self._slices[-1]


def _smoothed(jitter_s: float | None, difference_s: float) -> float:
    """RFC 3550 section 6.4.1: J += (|D| - J) / 16."""
    return difference_s if jitter_s is None else jitter_s + (difference_s - jitter_s) / 16
