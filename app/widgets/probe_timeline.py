"""Probes as bars on one axis of time, growing while they wait."""

import time

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, QTimerEvent
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.presenters.nat_timeline import ProbeBar
from app.presenters.quantity import THIN
from app.presenters.tone import Tone
from app.widgets.theme import Theme

ROW = 24
AXIS = 22
BAR = 8
FRAME_MS = 50
STEPS_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
TICK = 64  # least px between two
RESULT = 80
TARGET = 140
LEAST_RUNNING_S = 0.5


class ProbeTimeline(QWidget):
    """A row for each probe: what it asks, whom, and from when to when. Hover or the arrows tell more."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._bars: tuple[ProbeBar, ...] = ()
        self._running = False
        self._zero_s = 0.0
        self._timer = 0
        self._current = -1
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_view(self, bars: tuple[ProbeBar, ...], *, running: bool) -> None:
        """Shows the bars; while `running`, open ones grow between two calls."""
        known_s = max((bar.end_s or bar.start_s for bar in bars), default=0.0)
        begins = running and not self._running
        zero_s = time.monotonic() - known_s
        self._zero_s = zero_s if begins or not running else min(self._zero_s, zero_s)
        changed = bars != self._bars or running != self._running
        self._bars, self._running = bars, running
        if running and not self._timer:
            self._timer = self.startTimer(FRAME_MS)
        elif not running and self._timer:
            self.killTimer(self._timer)
            self._timer = 0
        if changed:
            answered = sum(bar.tone is Tone.GOOD for bar in bars)
            self.setAccessibleName(f"Timeline: {len(bars)} probes, {answered} answered")
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """The axis and all rows."""
        return QSize(480, AXIS + ROW * max(1, len(self._bars)))

    def timerEvent(self, _event: QTimerEvent) -> None:  # noqa: N802
        """Lets the open bars grow."""
        if self.isVisible():
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Tells about the row under the pointer."""
        self._go_to(int(event.position().y() - AXIS) // ROW, event.globalPosition().toPoint())

    def leaveEvent(self, _event: object) -> None:  # noqa: N802
        """Forgets the row."""
        self._go_to(-1, QPoint())

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Up and down go through the rows."""
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        if step is None or not self._bars:
            super().keyPressEvent(event)
            return
        row = min(max(0, self._current + step), len(self._bars) - 1)
        self._go_to(row, self.mapToGlobal(QPoint(self._label_width(), AXIS + (row + 1) * ROW)))

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """The axis, then each row."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        now_s = time.monotonic() - self._zero_s
        last_s = max((bar.end_s or bar.start_s for bar in self._bars), default=0.0)
        span_s = max(now_s, LEAST_RUNNING_S) if self._running else last_s
        left = self._label_width()
        room = max(1, self.width() - left - RESULT)
        step_s = next((step for step in STEPS_S if span_s / step * TICK <= room), STEPS_S[-1])
        scale = room / max(span_s, step_s)
        self._axis(painter, left, scale, step_s, max(span_s, step_s))
        for row, bar in enumerate(self._bars):
            self._row(painter, row, bar, left, scale, now_s)

    def _label_width(self) -> int:
        """As much as the longest name needs, with the target too where there is room."""
        metrics = QFontMetrics(self._theme.font("small"))
        name = max((metrics.horizontalAdvance(bar.name) for bar in self._bars), default=0) + 24
        wanted = name + TARGET if self.width() > 2 * (name + TARGET) else name
        return min(wanted, self.width() * 55 // 100)

    def _axis(self, painter: QPainter, left: int, scale: float, step_s: float, span_s: float) -> None:
        font = self._theme.font("small")
        painter.setFont(font)
        for tick in range(int(span_s / step_s + 1.001)):
            x = left + tick * step_s * scale
            painter.setPen(QPen(self._theme.color("line"), 1))
            painter.drawLine(int(x), AXIS - 4, int(x), self.height())
            painter.setPen(self._theme.color("muted"))
            text = _tick(tick * step_s)
            place = QRectF(x - 40, 0, 80, AXIS - 5)
            painter.drawText(place, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter, text)

    def _row(self, painter: QPainter, row: int, bar: ProbeBar, left: int, scale: float, now_s: float) -> None:
        top = AXIS + row * ROW
        if row == self._current:
            painter.fillRect(0, top, self.width(), ROW, self._theme.color("text", 0.06))
        self._label(painter, bar, QRectF(4, top, left - 16, ROW))
        end_s = max(bar.start_s, now_s) if bar.end_s is None else bar.end_s
        x, width = left + bar.start_s * scale, max(3.0, (end_s - bar.start_s) * scale)
        place = QRectF(x, top + (ROW - BAR) / 2, width, BAR)
        ink = self._theme.color("accent" if bar.end_s is None else str(bar.tone))
        if bar.end_s is None or bar.tone is Tone.GOOD:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.color("accent", 0.45) if bar.end_s is None else ink)
            painter.drawRoundedRect(place, BAR / 2, BAR / 2)
        else:
            painter.setPen(QPen(ink, 1.25, Qt.PenStyle.SolidLine))
            painter.setBrush(self._theme.color("surface"))
            painter.drawRoundedRect(place.adjusted(0.6, 0.6, -0.6, -0.6), BAR / 2, BAR / 2)
        painter.setPen(self._theme.color("bad" if bar.tone is Tone.BAD else "muted"))
        painter.setFont(self._theme.font("small"))
        text = QRectF(place.right() + 8, top, painter.fontMetrics().horizontalAdvance(bar.result) + 2, ROW)
        if row != self._current:  # a line of the axis must not go through the figure
            painter.fillRect(text.adjusted(-3, 3, 3, -3), self._theme.color("surface"))
        painter.drawText(text, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, bar.result)

    def _label(self, painter: QPainter, bar: ProbeBar, place: QRectF) -> None:
        font = self._theme.font("small")
        metrics = QFontMetrics(font)
        painter.setFont(font)
        painter.setPen(self._theme.color("text"))
        name = metrics.elidedText(bar.name, Qt.TextElideMode.ElideRight, int(place.width()))
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(place, flags, name)
        rest = int(place.width()) - metrics.horizontalAdvance(name) - 10
        if rest > TARGET - 32:
            painter.setPen(self._theme.color("muted"))
            target = metrics.elidedText(bar.target, Qt.TextElideMode.ElideMiddle, rest)
            painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, target)

    def _go_to(self, row: int, where: QPoint) -> None:
        row = row if 0 <= row < len(self._bars) else -1
        if row != self._current:
            self._current = row
            self.update()
        if row >= 0:
            QToolTip.showText(where, self._bars[row].detail, self)
        else:
            QToolTip.hideText()


def _tick(at_s: float) -> str:
    return "0" if at_s == 0 else f"{at_s * 1000:.0f}{THIN}ms" if at_s < 1 else f"{at_s:g}{THIN}s"
