"""A live plot: seconds ago along the bottom, one curve a path, calm axes.

Drawn by pyqtgraph in the way that was measured to be cheap: a `GridItem` for the grid, one pixel pens without
antialiasing, fixed x, and a y range that widens at once but narrows only when it has been too wide for a while.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.widgets.theme import Theme

NARROW_AFTER = 30
HEADROOM = 1.15
STYLES = {
    "solid": Qt.PenStyle.SolidLine,
    "dash": Qt.PenStyle.DashLine,
    "dot": Qt.PenStyle.DotLine,
    "dash-dot": Qt.PenStyle.DashDotLine,
}


@dataclass(frozen=True)
class Curve:
    """One line: `ago_s` (0 is now, growing into the past) and values; `color` is a token of the theme."""

    ago_s: Sequence[float]
    values: Sequence[float]
    color: str
    style: str = "solid"


def nice_ceiling(value: float) -> float:
    """The next of a few round numbers: a top of the axis that does not jump about."""
    if value <= 0 or not math.isfinite(value):
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    for step in (1.0, 1.5, 2.0, 3.0, 5.0, 7.0):
        if value <= step * power * (1 + 1e-9):
            return step * power
    return 10.0 * power


class _SecondsAgo(pg.AxisItem):  # type: ignore[misc]
    """Ticks that say how long ago; the last one is now."""

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:  # noqa: N802
        """The words under the axis."""
        return ["now" if value == 0 else f"{-value:g} s" for value in values]


class LivePlot(QWidget):
    """`show_curves` replaces what is drawn; nothing is drawn while the widget is hidden."""

    def __init__(self, theme: Theme, title: str, *, seconds: float = 60.0, least_top: float = 1.0) -> None:
        super().__init__()
        self._theme = theme
        self._seconds = seconds
        self._least_top = least_top
        self._top = least_top
        self._too_wide = 0
        self._curves: dict[str, pg.PlotDataItem] = {}
        self._looks: dict[str, tuple[str, str]] = {}
        self.setAccessibleName(title)
        self._plot = pg.PlotWidget(antialias=False, axisItems={"bottom": _SecondsAgo("bottom")})
        self._plot.setMenuEnabled(False)
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.hideButtons()
        self._plot.getPlotItem().layout.setContentsMargins(0, 10, 6, 0)  # the top label needs room
        self._plot.setXRange(-seconds, 0, padding=0)
        self._plot.setYRange(0, least_top, padding=0)
        self._grid = pg.GridItem(textPen=None)
        self._plot.addItem(self._grid)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._plot)
        theme.changed.connect(self._dress)
        self._dress()

    @property
    def top(self) -> float:
        """The top of the y axis."""
        return self._top

    def curve_count(self) -> int:
        """How many curves are there."""
        return len(self._curves)

    def set_seconds(self, seconds: float) -> None:
        """How far back the plot reaches."""
        self._seconds = seconds
        self._plot.setXRange(-seconds, 0, padding=0)

    def show_curves(self, curves: Mapping[str, Curve]) -> None:
        """Draws these curves and no others; a NaN is a gap."""
        for key in [key for key in self._curves if key not in curves]:
            self._plot.removeItem(self._curves.pop(key))
            del self._looks[key]
        highest = 0.0
        for key, curve in curves.items():
            x = -np.asarray(curve.ago_s, dtype=float)
            y = np.asarray(curve.values, dtype=float)
            item = self._curves.get(key)
            if item is None:
                item = self._curves[key] = pg.PlotDataItem(connect="finite", skipFiniteCheck=False)
                self._plot.addItem(item)
            if self._looks.get(key) != (curve.color, curve.style):
                self._looks[key] = (curve.color, curve.style)
                item.setPen(self._pen(curve.color, curve.style))
            item.setData(x, y)
            shown = y[(x >= -self._seconds) & np.isfinite(y)]
            if shown.size:
                highest = max(highest, float(shown.max()))
        self._fit(highest)

    def _fit(self, highest: float) -> None:
        wanted = max(self._least_top, nice_ceiling(highest * HEADROOM))
        self._too_wide = self._too_wide + 1 if wanted < self._top else 0
        if wanted > self._top or self._too_wide >= NARROW_AFTER:
            self._top = wanted
            self._too_wide = 0
            self._plot.setYRange(0, wanted, padding=0)

    def _pen(self, color: str, style: str) -> object:
        return pg.mkPen(self._theme.color(color), width=1, style=STYLES[style])

    def _dress(self) -> None:
        theme = self._theme
        self._plot.setBackground(theme.color("surface"))
        self._grid.setPen(pg.mkPen(theme.color("line"), width=1))
        for side in ("left", "bottom"):
            axis = self._plot.getAxis(side)
            axis.setPen(pg.mkPen(theme.color("outline"), width=1))
            axis.setTextPen(theme.color("muted"))
            axis.setTickFont(theme.font("small"))
        self._plot.getAxis("left").setWidth(44)
        for key, (color, style) in self._looks.items():
            self._curves[key].setPen(self._pen(color, style))
