"""The way to the internet as a line of stations: where it is translated, where it is cut."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.presenters.nat_path import Station
from app.presenters.tone import Tone
from app.widgets.theme import Theme

DISC = 44
ICON = 24
GAP = 6


class PathStrip(QWidget):
    """Draws stations from left to right, evenly spread."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._stations: tuple[Station, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_view(self, stations: tuple[Station, ...]) -> None:
        """Shows the way."""
        if stations != self._stations:
            self._stations = stations
            told = (
                " ".join(filter(None, (s.title, s.detail, s.does)))
                + (" (UDP is cut before it)" if s.cut else "")
                for s in stations
            )
            self.setAccessibleName("Way to the internet: " + ", ".join(told))
            self.setToolTip(self.accessibleName())
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """A disc and three lines of text beneath."""
        body, small = (QFontMetrics(self._theme.font(size)).height() for size in ("body", "small"))
        return QSize(360, DISC + GAP + body + 2 * small + 6)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Links first, discs over them."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        room = self.width() / max(1, len(self._stations))
        centres = [QPointF((i + 0.5) * room, DISC / 2 + 1) for i in range(len(self._stations))]
        for left, right, station in zip(centres, centres[1:], self._stations[1:], strict=False):
            self._link(painter, left, right, station)
        for centre, station in zip(centres, self._stations, strict=True):
            self._station(painter, centre, room, station)

    def _link(self, painter: QPainter, left: QPointF, right: QPointF, to: Station) -> None:
        unknown = to.tone is Tone.UNKNOWN and not to.detail
        pen = QPen(self._theme.color("bad" if to.cut else "outline"), 2)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        if unknown or to.cut:
            pen.setDashPattern([1, 3])
        painter.setPen(pen)
        inset = QPointF(DISC / 2 + 6, 0)
        painter.drawLine(left + inset, right - inset)
        if to.cut:
            middle = (left + right) / 2
            size = 22
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.color("surface"))
            painter.drawEllipse(middle, size / 2 + 4, size / 2 + 4)
            painter.drawPixmap(middle - QPointF(size / 2, size / 2), self._theme.pixmap("bad", "bad", size))

    def _station(self, painter: QPainter, centre: QPointF, room: float, station: Station) -> None:
        ink = "text" if station.tone is Tone.PLAIN else str(station.tone)
        pen = QPen(self._theme.color(ink, 0.55), 1.5)
        if station.tone is Tone.UNKNOWN:
            pen.setDashPattern([2.5, 2.5])
        painter.setPen(pen)
        painter.setBrush(self._theme.color(ink, 0.1))
        painter.drawEllipse(centre, DISC / 2, DISC / 2)
        painter.drawPixmap(centre - QPointF(ICON / 2, ICON / 2), self._theme.pixmap(station.icon, ink, ICON))
        top = DISC + GAP + 2.0
        for text, size, strong, color in (
            (station.title, "body", True, "text"),
            (station.detail, "small", False, "muted"),
            (station.does, "small", False, ink),
        ):
            if not text:
                continue
            font = self._theme.font(size, strong=strong)
            painter.setFont(font)
            painter.setPen(self._theme.color(color))
            metrics = QFontMetrics(font)
            line = metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(room) - 8)
            place = QRectF(centre.x() - room / 2, top, room, metrics.height())
            painter.drawText(place, Qt.AlignmentFlag.AlignHCenter, line)
            top += metrics.height() + 1
