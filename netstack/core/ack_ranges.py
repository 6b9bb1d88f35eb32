"""Which packet numbers of a path arrived: what an acknowledgement tells the peer."""

MAX_RANGES = 64
MAX_CARRIERS = 16


class AckRanges:
    """Received packet numbers as disjoint ranges; at most `MAX_RANGES`, the oldest are forgotten first.

    Numbers never heal (what is sent again takes a new one), so ranges are dropped once the peer has
    acknowledged a packet that carried them (`carried`, `confirmed`). It is not the replay window.
    """

    __slots__ = ("_carriers", "_firsts_lasts", "largest_at_s")

    def __init__(self) -> None:
        self._firsts_lasts: list[tuple[int, int]] = []  # oldest first
        self._carriers: list[tuple[int, int]] = []
        self.largest_at_s = 0.0

    def __len__(self) -> int:
        return len(self._firsts_lasts)

    @property
    def largest(self) -> int:
        """The largest number received, -1 before the first."""
        return self._firsts_lasts[-1][1] if self._firsts_lasts else -1

    def add(self, first: int, last: int, now: float) -> bool:
        """Adds the numbers `first` to `last`. False: they leave a gap or fill one, so tell the peer soon."""
        ranges = self._firsts_lasts
        if not ranges:
            ranges.append((first, last))
            self.largest_at_s = now
            return first == 0
        low, high = ranges[-1]
        if first == high + 1:
            ranges[-1] = (low, last)
            self.largest_at_s = now
            return True
        if first > high:
            ranges.append((first, last))
            self.largest_at_s = now
            del ranges[:-MAX_RANGES]
            return False
        self._merge(first, last)
        if last > high:
            self.largest_at_s = now
        return False

    def newest(self, limit: int = MAX_RANGES) -> list[tuple[int, int]]:
        """At most `limit` ranges (first, last), newest first, as `LossDetector.acked` takes them."""
        return self._firsts_lasts[: -limit - 1 : -1]

    def carried(self, number: int) -> None:
        """Our packet `number` carries the ranges as they are now."""
        if len(self._carriers) == MAX_CARRIERS:
            del self._carriers[1::2]
        self._carriers.append((number, self.largest))

    def confirmed(self, first: int, last: int) -> None:
        """The peer acknowledged our packets `first` to `last`: what they carried need not be said again.

        The newest range stays: an acknowledgement always has one.
        """
        known = -1
        for number, largest in self._carriers:
            if first <= number <= last:
                known = max(known, largest)
        if known < 0:
            return
        self._carriers = [(number, largest) for number, largest in self._carriers if largest > known]
        ranges = self._firsts_lasts
        self._firsts_lasts = [both for both in ranges[:-1] if both[1] > known] + ranges[-1:]

    def _merge(self, first: int, last: int) -> None:
        before = [both for both in self._firsts_lasts if both[1] < first - 1]
        after = [both for both in self._firsts_lasts if both[0] > last + 1]
        touched = self._firsts_lasts[len(before) : len(self._firsts_lasts) - len(after)]
        if touched:
            first, last = min(first, touched[0][0]), max(last, touched[-1][1])
        self._firsts_lasts = [*before, (first, last), *after][-MAX_RANGES:]
