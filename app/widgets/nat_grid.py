"""Half a matrix: every kind of NAT with every other. A cell is told by colour, glyph and words."""

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.presenters.lab_grid import KINDS, ROUTES, GridCell, GridView, Route
from app.widgets.theme import Theme

CELL = QSize(46, 32)
GAP = 3
GLYPH = 17
_ARROWS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}


class NatGrid(QWidget):
    """`pointed(GridCell)`: the cell under the pointer, or reached by the arrows."""

    pointed = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._view: GridView | None = None
        self._cells: dict[tuple[int, int], GridCell] = {}
        self._current = (len(KINDS) - 1, 0)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    @property
    def current(self) -> GridCell | None:
        """The cell that is told beside the grid."""
        return self._cells.get(self._current)

    def show_view(self, view: GridView) -> None:
        """Shows the grid."""
        if view == self._view:
            return
        self._view = view
        self._cells = {(cell.row, cell.column): cell for cell in view.cells}
        self._tell()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """The names on the left, ten cells, and the last name's slope."""
        count = len(KINDS)
        return QSize(self._edge() + count * (CELL.width() + GAP) + 90, count * (CELL.height() + GAP) + 4)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """It may be squeezed to a third less."""
        return QSize(self._edge() + len(KINDS) * 22, self.sizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Rows with their names; the name of a column stands at its upper end, on the diagonal."""
        if self._view is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        small = self._theme.font("small")
        bold = self._theme.font("small", strong=True)
        row_now, column_now = self._current
        for index, label in enumerate(self._view.labels):
            top = self._rect(index, 0)
            painter.setFont(bold if index == row_now else small)
            painter.setPen(self._theme.color("text" if index == row_now else "muted"))
            place = QRectF(0, top.top(), self._edge() - 10, top.height())
            painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, label)
            cell = self._rect(index, index)
            painter.setFont(bold if index == column_now else small)
            painter.setPen(self._theme.color("text" if index == column_now else "muted"))
            room = self.width() - cell.right() - 8
            text = QFontMetrics(painter.font()).elidedText(label, Qt.TextElideMode.ElideRight, int(room))
            painter.drawText(
                QRectF(cell.right() + 8, cell.top(), room, cell.height()), Qt.AlignmentFlag.AlignVCenter, text
            )
        for cell_view in self._view.cells:
            self._draw(painter, cell_view)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """The cell under the pointer is told."""
        if (place := self._at(event.position())) is not None:
            self._go(*place)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Arrows go from cell to cell."""
        arrow = _ARROWS.get(Qt.Key(event.key()))
        if arrow is None:
            super().keyPressEvent(event)
        else:
            self._go(self._current[0] + arrow[0], self._current[1] + arrow[1])

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """The ring of the current cell shows the focus."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """And its absence."""
        super().focusOutEvent(event)
        self.update()

    def event(self, event: QEvent) -> bool:
        """On hover: the cell in words, or what a kind of NAT does."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and self._view is not None:
            QToolTip.showText(event.globalPos(), self._hint(QPointF(event.pos())), self)
            return True
        return super().event(event)

    def _hint(self, point: QPointF) -> str:
        if (place := self._at(point)) is not None:
            cell = self._cells[place]
            return "\n".join((cell.title, *cell.lines))
        row = int(point.y() // (CELL.height() + GAP))
        if self._view is None or not 0 <= row < len(KINDS):
            return ""
        return self._view.hints[row]

    def _go(self, row: int, column: int) -> None:
        if 0 <= column <= row < len(KINDS) and (row, column) != self._current:
            self._current = (row, column)
            self._tell()
            self.update()

    def _tell(self) -> None:
        if (cell := self.current) is not None:
            self.setAccessibleName(f"NAT grid: {cell.title}: {', '.join(cell.lines)}")
            self.pointed.emit(cell)

    def _at(self, point: QPointF) -> tuple[int, int] | None:
        for place in self._cells:
            if self._rect(*place).adjusted(-1, -1, 1, 1).contains(point):
                return place
        return None

    def _edge(self) -> int:
        metrics = QFontMetrics(self._theme.font("small", strong=True))
        labels = self._view.labels if self._view else ("",)
        return max(metrics.horizontalAdvance(label) for label in labels) + 12

    def _rect(self, row: int, column: int) -> QRectF:
        room = (self.width() - self._edge() - 96) / len(KINDS) - GAP
        width = max(19.0, min(float(CELL.width()), room))
        return QRectF(
            self._edge() + column * (width + GAP), row * (CELL.height() + GAP) + 2, width, CELL.height()
        )

    def _draw(self, painter: QPainter, cell: GridCell) -> None:
        rect = self._rect(cell.row, cell.column)
        icon, tone, _ = ROUTES[cell.route]
        ink = "turn" if cell.route is Route.RELAY else str(tone)
        now = (cell.row, cell.column) == self._current
        if cell.route is Route.EMPTY:
            pen = QPen(self._theme.color("line"), 1)
            pen.setDashPattern([2.5, 2.5])
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
        else:
            painter.setPen(QPen(self._theme.color(ink, 0.5), 1))
            painter.setBrush(self._theme.color(ink, 0.16))
        painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        if now:
            painter.setPen(QPen(self._theme.color("accent"), 3 if self.hasFocus() else 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(rect.adjusted(-0.5, -0.5, 0.5, 0.5), 6, 6)
        if not icon:
            return
        if cell.mark and rect.width() > 40:
            painter.setFont(self._theme.font("small", strong=True))
            painter.setPen(self._theme.color("text"))
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, cell.mark)
            return
        size = GLYPH
        painter.drawPixmap(
            rect.center() - QPointF(size / 2, size / 2),
            self._theme.pixmap(icon, "text" if cell.route is Route.RELAY else ink, size),
        )
