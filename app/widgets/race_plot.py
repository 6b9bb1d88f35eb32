"""The race's one plot: how long each message took, by transport, on a logarithmic axis."""

from itertools import pairwise
from math import log10, nan

from app.presenters.axis import decades, tick_text
from app.presenters.race import RaceCurve
from app.widgets.curve_plot import Axis, Curve, CurvePlot
from app.widgets.theme import Theme

HIGH = 220
GAP_S = 0.5
LEAST_S, MOST_S = 1e-4, 1.0


class RacePlot(CurvePlot):
    """Shows the curves of one race."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "One-way time of every message, by transport", HIGH)

    def show_race(self, curves: tuple[RaceCurve, ...], seconds: float) -> None:
        """Others."""
        known = [value for curve in curves for value in curve.values_s]
        if not known:
            return
        least = max(LEAST_S, min(known)) / 1.3
        most = max(least * 10, min(MOST_S, max(known)) * 1.3)
        span_s = max(1.0, seconds)
        words = (
            (tick, f"{tick_text(tick * 1000)} ms" if tick < 1 else f"{tick_text(tick)} s")
            for tick in decades(least, most)
        )
        self.show_curves(
            tuple(_curve(curve) for curve in curves),
            Axis(
                0.0,
                span_s,
                tuple((share * span_s, f"{share * span_s:g} s") for share in (0.0, 0.25, 0.5, 0.75, 1.0)),
            ),
            Axis(log10(least), log10(most), tuple((log10(tick), text) for tick, text in words)),
        )


def _curve(curve: RaceCurve) -> Curve:
    """On the logarithmic axis; a pause of half a second breaks the line."""
    x, y = [*curve.times_s[:1]], [_height(value) for value in curve.values_s[:1]]
    for (before_s, _), (at_s, value) in pairwise(zip(curve.times_s, curve.values_s, strict=True)):
        if at_s - before_s > GAP_S:
            x.append(at_s)
            y.append(nan)
        x.append(at_s)
        y.append(_height(value))
    return Curve(tuple(x), tuple(y), curve.color, curve.style)


def _height(value_s: float) -> float:
    return log10(max(value_s, LEAST_S / 10))
