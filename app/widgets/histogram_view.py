"""How often which round trip: bars, with the median and the 99th percentile marked."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.presenters.axis import tick_text, ticks
from app.presenters.metrics import HistogramView
from app.presenters.quantity import duration
from app.widgets.theme import Theme

HIGH, LEFT, RIGHT, HEAD, FOOT = 200, 8, 8, 22, 24


class HistogramPlot(QWidget):
    """Shows one path's."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._view = HistogramView()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(HIGH)
        self.setAccessibleName("Distribution of round trips")
        theme.changed.connect(self.update)

    def show_view(self, view: HistogramView) -> None:
        """Another distribution."""
        if view != self._view:
            self._view = view
            self.setAccessibleDescription(
                ", ".join(f"{name} {duration(ms / 1e3)}" for name, ms in view.marks) or "not measured"
            )
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Wide and low."""
        return QSize(360, HIGH)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Bars, marks, axis."""
        view, theme = self._view, self._theme
        painter = QPainter(self)
        painter.setFont(theme.font("small"))
        metrics = QFontMetrics(painter.font())
        plot = QRectF(LEFT, HEAD, self.width() - LEFT - RIGHT, self.height() - HEAD - FOOT)
        if not view.counts:
            painter.setPen(theme.color("muted"))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "Too few round trips yet.")
            return
        low, high, most = view.edges_ms[0], view.edges_ms[-1], max(view.counts)

        def x(ms: float) -> float:
            return plot.left() + (ms - low) / (high - low) * plot.width()

        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(view.color, 0.75))
        for begin, end, count in zip(view.edges_ms, view.edges_ms[1:], view.counts, strict=False):
            if count:
                tall = max(1.5, plot.height() * count / most)
                painter.drawRect(
                    QRectF(x(begin) + 0.5, plot.bottom() - tall, max(1.0, x(end) - x(begin) - 1), tall)
                )
        painter.setPen(QPen(theme.color("outline", 0.6), 1))
        painter.drawLine(
            QPointF(plot.left(), plot.bottom() + 0.5), QPointF(plot.right(), plot.bottom() + 0.5)
        )
        painter.setPen(theme.color("muted"))
        for tick in ticks(high, max(2, self.width() // 90)):
            if tick >= low:
                text = f"{tick_text(round(tick, 4))}"
                width = metrics.horizontalAdvance(text)
                at = min(max(x(tick) - width / 2, 0.0), self.width() - width - 1.0)
                painter.drawText(QPointF(at, plot.bottom() + 17), text)
        right = -1.0
        for name, ms in view.marks:
            at = round(min(x(ms), plot.right())) + 0.5
            painter.setPen(QPen(theme.color("text"), 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(at, plot.top() - 2), QPointF(at, plot.bottom()))
            text = f"{name} {duration(ms / 1e3)}"
            width = metrics.horizontalAdvance(text)
            left = max(right + 12, min(at - width / 2, self.width() - width - 1.0))
            painter.setPen(theme.color("text"))
            painter.drawText(QPointF(left, HEAD - 8), text)
            right = left + width
