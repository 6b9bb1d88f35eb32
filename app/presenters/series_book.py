"""The points of every path that the window has pulled so far, and what a stretch of time says of them."""

import statistics
from array import array
from bisect import bisect_left, bisect_right
from typing import Final

import msgspec

from app.presenters.axis import quantile
from netstack.model.path import PathSeries, PlotData

KEPT_S: Final = 660.0
OVERLAP_S: Final = 1.5
METRICS: Final = PathSeries.__struct_fields__
TRIM_ABOVE: Final = 512


class Series:
    """One series, in order of time. `version` rises with every new point."""

    __slots__ = ("counts", "times", "values")

    def __init__(self) -> None:
        self.times, self.values, self.counts = array("d"), array("d"), array("d")

    def add(self, times: tuple[float, ...], values: tuple[float, ...], counts: tuple[float, ...]) -> None:
        """Takes those points that are newer than the last one."""
        start = bisect_right(times, self.times[-1]) if self.times else 0
        if start < len(times):
            self.times.extend(times[start:])
            self.values.extend(values[start:])
            self.counts.extend(counts[start:] if counts else (1.0,) * (len(times) - start))

    def forget(self, before_s: float) -> None:
        """Drops what is older, a good deal at once."""
        old = bisect_left(self.times, before_s)
        if old > TRIM_ABOVE:
            del self.times[:old], self.values[:old], self.counts[:old]

    def between(self, begin_s: float, end_s: float) -> tuple[int, int]:
        """The places of the first point in it and of the one behind the last."""
        return bisect_left(self.times, begin_s), bisect_right(self.times, end_s)

    def at(self, time_s: float, within_s: float) -> float | None:
        """The value nearest to a time, None where none is near."""
        place = bisect_left(self.times, time_s)
        near = [n for n in (place - 1, place) if 0 <= n < len(self.times)]
        found = min(near, key=lambda n: abs(self.times[n] - time_s), default=None)
        if found is None or abs(self.times[found] - time_s) > within_s:
            return None
        return self.values[found]


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """What one path did in a stretch of time; seconds, shares, bits a second. None: not measured.

    `n` round trips, `probes` whose fate is known, `lost_out` and `lost_back` of them.
    """

    n: int = 0
    last_s: float | None = None
    p50_s: float | None = None
    p95_s: float | None = None
    p99_s: float | None = None
    floor_s: float | None = None
    worst_s: float | None = None
    mean_s: float | None = None
    jitter_out_s: float | None = None
    jitter_back_s: float | None = None
    jitter_n: int = 0
    probes: int = 0
    lost_out: int = 0
    lost_back: int = 0
    sent_bps: float | None = None
    received_bps: float | None = None
    rate_s: float = 0.0
    fragments: float | None = None
    messages: int = 0

    @property
    def loss_out(self) -> float | None:
        """Share lost on the way there."""
        return self.lost_out / self.probes if self.probes else None

    @property
    def loss_back(self) -> float | None:
        """Share of those that got there whose answer was lost."""
        arrived = self.probes - self.lost_out
        return self.lost_back / arrived if arrived else None


class SeriesBook:
    """Give it what was pulled; `since_s` is what to ask for next."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.wall_s = 0.0
        self.paths: dict[str, dict[str, Series]] = {}

    @property
    def since_s(self) -> float | None:
        """Points since then are wanted; None: all that there are."""
        return self.now_s - OVERLAP_S if self.paths else None

    def take(self, data: PlotData) -> None:
        """Adds what is new; a path that is not told of any more is forgotten. A clock that went back begins anew."""
        if data.now_s < self.now_s:
            self.paths.clear()
        self.now_s, self.wall_s = data.now_s, data.wall_s
        for gone in self.paths.keys() - data.series.keys():
            del self.paths[gone]
        for key, pulled in data.series.items():
            mine = self.paths.setdefault(key, {name: Series() for name in METRICS})
            for name, series in mine.items():
                points = getattr(pulled, name)
                series.add(points.times_s, points.values, points.counts)
                series.forget(data.now_s - KEPT_S)

    def series(self, key: str, name: str) -> Series | None:
        """One series."""
        return self.paths.get(key, {}).get(name)

    def wall(self, at_s: float) -> float:
        """Seconds since 1970 of a time on the engine's clock."""
        return self.wall_s - (self.now_s - at_s)

    def round_trips(self, key: str, begin_s: float, end_s: float) -> list[float]:
        """In seconds, sorted."""
        series = self.series(key, "rtt")
        if series is None:
            return []
        first, behind = series.between(begin_s, end_s)
        return sorted(series.values[first:behind])

    def stretch(self, key: str, begin_s: float, end_s: float) -> Stretch:
        """What the path did between two times."""
        ranked = self.round_trips(key, begin_s, end_s)
        rtt = self.series(key, "rtt")
        last = None
        if rtt is not None and ranked:
            last = rtt.values[rtt.between(begin_s, end_s)[1] - 1]
        lost_out, probes = self._sum(key, "loss_out", begin_s, end_s)
        lost_back, _ = self._sum(key, "loss_back", begin_s, end_s)
        sent, sent_s = self._sum(key, "sent", begin_s, end_s)
        received, received_s = self._sum(key, "received", begin_s, end_s)
        packets, messages = self._sum(key, "fragments", begin_s, end_s)
        jitter_out, jitter_n = self._sum(key, "jitter_out", begin_s, end_s)
        jitter_back, back_n = self._sum(key, "jitter_back", begin_s, end_s)
        return Stretch(
            n=len(ranked),
            last_s=last,
            p50_s=quantile(ranked, 0.5) if ranked else None,
            p95_s=quantile(ranked, 0.95) if ranked else None,
            p99_s=quantile(ranked, 0.99) if ranked else None,
            floor_s=ranked[0] if ranked else None,
            worst_s=ranked[-1] if ranked else None,
            mean_s=statistics.fmean(ranked) if ranked else None,
            jitter_out_s=jitter_out / jitter_n if jitter_n else None,
            jitter_back_s=jitter_back / back_n if back_n else None,
            jitter_n=round(jitter_n),
            probes=round(probes),
            lost_out=max(0, round(lost_out)),
            lost_back=max(0, round(lost_back)),
            sent_bps=8 * sent / sent_s if sent_s else None,
            received_bps=8 * received / received_s if received_s else None,
            rate_s=sent_s,
            fragments=packets / messages if messages else None,
            messages=round(messages),
        )

    def _sum(self, key: str, name: str, begin_s: float, end_s: float) -> tuple[float, float]:
        """The sum of value times count, and of the counts."""
        series = self.series(key, name)
        if series is None:
            return 0.0, 0.0
        first, behind = series.between(begin_s, end_s)
        values, counts = series.values[first:behind], series.counts[first:behind]
        return sum(v * n for v, n in zip(values, counts, strict=True)), sum(counts)
