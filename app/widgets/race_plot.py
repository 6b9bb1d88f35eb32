"""The race's one plot: how long each message took, by transport, on a logarithmic axis."""

from array import array
from math import log10

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.presenters.axis import decades, tick_text
from app.presenters.race import RaceCurve
from app.widgets.pens import STYLES
from app.widgets.polyline import polygons
from app.widgets.theme import Theme

HIGH, LEFT, RIGHT, HEAD, FOOT = 220, 52, 8, 10, 24
GAP_S = 0.5
LEAST_S, MOST_S = 1e-4, 1.0


class RacePlot(QWidget):
    """Shows the curves of one race."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._curves: tuple[RaceCurve, ...] = ()
        self._seconds = 1.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(HIGH)
        self.setAccessibleName("One-way time of every message, by transport")
        theme.changed.connect(self.update)

    def show_curves(self, curves: tuple[RaceCurve, ...], seconds: float) -> None:
        """Others."""
        self._curves, self._seconds = curves, max(1.0, seconds)
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Wide and low."""
        return QSize(420, HIGH)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Grid, then curves."""
        painter = QPainter(self)
        self.render_picture(painter)

    def render_picture(self, painter: QPainter) -> None:
        """Onto any paper."""
        theme = self._theme
        painter.setFont(theme.font("small"))
        metrics = QFontMetrics(painter.font())
        plot = QRectF(LEFT, HEAD, self.width() - LEFT - RIGHT, HIGH - HEAD - FOOT)
        known = [value for curve in self._curves for value in curve.values_s]
        least = max(LEAST_S, min(known, default=LEAST_S)) / 1.3
        most = max(least * 10, min(MOST_S, max(known, default=MOST_S)) * 1.3)
        scale = plot.height() / (log10(most) - log10(least))
        bottom = plot.bottom() + scale * log10(least)
        for tick in decades(least, most):
            y = round(bottom - scale * log10(tick)) + 0.5
            painter.setPen(QPen(theme.color("line"), 1))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(theme.color("muted"))
            text = f"{tick_text(tick * 1000)} ms" if tick < 1 else f"{tick_text(tick)} s"
            painter.drawText(
                QPointF(LEFT - 6 - metrics.horizontalAdvance(text), y + metrics.ascent() / 2 - 2), text
            )
        for share in (0.0, 0.25, 0.5, 0.75, 1.0):
            text = f"{share * self._seconds:g} s"
            width = metrics.horizontalAdvance(text)
            x = min(max(plot.left(), plot.left() + share * plot.width() - width / 2), plot.right() - width)
            painter.setPen(theme.color("muted"))
            painter.drawText(QPointF(x, plot.bottom() + 17), text)
        painter.setClipRect(plot.adjusted(0, -1, 0, 1))
        for curve in self._curves:
            pen = QPen(theme.color(curve.color), 1)
            pen.setStyle(STYLES.get(curve.style, Qt.PenStyle.SolidLine))
            painter.setPen(pen)
            to_x = (plot.width() / self._seconds, plot.left())
            pieces = polygons(
                array("d", curve.times_s), array("d", curve.values_s), to_x, (-scale, bottom), GAP_S, True
            )
            for piece in pieces:
                painter.drawPolyline(piece)
        painter.setClipping(False)
