"""Curves with labelled ticks, drawn by pyqtgraph, which is loaded when the first of them is shown.

For plots that change now and then. What moves ten times a second on every path is `time_bands`, which costs half.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from app.widgets.pens import STYLES
from app.widgets.theme import Theme

AXIS_WIDTH = 52


class Curve(NamedTuple):
    """One line; `color` is a token of the theme. A NaN is a gap."""

    x: Sequence[float]
    y: Sequence[float]
    color: str
    style: str = "solid"


class Axis(NamedTuple):
    """From where to where, and the ticks with their words."""

    least: float
    most: float
    ticks: tuple[tuple[float, str], ...]


class CurvePlot(QWidget):
    """`show_curves` replaces what is drawn."""

    def __init__(self, theme: Theme, name: str, height: int) -> None:
        super().__init__()
        self._theme = theme
        self._plot: Any = None
        self._shown: tuple[tuple[Curve, ...], Axis, Axis] | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(height)
        self.setAccessibleName(name)
        self._whole = QVBoxLayout(self)
        self._whole.setContentsMargins(0, 0, 0, 0)
        theme.changed.connect(self._draw)

    def show_curves(self, curves: tuple[Curve, ...], x: Axis, y: Axis) -> None:
        """Draws these curves and no others."""
        if (curves, x, y) != self._shown:
            self._shown = curves, x, y
            self._draw()

    def render_picture(self, painter: QPainter) -> None:
        """Onto any paper."""
        if self._plot is not None:
            self._plot.render(painter)

    def _draw(self) -> None:
        if self._shown is None:
            return
        import numpy as np  # noqa: PLC0415 - a quarter of a second that the first window need not wait for
        import pyqtgraph as pg  # noqa: PLC0415

        if self._plot is None:
            self._plot = pg.PlotWidget(antialias=False)
            self._plot.setMenuEnabled(False)
            self._plot.setMouseEnabled(x=False, y=False)
            self._plot.hideButtons()
            self._plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            self._plot.getPlotItem().layout.setContentsMargins(0, 10, 8, 0)  # the highest label needs room
            self._whole.addWidget(self._plot)
        curves, x, y = self._shown
        theme, plot = self._theme, self._plot
        plot.clear()
        plot.setBackground(theme.color("surface"))
        plot.setXRange(x.least, x.most, padding=0)
        plot.setYRange(y.least, y.most, padding=0)
        for side, axis in (("bottom", x), ("left", y)):
            item = plot.getAxis(side)
            item.setTicks([axis.ticks])
            item.setPen(pg.mkPen(theme.color("line"), width=1))
            item.setTextPen(theme.color("muted"))
            item.setTickFont(theme.font("small"))
            item.setStyle(tickLength=0)
        plot.getAxis("left").setWidth(AXIS_WIDTH)
        for at, _ in y.ticks:
            plot.addItem(pg.InfiniteLine(at, angle=0, pen=pg.mkPen(theme.color("line"), width=1)))
        for curve in curves:
            pen = pg.mkPen(theme.color(curve.color), width=1, style=STYLES.get(curve.style, STYLES["solid"]))
            points = np.asarray(curve.x, dtype=float), np.asarray(curve.y, dtype=float)
            plot.addItem(pg.PlotDataItem(*points, pen=pen, connect="finite"))
