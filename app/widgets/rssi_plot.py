"""The received strength of one device over the last minute, with its scale."""

from app.widgets.curve_plot import Axis, Curve, CurvePlot
from app.widgets.signal_delegate import STRONGEST_DBM, WEAKEST_DBM
from app.widgets.theme import Theme

HEIGHT = 132
MARKS_DBM = (-40, -60, -80, -100)
MARKS_S = (60, 45, 30, 15, 0)


class RssiPlot(CurvePlot):
    """`show_history` takes (seconds ago, dBm), oldest first."""

    def __init__(self, theme: Theme, span_s: float = 60.0) -> None:
        super().__init__(theme, "Received strength over the last minute", HEIGHT)
        self._span_s = span_s

    def show_history(self, history: tuple[tuple[float, float], ...]) -> None:
        """Draws another history."""
        recent = [(-ago_s, dbm) for ago_s, dbm in history if ago_s <= self._span_s]
        self.show_curves(
            (Curve(tuple(at for at, _ in recent), tuple(dbm for _, dbm in recent), "ble"),),
            Axis(
                -self._span_s,
                0.0,
                tuple((-ago_s, "now" if ago_s == 0 else f"{ago_s} s") for ago_s in MARKS_S),
            ),
            Axis(WEAKEST_DBM, STRONGEST_DBM, tuple((dbm, f"−{-dbm}") for dbm in MARKS_DBM)),
        )
