"""Bounded series of measurements for the live plots: written by the engine, read by the window's own timer."""

from array import array
from collections.abc import Callable

from netstack.model.path import Samples


class Ring:
    """The newest `capacity` points. Appending costs the same however full it is."""

    __slots__ = ("_capacity", "_counts", "_next", "_times", "_values")

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._times = array("d")
        self._values = array("d")
        self._counts = array("d")
        self._next = 0

    def __len__(self) -> int:
        return len(self._times)

    def append(self, at_s: float, value: float, count: float = 1.0) -> None:
        """Adds a point that stands for `count`; times do not go back."""
        if len(self._times) < self._capacity:
            self._times.append(at_s)
            self._values.append(value)
            self._counts.append(count)
        else:
            self._times[self._next] = at_s
            self._values[self._next] = value
            self._counts[self._next] = count
            self._next = (self._next + 1) % self._capacity

    def since(self, start_s: float) -> Samples:
        """Points not older than `start_s`, and the one before them, so that a line begins at the edge."""
        times, values, counts = (
            kept[self._next :] + kept[: self._next] for kept in (self._times, self._values, self._counts)
        )
        low, high = 0, len(times)
        while low < high:
            middle = (low + high) // 2
            if times[middle] < start_s:
                low = middle + 1
            else:
                high = middle
        first = max(0, low - 1)
        return Samples(tuple(times[first:]), tuple(values[first:]), tuple(counts[first:]))


class Bins:
    """Sums by equal spans of time: each point is total / count of one span, kept once the span is over.

    Loss is lost / sent of each second, fragments per message is fragments / messages of each second. `closed` hears of
    each span that is over: its end, its ratio and its count.
    """

    __slots__ = ("_closed", "_count", "_ring", "_span_s", "_start_s", "_total")

    def __init__(
        self,
        capacity: int,
        span_s: float = 1.0,
        closed: Callable[[float, float, float], None] = lambda *_: None,
    ) -> None:
        self._ring = Ring(capacity)
        self._span_s = span_s
        self._closed = closed
        self._start_s: float | None = None
        self._total = 0.0
        self._count = 0.0

    def add(self, at_s: float, total: float, count: float) -> None:
        """Adds to the span that `at_s` is in; a count of 0 adds nothing."""
        self._close(at_s)
        self._total += total
        self._count += count

    def since(self, start_s: float, now_s: float) -> Samples:
        """Spans that ended before `now_s`; a span in which nothing was counted has no point."""
        self._close(now_s)
        return self._ring.since(start_s)

    def _close(self, at_s: float) -> None:
        if self._start_s is None:
            self._start_s = at_s
        if at_s - self._start_s < self._span_s:
            return
        if self._count:
            ended_s, ratio = self._start_s + self._span_s, self._total / self._count
            self._ring.append(ended_s, ratio, self._count)
            self._closed(ended_s, ratio, self._count)
        self._total = self._count = 0.0
        self._start_s += self._span_s * ((at_s - self._start_s) // self._span_s)
