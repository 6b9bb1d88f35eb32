"""A mergeable histogram with real quantiles in bounded memory. Pure.

Buckets grow by 2 %, so a quantile is at most 1 % off; n, sum, least and greatest are exact (the idea of
DDSketch, Masson et al., VLDB 2019).
"""

import math

GROWTH = 1.02
_LOG_GROWTH = math.log(GROWTH)
LEAST = 1e-6
MAX_BUCKETS = 1100  # 1e-6 to 2,900 of whatever the unit is


class Histogram:
    """Counts of values (`counts`: by bucket); negative ones count as 0."""

    __slots__ = ("counts", "greatest", "least", "n", "total")

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.n = 0
        self.total = 0.0
        self.least = math.inf
        self.greatest = -math.inf

    def add(self, value: float, count: int = 1) -> None:
        """Counts a value `count` times. NaN and infinity are no values: they are ignored."""
        if not math.isfinite(value) or count <= 0:
            return
        index = 0 if value < LEAST else min(MAX_BUCKETS, 1 + int(math.log(value / LEAST) / _LOG_GROWTH))
        self.counts[index] = self.counts.get(index, 0) + count
        self.n += count
        self.total += value * count
        self.least = min(self.least, value)
        self.greatest = max(self.greatest, value)

    def merge(self, other: "Histogram") -> None:
        """Adds another histogram's counts."""
        for index, count in other.counts.items():
            self.counts[index] = self.counts.get(index, 0) + count
        self.n += other.n
        self.total += other.total
        self.least = min(self.least, other.least)
        self.greatest = max(self.greatest, other.greatest)

    def quantile(self, share: float) -> float | None:
        """The smallest value that at least `share` (0 to 1) of all are not above; None without values."""
        if not self.n:
            return None
        rank = max(1, math.ceil(share * self.n))
        seen = 0
        for index in sorted(self.counts):
            seen += self.counts[index]
            if seen >= rank:
                middle = 0.0 if index == 0 else LEAST * GROWTH ** (index - 0.5)
                return min(self.greatest, max(self.least, middle))
        return self.greatest

    @property
    def mean(self) -> float | None:
        """The average; None without values."""
        return self.total / self.n if self.n else None

    def buckets(self) -> list[tuple[float, int]]:
        """Upper edges with their counts, rising: the shape for a drawing or an export."""
        return [(LEAST * GROWTH**index, self.counts[index]) for index in sorted(self.counts)]
