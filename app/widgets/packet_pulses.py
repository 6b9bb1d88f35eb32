"""Packets on their way, slowed down until an eye can follow them: dots on lines, crosses where they end."""

import time
from collections.abc import Callable, Mapping

from PySide6.QtCore import QObject, QPointF, Qt, QTimerEvent
from PySide6.QtGui import QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QWidget

from app.presenters.lab_map import BUSY_PACKETS, Drop, Flow
from app.widgets.theme import Theme

FRAME_MS = 67
STEP_S = 0.16  # from one link to the next
TRAVEL_S = 0.34
APART_S = 0.09
MOST_TRAVEL_S = 2.0
END_S = 0.5
MOST = 160
RADIUS = 4.0
CROSS = 5.0


class _Pulse:
    """One dot: on `link` from `start_s` for `travel_s`; `lost` halfway. Without a link, a cross at `node`."""

    __slots__ = ("link", "lost", "node", "start_s", "travel_s", "upward")

    def __init__(
        self,
        start_s: float,
        travel_s: float,
        link: str = "",
        node: str = "",
        *,
        upward: bool = True,
        lost: bool = False,
    ) -> None:
        self.start_s = start_s
        self.travel_s = travel_s
        self.link = link
        self.node = node
        self.upward = upward
        self.lost = lost


class PacketPulses(QObject):
    """The dots over one widget; a timer runs only while there are some and the widget is visible."""

    def __init__(self, theme: Theme, over: QWidget, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(over)
        self._theme = theme
        self._over = over
        self._clock = clock
        self._pulses: list[_Pulse] = []
        self._timer = 0

    def __len__(self) -> int:
        return len(self._pulses)

    @property
    def moving(self) -> bool:
        """Whether frames are being drawn."""
        return bool(self._timer)

    def start(self, flows: tuple[Flow, ...], drops: tuple[Drop, ...]) -> None:
        """Adds dots: a few stand for many, and the bound holds."""
        now_s = self._clock()
        for flow in flows:
            travel_s = min(MOST_TRAVEL_S, TRAVEL_S + flow.delay_s)
            shown = min(flow.packets, BUSY_PACKETS)
            lost = min(shown, flow.lost)
            for index in range(shown):
                start_s = now_s + flow.rank * STEP_S + index * APART_S
                self._add(_Pulse(start_s, travel_s, flow.link, upward=flow.upward, lost=index < lost))
        for drop in drops:
            self._add(_Pulse(now_s + drop.rank * STEP_S, 0.0, node=drop.node))
        if self._pulses and not self._timer:
            self._timer = self.startTimer(FRAME_MS)

    def clear(self) -> None:
        """Forgets everything under way."""
        self._pulses.clear()
        self._stop()

    def draw(
        self,
        painter: QPainter,
        paths: Mapping[str, QPainterPath],
        centres: Mapping[str, QPointF],
        inset: float,
    ) -> None:
        """Draws the dots as they are now; a disc of radius `inset` covers both ends of a line."""
        now_s = self._clock()
        for pulse in self._pulses:
            passed_s = now_s - pulse.start_s
            if passed_s < 0:
                continue
            if pulse.node:
                if pulse.node in centres:
                    self._cross(painter, centres[pulse.node] + QPointF(inset * 0.75, -inset * 0.75), passed_s)
                continue
            path = paths.get(pulse.link)
            if path is None:
                continue
            share = passed_s / pulse.travel_s
            low = min(0.45, inset / max(1.0, path.length()))
            if pulse.lost and share > 0.5:
                self._cross(painter, path.pointAtPercent(0.5), passed_s - 0.5 * pulse.travel_s)
            elif share <= 1.0:
                place = low + (1 - 2 * low) * share
                point = path.pointAtPercent(place if pulse.upward else 1 - place)
                painter.setPen(QPen(self._theme.color("surface"), 1.5))
                painter.setBrush(self._theme.color("accent"))
                painter.drawEllipse(point, RADIUS, RADIUS)

    def timerEvent(self, _event: QTimerEvent) -> None:  # noqa: N802
        """One frame."""
        now_s = self._clock()
        self._pulses = [pulse for pulse in self._pulses if now_s < pulse.start_s + pulse.travel_s + END_S]
        if not self._pulses or not self._over.isVisible():
            self.clear()
        self._over.update()

    def _add(self, pulse: _Pulse) -> None:
        if len(self._pulses) < MOST:
            self._pulses.append(pulse)

    def _stop(self) -> None:
        if self._timer:
            self.killTimer(self._timer)
            self._timer = 0

    def _cross(self, painter: QPainter, at: QPointF, passed_s: float) -> None:
        if passed_s > END_S:
            return
        for color, width in (("surface", 5.0), ("bad", 2.5)):
            pen = QPen(self._theme.color(color), width)
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            painter.drawLine(at + QPointF(-CROSS, -CROSS), at + QPointF(CROSS, CROSS))
            painter.drawLine(at + QPointF(-CROSS, CROSS), at + QPointF(CROSS, -CROSS))
