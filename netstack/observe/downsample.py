"""Values of a series become spans of one second, ten seconds and a minute: least, mean, most, p99, how many."""

from collections.abc import Callable
from typing import Final, NamedTuple

from netstack.core.histogram import Histogram

STEPS_S: Final = (1, 10, 60)


class Span(NamedTuple):
    """`n` values between `at_s` (whole seconds since 1970) and `step_s` later."""

    step_s: int
    at_s: int
    least: float
    mean: float
    most: float
    p99: float
    n: int


class Downsampler:
    """One series; `closed` gets each span once it is over. A late value goes into the span that is open."""

    __slots__ = ("_closed", "_open")

    def __init__(self, closed: Callable[[Span], None]) -> None:
        self._closed = closed
        self._open: dict[int, tuple[int, Histogram]] = {}

    def add(self, at_s: float, value: float, count: int = 1) -> None:
        """A value that stands for `count` measurements."""
        for step_s in STEPS_S:
            start_s = int(at_s) // step_s * step_s
            held = self._open.get(step_s)
            if held is None or start_s > held[0]:
                if held is not None:
                    self._emit(step_s, *held)
                held = self._open[step_s] = start_s, Histogram()
            held[1].add(value, count)

    def close(self) -> None:
        """What is open is over."""
        for step_s, held in self._open.items():
            self._emit(step_s, *held)
        self._open.clear()

    def _emit(self, step_s: int, at_s: int, values: Histogram) -> None:
        if values.n:
            self._closed(
                Span(
                    step_s,
                    at_s,
                    values.least,
                    values.mean or 0.0,
                    values.greatest,
                    values.quantile(0.99) or 0.0,
                    values.n,
                )
            )
