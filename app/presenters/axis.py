"""Axes that do not jump about: round tops, few ticks, and words for them."""

import math
from collections.abc import Sequence
from typing import Final

from app.presenters.quantity import THIN

STEPS: Final = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0)
TICK_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
RATE_UNITS: Final = ((1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s"), (1.0, "bit/s"))
SECOND_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400)


def nice_ceiling(value: float) -> float:
    """The next of a few round numbers: 1, 1.5, 2, 3, 5 or 7 times a power of ten."""
    if value <= 0 or not math.isfinite(value):
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    for step in STEPS:
        if value <= step * power * (1 + 1e-9):
            return step * power
    return 10.0 * power


def ticks(top: float, most: int) -> list[float]:
    """Round values from 0 to `top`, at most `most` steps of them."""
    if top <= 0 or most < 1:
        return [0.0]
    power = 10.0 ** math.floor(math.log10(top / most))
    step = next(step * power for step in TICK_STEPS if top / (step * power) <= most + 1e-9)
    return [step * number for number in range(int(top / step + 1e-9) + 1)]


def decades(least: float, most: float) -> list[float]:
    """1, 2 and 5 times the powers of ten between two values: the ticks of a logarithmic axis."""
    found = []
    for power in range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1):
        found += [factor * 10.0**power for factor in (1, 2, 5) if least <= factor * 10.0**power <= most]
    return found


def tick_text(value: float) -> str:
    """A round number without needless zeros."""
    return f"{value:,.10g}".replace(",", THIN)


def rate_unit(top_bits_per_s: float) -> tuple[float, str]:
    """What to divide bits a second by, and the unit's name."""
    return next((each for each in RATE_UNITS if top_bits_per_s >= each[0]), RATE_UNITS[-1])


def second_ticks(span_s: float, most: int) -> list[float]:
    """How long ago each tick of a time axis is, newest first."""
    step = next((step for step in SECOND_STEPS if span_s / step <= most), SECOND_STEPS[-1])
    return [float(step * number) for number in range(int(span_s / step + 1e-9) + 1)]


def ago_text(seconds: float) -> str:
    """Under a time axis: now, 30 s, 5 min, 2 h."""
    if seconds == 0:
        return "now"
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"−{seconds / size:g}{THIN}{unit}"
    if seconds > 60:
        return f"−{int(seconds // 60)}:{int(seconds % 60):02d}"
    return f"−{seconds:g}{THIN}s"


def quantile(ranked: Sequence[float], share: float) -> float:
    """The smallest of sorted values that at least `share` of them are not above."""
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]
