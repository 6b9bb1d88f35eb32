"""Live plots over one time axis: a band each, one crosshair through all of them, and a stretch that can be dragged out.

Painted by hand, because it is what was measured to be cheap: a cached backdrop, one pixel pens, least and most of each
column; five bands of five paths cost a few per cent of a core at ten pictures a second. Hidden it costs nothing.
"""

from array import array
from bisect import bisect_left, bisect_right
from math import floor, log10
from typing import Final

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from app.presenters.axis import ago_text, decades, nice_ceiling, rate_unit, second_ticks, tick_text, ticks
from app.presenters.metrics import BandView, CurveView
from app.presenters.quantity import digits, duration, moment
from app.widgets.pens import STYLES
from app.widgets.polyline import polygons
from app.widgets.theme import Theme

LEFT, RIGHT, HEAD, FOOT, AIR = 48, 10, 22, 26, 4
HIGH: Final = {"latency": 164}
LOW = 58
LEAST_SPAN_S, MOST_SPAN_S = 10.0, 600.0
NARROW_AFTER = 30
HEADROOM = 1.12
GAP_S = 2.5
LEAST_FOCUS_PX = 6
NEAR_S = 2.0
LONG_AGO_S = 3600.0
ZOOM = 1.25
LOG_DECADES = 1.5


class _Band:
    """One plot: where it is, and the top of its axis, which narrows only after a while."""

    def __init__(self, view: BandView) -> None:
        self.view = view
        self.rect = QRectF()
        self.top = view.least_top
        self.bottom = 0.0
        self._too_wide = 0

    def fit(self, least: float, most: float, *, log: bool) -> bool:
        """True when the axis is another one now."""
        wanted = max(self.view.least_top, nice_ceiling(most * HEADROOM))
        bottom = 0.0
        if log:
            bottom = 10.0 ** floor(log10(max(least, 1e-3)))
            wanted = max(wanted, bottom * 10**LOG_DECADES)
        before = self.top, self.bottom
        self._too_wide = self._too_wide + 1 if wanted < self.top else 0
        if wanted > self.top or self._too_wide >= NARROW_AFTER or (log and bottom < self.bottom) or not log:
            if wanted > self.top or self._too_wide >= NARROW_AFTER:
                self.top, self._too_wide = wanted, 0
            self.bottom = bottom
        return before != (self.top, self.bottom)


class TimeBands(QWidget):
    """`focused` gives (begin, end) on the engine's clock, or None; `spanned` how many seconds are shown now."""

    focused = Signal(object)
    spanned = Signal(float)
    panned = Signal(float)

    def __init__(
        self,
        theme: Theme,
        *,
        span_s: float = 60.0,
        least_s: float = LEAST_SPAN_S,
        most_s: float = MOST_SPAN_S,
    ) -> None:
        super().__init__()
        self._theme = theme
        self._least_s, self._most_s = least_s, most_s
        self._gap_s = GAP_S
        self._bands: list[_Band] = []
        self._now_s = 0.0
        self._wall_s = 0.0
        self._span_s = span_s
        self._offset_s = 0.0
        self._log = False
        self._strong = ""
        self._focus: tuple[float, float] | None = None
        self._drag: tuple[float, float] | None = None
        self._hover: float | None = None
        self._backdrop: QPixmap | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setAccessibleName("Plots over time")
        self.setAccessibleDescription(
            "Plus and minus zoom, the arrows move, Home goes back to now, Escape ends the focus"
        )
        theme.changed.connect(self._forget_backdrop)

    # What it shows.

    def show_bands(
        self, bands: tuple[BandView, ...], now_s: float, wall_s: float, gap_s: float = GAP_S
    ) -> None:
        """New points: the bands stay the same ones by their keys. A pause longer than `gap_s` breaks a line."""
        self._gap_s = gap_s
        if [band.view.key for band in self._bands] != [view.key for view in bands]:
            self._bands = [_Band(view) for view in bands]
            self._place()
        for band, view in zip(self._bands, bands, strict=True):
            band.view = view
        self._now_s, self._wall_s = now_s, wall_s
        self._fit()
        self.update()

    @property
    def window(self) -> tuple[float, float]:  # type: ignore[override]
        """From when to when, on the engine's clock."""
        end_s = self._now_s - self._offset_s
        return end_s - self._span_s, end_s

    @property
    def focus_s(self) -> tuple[float, float] | None:
        """The stretch that was dragged out."""
        return self._focus

    @property
    def tops(self) -> dict[str, float]:
        """The tops of the axes by band."""
        return {band.view.key: band.top for band in self._bands}

    def set_span(self, seconds: float) -> None:
        """How far back it reaches."""
        seconds = min(self._most_s, max(self._least_s, seconds))
        if seconds != self._span_s:
            self._span_s = seconds
            self._pan(self._offset_s)
            self._forget_backdrop()
            self.spanned.emit(seconds)

    def set_logarithmic(self, log: bool) -> None:
        """Latency by powers of ten: a fast and a slow path beside each other."""
        self._log = log
        for band in self._bands:
            band.top = band.view.least_top
        self._fit()
        self._forget_backdrop()

    def set_strong(self, key: str) -> None:
        """The path whose lines stand out; empty: none."""
        if key != self._strong:
            self._strong = key
            self.update()

    def set_focus_stretch(self, stretch: tuple[float, float] | None) -> None:
        """Judges this stretch alone; None: what is shown."""
        if stretch != self._focus:
            self._focus = stretch
            self.update()
            self.focused.emit(stretch)

    def back_to_now(self) -> None:
        """The right edge is now again."""
        self._pan(0.0)

    def _pan(self, offset_s: float) -> None:
        offset_s = min(max(0.0, offset_s), max(0.0, self._most_s - self._span_s))
        if offset_s != self._offset_s:
            self._offset_s = offset_s
            self._forget_backdrop()
            self.panned.emit(offset_s)

    # Size.

    def sizeHint(self) -> QSize:  # noqa: N802
        """As high as its bands."""
        return QSize(600, self._height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """It can be narrow."""
        return QSize(280, self._height())

    def _height(self) -> int:
        return sum(HEAD + HIGH.get(band.view.key, LOW) + AIR for band in self._bands) + FOOT

    def _place(self) -> None:
        y = 0
        for band in self._bands:
            high = HIGH.get(band.view.key, LOW)
            band.rect = QRectF(LEFT, y + HEAD, max(1, self.width() - LEFT - RIGHT), high)
            y += HEAD + high + AIR
        self.setFixedHeight(self._height())
        self._forget_backdrop()

    def resizeEvent(self, event: object) -> None:  # noqa: N802
        """Another width."""
        self._place()

    def _forget_backdrop(self) -> None:
        self._backdrop = None
        self.update()

    def _fit(self) -> None:
        begin_s, end_s = self.window
        changed = False
        for band in self._bands:
            least, most = float("inf"), 0.0
            for curve in band.view.curves:
                shown = _between(curve, begin_s, end_s)
                if shown:
                    most = max(most, max(shown) * curve.scale)
                    least = min(least, min(shown) * curve.scale)
            log = self._log and band.view.key == "latency"
            changed |= band.fit(least if least < float("inf") else 1.0, most, log=log)
        if changed:
            self._backdrop = None

    # Painting.

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Backdrop, curves, then what the pointer wants to know."""
        painter = QPainter(self)
        if self._backdrop is None:
            ratio = self.devicePixelRatioF()
            self._backdrop = QPixmap(round(self.width() * ratio), round(self.height() * ratio))
            self._backdrop.setDevicePixelRatio(ratio)
            behind = QPainter(self._backdrop)
            self._paint_backdrop(behind)
            behind.end()
        painter.drawPixmap(0, 0, self._backdrop)
        self._paint_front(painter)
        painter.end()

    def render_picture(self, painter: QPainter) -> None:
        """The same on any paper."""
        self._paint_backdrop(painter)
        self._paint_front(painter, pointer=False)

    def _paint_front(self, painter: QPainter, *, pointer: bool = True) -> None:
        self._paint_focus(painter)
        for band in self._bands:
            self._paint_curves(painter, band)
        if pointer and self._hover is not None and self._drag is None:
            self._paint_pointer(painter, self._hover)

    def _paint_backdrop(self, painter: QPainter) -> None:
        theme = self._theme
        small = theme.font("small")
        metrics = QFontMetrics(small)
        painter.fillRect(QRectF(0, 0, self.width(), self.height()), theme.color("surface"))
        seconds = second_ticks(self._span_s, max(2, self.width() // 110))
        if self._offset_s:
            seconds = [
                tick
                for tick in second_ticks(self._span_s + self._offset_s, max(2, self.width() // 110))
                if tick >= self._offset_s
            ]
        for band in self._bands:
            rect = band.rect
            painter.setFont(theme.font("small", strong=True))
            painter.setPen(theme.color("text"))
            title = QRectF(rect.left(), rect.top() - HEAD, rect.width(), HEAD - 4)
            bottom_left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom
            painter.drawText(title, bottom_left, band.view.title)
            width = QFontMetrics(painter.font()).horizontalAdvance(band.view.title)
            scale, unit = _unit(band)
            painter.setFont(small)
            painter.setPen(theme.color("muted"))
            painter.drawText(title.adjusted(width + 8, 0, 0, 0), bottom_left, unit)
            values = (
                decades(band.bottom, band.top)
                if band.bottom
                else ticks(band.top / scale, 4 if rect.height() > 100 else 2)
            )
            for value in values:
                y = round(self._y(band, value * (1 if band.bottom else scale))) + 0.5
                painter.setPen(QPen(theme.color("line" if value else "outline", 0.7 if value else 0.55), 1))
                painter.drawLine(QPointF(rect.left(), y), QPointF(rect.right(), y))
                painter.setPen(theme.color("muted"))
                painter.drawText(
                    QRectF(0, y - 9, LEFT - 8, 18),
                    Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
                    tick_text(round(value, 6)),
                )
            painter.setPen(QPen(theme.color("line", 0.5), 1))
            for tick in seconds:
                x = round(self._x_of_ago(tick)) + 0.5
                painter.drawLine(QPointF(x, rect.top()), QPointF(x, rect.bottom()))
        painter.setFont(small)
        painter.setPen(theme.color("muted"))
        foot = self.height() - FOOT
        for tick in seconds:
            text = ago_text(tick)
            width = metrics.horizontalAdvance(text)
            x = min(self._x_of_ago(tick) - width / 2, self.width() - width - 2)
            painter.drawText(QPointF(x, foot + 18), text)

    def _paint_curves(self, painter: QPainter, band: _Band) -> None:
        begin_s, end_s = self.window
        rect = band.rect
        painter.save()
        painter.setClipRect(rect.adjusted(0, -2, 1, 2))
        slope = rect.width() / self._span_s
        log = bool(band.bottom)
        for curve in sorted(band.view.curves, key=lambda each: each.key.startswith(f"{self._strong} ")):
            first = max(0, bisect_left(curve.series.times, begin_s) - 1)
            behind = min(len(curve.series.times), bisect_right(curve.series.times, end_s) + 1)
            if log:
                high = rect.height() / (log10(band.top) - log10(band.bottom))
                to_y = -high, rect.bottom() + high * (log10(band.bottom) - log10(curve.scale))
            else:
                to_y = -rect.height() * curve.scale / band.top, rect.bottom()
            to_x = slope, rect.left() - slope * begin_s
            painter.setPen(self._pen(curve))
            times, values = curve.series.times[first:behind], curve.series.values[first:behind]
            for polygon in polygons(times, values, to_x, to_y, self._gap_s, log):
                if polygon.size() == 1:
                    painter.drawPoint(polygon.at(0))
                else:
                    painter.drawPolyline(polygon)
        painter.restore()

    def _pen(self, curve: CurveView) -> QPen:
        pale = bool(self._strong) and not curve.key.startswith(f"{self._strong} ")
        color = self._theme.color(curve.color, 0.45 if pale else 1.0)
        return QPen(color, 1, STYLES[curve.style])

    def _paint_focus(self, painter: QPainter) -> None:
        stretch = self._drag_s() or self._focus
        if stretch is None or not self._bands:
            return
        left, right = (min(max(self._x(at_s), LEFT), self.width() - RIGHT) for at_s in stretch)
        if right - left < 1:
            return
        color = self._theme.color("accent")
        ground = QColor(color)
        ground.setAlpha(34)
        for band in self._bands:
            painter.fillRect(QRectF(left, band.rect.top(), right - left, band.rect.height()), ground)
        painter.setPen(QPen(color, 1))
        for x in (round(left) + 0.5, round(right) + 0.5):
            for band in self._bands:
                painter.drawLine(QPointF(x, band.rect.top()), QPointF(x, band.rect.bottom()))

    def _paint_pointer(self, painter: QPainter, x: float) -> None:
        """A line through all bands, and what each curve was there."""
        theme = self._theme
        at_s = self._time(x)
        line = round(x) + 0.5
        small = theme.font("small")
        metrics = QFontMetrics(small)
        painter.setFont(small)
        for band in self._bands:
            painter.setPen(QPen(theme.color("outline"), 1))
            painter.drawLine(QPointF(line, band.rect.top()), QPointF(line, band.rect.bottom()))
            right = band.rect.right()
            for curve, values in reversed(_readings(band, at_s, max(NEAR_S, self._gap_s / 2))):
                text = f"{curve.name} {' / '.join(map(digits, values))}"
                width = metrics.horizontalAdvance(text)
                if right - width < band.rect.left() + 150:
                    break
                painter.setPen(theme.color("text"))
                painter.drawText(QPointF(right - width, band.rect.top() - 7), text)
                painter.setPen(QPen(theme.color(curve.color), 2, STYLES[curve.style]))
                y = band.rect.top() - 11
                painter.drawLine(QPointF(right - width - 18, y), QPointF(right - width - 5, y))
                right -= width + 34
        painter.setPen(theme.color("muted"))
        ago = self._now_s - at_s
        text = f"{duration(ago)} ago" if ago < LONG_AGO_S else moment(self._wall_s - ago)[5:16]
        box = QRect(round(x) + 6, self.height() - FOOT + 3, 120, 18)
        if box.right() > self.width():
            box.moveRight(round(x) - 6)
        painter.fillRect(
            box.adjusted(-2, 0, metrics.horizontalAdvance(text) - 112, 0), theme.color("surface")
        )
        painter.setPen(theme.color("text"))
        painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)

    # Places.

    def _x(self, at_s: float) -> float:
        begin_s, _ = self.window
        return LEFT + (at_s - begin_s) / self._span_s * max(1, self.width() - LEFT - RIGHT)

    def _x_of_ago(self, ago_s: float) -> float:
        return self._x(self._now_s - ago_s)

    def _time(self, x: float) -> float:
        begin_s, _ = self.window
        return begin_s + (x - LEFT) / max(1, self.width() - LEFT - RIGHT) * self._span_s

    def _y(self, band: _Band, value: float) -> float:
        if band.bottom:
            share = (log10(value) - log10(band.bottom)) / (log10(band.top) - log10(band.bottom))
        else:
            share = value / band.top
        return band.rect.bottom() - share * band.rect.height()

    def _drag_s(self) -> tuple[float, float] | None:
        if self._drag is None:
            return None
        left, right = sorted(self._drag)
        return self._time(left), self._time(right)

    # Hands.

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """A stretch begins."""
        if event.button() is Qt.MouseButton.LeftButton:
            x = event.position().x()
            self._drag = x, x

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """The stretch grows, or the crosshair moves."""
        x = min(max(event.position().x(), LEFT), self.width() - RIGHT)
        self._hover = x
        if self._drag is not None:
            self._drag = self._drag[0], x
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """The stretch is focused; a mere click changes nothing."""
        stretch = self._drag_s()
        wide = self._drag is not None and abs(self._drag[1] - self._drag[0]) >= LEAST_FOCUS_PX
        self._drag = None
        if wide and stretch is not None:
            self.set_focus_stretch(stretch)
        self.update()

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:  # noqa: N802
        """Everything that is shown counts again."""
        self._drag = None
        self.set_focus_stretch(None)

    def leaveEvent(self, _event: object) -> None:  # noqa: N802
        """No crosshair without a pointer."""
        self._hover = None
        self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """With Ctrl it zooms, sideways it moves; else the page scrolls."""
        delta = event.angleDelta()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier and delta.y():
            self.set_span(self._span_s / ZOOM if delta.y() > 0 else self._span_s * ZOOM)
        elif delta.x():
            self._pan(self._offset_s + delta.x() / 1200 * self._span_s)
        else:
            event.ignore()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Zoom and move without a mouse."""
        match event.key():
            case Qt.Key.Key_Plus | Qt.Key.Key_Equal:
                self.set_span(self._span_s / ZOOM)
            case Qt.Key.Key_Minus:
                self.set_span(self._span_s * ZOOM)
            case Qt.Key.Key_Left:
                self._pan(self._offset_s + self._span_s / 10)
            case Qt.Key.Key_Right:
                self._pan(self._offset_s - self._span_s / 10)
            case Qt.Key.Key_Home:
                self.back_to_now()
            case _:
                super().keyPressEvent(event)


def _readings(band: _Band, at_s: float, near_s: float) -> list[tuple[CurveView, list[float]]]:
    """What each path was then, there and back together, in the band's unit."""
    scale, _ = _unit(band)
    found: dict[str, tuple[CurveView, list[float]]] = {}
    for curve in band.view.curves:
        value = curve.series.at(at_s, near_s)
        if value is not None:
            found.setdefault(curve.key.split(" ")[0], (curve, []))[1].append(value * curve.scale / scale)
    return list(found.values())


def _between(curve: CurveView, begin_s: float, end_s: float) -> "array[float]":
    first, behind = curve.series.between(begin_s, end_s)
    return curve.series.values[first:behind]


def _unit(band: _Band) -> tuple[float, str]:
    return (1.0, band.view.unit) if band.view.key != "throughput" else rate_unit(band.top)
