"""A set of integers kept as disjoint half-open intervals."""

from bisect import bisect_left, bisect_right


class IntervalSet:
    """Intervals [start, end), sorted; touching ones are merged. Growing at the end is cheap."""

    __slots__ = ("ends", "starts")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []

    def __len__(self) -> int:
        return len(self.starts)

    def add(self, start: int, end: int) -> None:
        """Adds [start, end)."""
        starts, ends = self.starts, self.ends
        if not ends or start > ends[-1]:
            starts.append(start)
            ends.append(end)
            return
        low = bisect_left(ends, start)
        high = bisect_right(starts, end)
        if low < high:
            start, end = min(start, starts[low]), max(end, ends[high - 1])
        starts[low:high] = [start]
        ends[low:high] = [end]

    def covers(self, start: int, end: int) -> bool:
        """All of [start, end) is in the set."""
        at = bisect_right(self.starts, start) - 1
        return at >= 0 and end <= self.ends[at]

    def gaps(self, start: int, end: int) -> list[tuple[int, int]]:
        """The parts of [start, end) that are not in the set."""
        found = []
        at = bisect_right(self.ends, start)
        while start < end and at < len(self.starts) and self.starts[at] < end:
            if self.starts[at] > start:
                found.append((start, self.starts[at]))
            start = self.ends[at]
            at += 1
        if start < end:
            found.append((start, end))
        return found

    def drop_below(self, floor: int) -> None:
        """Forgets everything below `floor`."""
        low = bisect_right(self.ends, floor)
        del self.starts[:low], self.ends[:low]
        if self.starts and self.starts[0] < floor:
            self.starts[0] = floor
