"""The lab's topology: discs in rows, lines between them, packets that pulse along the lines they take."""

from typing import NamedTuple

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPainterPathStroker,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.presenters.lab_map import Drop, Flow, MapLink, MapNode, MapView
from app.presenters.tone import Tone
from app.widgets.packet_pulses import PacketPulses
from app.widgets.theme import Theme

DISC = 46
ICON = 25
TOP = 52
BOTTOM = 68
SIDE = 8
ROW = 98
REACH = 14
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class _Place(NamedTuple):
    name: str
    centre: QPointF
    told: str


class TopologyMap(QWidget):
    """`chosen(str)`: the name of a node or link that was clicked, or reached by the arrows."""

    chosen = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._view = MapView()
        self._selected = ""
        self._touched = ""
        self._hovered = ""
        self._still: QPixmap | None = None
        self._centres: dict[str, QPointF] = {}
        self._paths: dict[str, QPainterPath] = {}
        self._told: dict[str, str] = {}
        self._pulses = PacketPulses(theme, self)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._redraw)

    def show_view(self, view: MapView, selected: str, touched: str = "") -> None:
        """Shows the drawing; `selected` is a name in it, `touched` the link that the knobs turn."""
        if view != self._view:
            if {node.name for node in view.nodes} != {node.name for node in self._view.nodes}:
                self._pulses.clear()
            self._told = {node.name: node.told for node in view.nodes}
            self._told |= {link.name: link.told for link in view.links}
            moved = view.rows != self._view.rows
            self._view = view
            self._place()
            if moved:
                self.updateGeometry()
            self._redraw()
        if (selected, touched) != (self._selected, self._touched):
            self._selected, self._touched = selected, touched
            self._redraw()
        told = self._told.get(selected, "nothing")
        self.setAccessibleName(f"Map of the lab; selected: {told}")
        self.setAccessibleDescription(view.told)

    def show_flows(self, flows: tuple[Flow, ...], drops: tuple[Drop, ...]) -> None:
        """Lets packets move; nothing happens while the widget is hidden."""
        if self.isVisible():
            self._pulses.start(flows, drops)

    def sizeHint(self) -> QSize:  # noqa: N802
        """A row for each step to the internet."""
        return QSize(560, TOP + BOTTOM + max(1, self._view.rows - 1) * ROW)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Places everything anew."""
        self._place()
        self._still = None
        super().resizeEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """What stands still from memory, what moves over it."""
        ratio = self.devicePixelRatioF()
        if self._still is None or self._still.devicePixelRatio() != ratio:
            self._still = QPixmap(self.size() * ratio)
            self._still.setDevicePixelRatio(ratio)
            self._still.fill(Qt.GlobalColor.transparent)
            painter = QPainter(self._still)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._draw(painter)
            painter.end()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.drawPixmap(0, 0, self._still)
        self._pulses.draw(painter, self._paths, self._centres, DISC / 2)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Lights up what is under the pointer."""
        self._hover(self._at(event.position()))

    def leaveEvent(self, _event: QEvent) -> None:  # noqa: N802
        """Nothing is under the pointer."""
        self._hover("")

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Selects."""
        if name := self._at(event.position()):
            self.chosen.emit(name)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Arrows go to the next thing in that direction."""
        arrow = _ARROWS.get(Qt.Key(event.key()))
        if arrow is None:
            super().keyPressEvent(event)
        elif name := self._neighbour(*arrow):
            self.chosen.emit(name)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """The selection's ring shows the focus."""
        super().focusInEvent(event)
        self._redraw()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """And its absence."""
        super().focusOutEvent(event)
        self._redraw()

    def event(self, event: QEvent) -> bool:
        """Tells what is under the pointer."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            name = self._at(QPointF(event.pos()))
            told = self._told.get(name, "")
            QToolTip.showText(event.globalPos(), told, self)
            return True
        return super().event(event)

    def place_of(self, name: str) -> QPointF:
        """Where a node or a link's middle is."""
        return self._centres[name] if name in self._centres else self._paths[name].pointAtPercent(0.5)

    def _hover(self, name: str) -> None:
        if name != self._hovered:
            self._hovered = name
            self.setCursor(Qt.CursorShape.PointingHandCursor if name else Qt.CursorShape.ArrowCursor)
            self._redraw()

    def _at(self, point: QPointF) -> str:
        for name, centre in self._centres.items():
            if (point - centre).manhattanLength() < DISC * 0.75:
                return name
        stroker = QPainterPathStroker()
        stroker.setWidth(REACH)
        return next(
            (name for name, path in self._paths.items() if stroker.createStroke(path).contains(point)), ""
        )

    def _neighbour(self, right: int, down: int) -> str:
        names = (*self._centres, *self._paths)
        if self._selected not in names:
            return next(iter(names), "")
        here = self.place_of(self._selected)
        best, cost = "", float("inf")
        for name in names:
            way = self.place_of(name) - here
            ahead, aside = (way.x() * right, abs(way.y())) if right else (way.y() * down, abs(way.x()))
            if ahead > 6 and (found := ahead + 2.5 * aside) < cost:
                best, cost = name, found
        return best

    def _place(self) -> None:
        width = self.width() - 2 * SIDE
        step = (self.height() - TOP - BOTTOM) / max(1, self._view.rows - 1)
        self._centres = {
            node.name: QPointF(SIDE + node.x * width, TOP + node.row * step) for node in self._view.nodes
        }
        self._paths = {}
        for link in self._view.links:
            a, b = self._centres[link.a], self._centres[link.b]
            path = QPainterPath(a)
            bend = QPointF(0, (b.y() - a.y()) * 0.5)
            path.cubicTo(a + bend, b - bend, b)
            self._paths[link.name] = path

    def _redraw(self) -> None:
        self._still = None
        self.update()

    def _draw(self, painter: QPainter) -> None:
        for link in self._view.links:
            self._draw_link(painter, link)
        for node in self._view.nodes:
            self._draw_node(painter, node)
        for link in self._view.links:
            self._draw_label(painter, link)

    def _draw_link(self, painter: QPainter, link: MapLink) -> None:
        path, chosen = self._paths[link.name], link.name in (self._selected, self._touched)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if chosen or link.name == self._hovered:
            strong = 0.34 if link.name == self._selected and self.hasFocus() else 0.22 if chosen else 0.12
            halo = QPen(self._theme.color("accent", strong), link.width + 8)
            halo.setCapStyle(Qt.PenCapStyle.RoundCap)
            painter.setPen(halo)
            painter.drawPath(path)
        still = "ble" if link.radio else "outline"
        ink = "bad" if link.cut else "accent" if chosen or link.changed else still
        pen = QPen(self._theme.color(ink, 1.0 if chosen or link.cut else 0.7), link.width)
        if link.cut:
            pen.setDashPattern([3, 3])
        elif link.radio:
            pen.setDashPattern([1, 4])
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawPath(path)

    def _draw_node(self, painter: QPainter, node: MapNode) -> None:
        centre = self._centres[node.name]
        ink = "text" if node.tone is Tone.PLAIN else str(node.tone)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color("surface"))
        painter.drawEllipse(centre, DISC / 2 + 4, DISC / 2 + 4)
        if node.name == self._selected:
            painter.setPen(QPen(self._theme.color("accent"), 3 if self.hasFocus() else 2))
            painter.drawEllipse(centre, DISC / 2 + 4, DISC / 2 + 4)
        hovered = node.name == self._hovered
        pen = QPen(self._theme.color(ink, 0.9 if hovered else 0.55), 1.5)
        if node.down:
            pen.setDashPattern([2.5, 2.5])
        painter.setPen(pen)
        strong = 0.2 if hovered else 0.16 if node.person else 0.1
        painter.setBrush(self._theme.color("accent" if node.person else ink, strong))
        painter.drawEllipse(centre, DISC / 2, DISC / 2)
        painter.drawPixmap(centre - QPointF(ICON / 2, ICON / 2), self._theme.pixmap(node.icon, ink, ICON))
        self._draw_words(painter, node, centre, ink)

    def _draw_words(self, painter: QPainter, node: MapNode, centre: QPointF, ink: str) -> None:
        """Above the servers, below the people, and beside everything between: no line passes there."""
        bold, plain = self._theme.font("small", strong=True), self._theme.font("small")
        high, gap = QFontMetrics(bold).height(), DISC / 2 + 9
        last = max(other.row for other in self._view.nodes)
        xs = sorted(self._centres[other.name].x() for other in self._view.nodes if other.row == node.row)
        place = xs.index(centre.x())
        following = xs[place + 1] - DISC / 2 if place + 1 < len(xs) else self.width()
        ends = node.row in (0, last)
        if ends:
            room, align = self.width() / max(4, len(xs)) - 8, Qt.AlignmentFlag.AlignHCenter
        else:
            room, align = min(following - centre.x() - gap - 6, 190.0), Qt.AlignmentFlag.AlignLeft
        titles = _wrapped(node.title, QFontMetrics(bold), room)
        if ends:
            titles = [QFontMetrics(bold).elidedText(node.title, Qt.TextElideMode.ElideRight, int(room))]
        lines = [(text, bold, "text") for text in titles]
        if node.note:
            note = QFontMetrics(plain).elidedText(node.note, Qt.TextElideMode.ElideRight, int(room))
            lines.append((note, plain, "muted" if ink == "text" else ink))
        tall = high * len(lines)
        start, top = centre.x() + gap, centre.y() - tall / 2
        if ends:
            top = centre.y() - DISC / 2 - 7 - tall if node.row == 0 else centre.y() + DISC / 2 + 7
            start = min(max(centre.x() - room / 2, 0), self.width() - room)
        for text, font, color in lines:
            painter.setFont(font)
            painter.setPen(self._theme.color(color))
            painter.drawText(QRectF(start, top, room, high), align | Qt.AlignmentFlag.AlignVCenter, text)
            top += high

    def _draw_label(self, painter: QPainter, link: MapLink) -> None:
        chosen = link.name in (self._selected, self._touched)
        if not link.label:
            return
        font = self._theme.font("small", strong=link.changed or link.cut)
        metrics = QFontMetrics(font)
        forks = sum(other.a == link.a for other in self._view.links) > 1
        middle = self._paths[link.name].pointAtPercent(0.7 if forks else 0.5)
        size = QSize(metrics.horizontalAdvance(link.label) + 14, metrics.height() + 4)
        place = QRectF(
            middle.x() - size.width() / 2, middle.y() - size.height() / 2, size.width(), size.height()
        )
        tone = "text" if link.tone is Tone.PLAIN else str(link.tone)
        edge = "accent" if chosen or link.changed else "line" if tone == "text" else tone
        painter.setPen(QPen(self._theme.color(edge), 1))
        painter.setBrush(self._theme.color("surface"))
        painter.drawRoundedRect(place, size.height() / 2, size.height() / 2)
        painter.setFont(font)
        painter.setPen(self._theme.color("muted" if tone == "text" else tone))
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, link.label)


def _wrapped(text: str, metrics: QFontMetrics, room: float) -> list[str]:
    """One line, or two where one is too long; the second one is cut short if it must be."""
    if metrics.horizontalAdvance(text) <= room:
        return [text]
    words, first = text.split(), ""
    while words and metrics.horizontalAdvance(f"{first} {words[0]}".strip()) <= room:
        first = f"{first} {words.pop(0)}".strip()
    rest = metrics.elidedText(" ".join(words), Qt.TextElideMode.ElideRight, int(room))
    return [first, rest] if first else [rest]
