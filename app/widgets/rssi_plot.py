"""The received strength of one device over the last minute, with its scale."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.widgets.signal_delegate import STRONGEST_DBM, WEAKEST_DBM, signal_points
from app.widgets.theme import Theme

HEIGHT = 132
LEFT, BOTTOM, TOP = 44, 20, 8
MARKS_DBM = (-40, -60, -80, -100)
MARKS_S = (60, 45, 30, 15, 0)


class RssiPlot(QWidget):
    """`show_history` takes (seconds ago, dBm), oldest first."""

    def __init__(self, theme: Theme, span_s: float = 60.0) -> None:
        super().__init__()
        self._theme = theme
        self._span_s = span_s
        self._history: tuple[tuple[float, float], ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Received strength over the last minute")
        theme.changed.connect(self.update)

    def show_history(self, history: tuple[tuple[float, float], ...]) -> None:
        """Draws another history."""
        if history != self._history:
            self._history = history
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """As wide as there is room."""
        return QSize(320, HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Scale, then the line."""
        painter = QPainter(self)
        painter.setFont(self._theme.font("small"))
        area = QRectF(LEFT, TOP, self.width() - LEFT - 8, self.height() - TOP - BOTTOM)
        for dbm in MARKS_DBM:
            y = area.bottom() - (dbm - WEAKEST_DBM) / (STRONGEST_DBM - WEAKEST_DBM) * area.height()
            painter.setPen(QPen(self._theme.color("line"), 1))
            painter.drawLine(round(area.left()), round(y), round(area.right()), round(y))
            painter.setPen(self._theme.color("muted"))
            label = QRectF(0, y - 10, LEFT - 8, 20)
            painter.drawText(label, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"−{-dbm}")
        for ago_s in MARKS_S:
            x = area.right() - ago_s / self._span_s * area.width()
            text = "now" if ago_s == 0 else f"{ago_s} s"
            align = {0: Qt.AlignmentFlag.AlignRight, 60: Qt.AlignmentFlag.AlignLeft}.get(
                ago_s, Qt.AlignmentFlag.AlignHCenter
            )
            shift = {0: -48, 60: 0}.get(ago_s, -24)
            painter.drawText(QRectF(x + shift, area.bottom() + 2, 48, BOTTOM - 2), align, text)
        points = signal_points(self._history, self._span_s, area)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._theme.color("ble"), 1.5))
        if points.size() > 1:
            painter.drawPolyline(points)
        elif points.isEmpty():
            painter.setPen(self._theme.color("muted"))
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, "Nothing heard in the last minute")
