"""The paths as a table that is the plots' legend: a line in the curve's look before each name."""

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QCursor, QKeyEvent, QPainter, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QHeaderView, QTableView

from app.presenters.metrics import COLUMNS, HINTS, LOSS_COLUMN, MetricsRow
from app.widgets.pens import STYLES
from app.widgets.theme import Theme

ROW = 32
SAMPLE_WIDTH, SAMPLE_HEIGHT = 26, 12
LINE_WIDTH = 44
NEEDS = ((1010, "95 %"), (880, "Packets"), (800, "Floor"), (720, "Jitter"), (600, "Throughput"), (520, "Now"))
_Index = QModelIndex | QPersistentModelIndex


class PathModel(QAbstractTableModel):
    """Rows as the presenter gives them."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.rows: tuple[MetricsRow, ...] = ()
        self.hidden: frozenset[str] = frozenset()

    def show_hidden(self, hidden: frozenset[str]) -> None:
        """Paths whose curves are not drawn are pale."""
        self.hidden = hidden
        if self.rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.rows) - 1, len(COLUMNS) - 1))

    def show_rows(self, rows: tuple[MetricsRow, ...]) -> None:
        """Changes cells in place while the paths are the same, so that nothing jumps."""
        if rows == self.rows:
            return
        same = [row.key for row in rows] == [row.key for row in self.rows]
        if not same:
            self.beginResetModel()
        self.rows = rows
        if same:
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(COLUMNS) - 1))
        else:
            self.endResetModel()

    def rowCount(self, _parent: _Index = QModelIndex()) -> int:  # noqa: N802, B008
        """One a path."""
        return len(self.rows)

    def columnCount(self, _parent: _Index = QModelIndex()) -> int:  # noqa: N802, B008
        """One a figure."""
        return len(COLUMNS)

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Names, and what they mean on hover."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return HINTS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(section)
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """A cell's text, and the curve's look in the first column."""
        row, column = self.rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return row.cells[column]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role == Qt.ItemDataRole.DecorationRole and column == 0:
            return self._sample(row)
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join(
                filter(None, (f"{COLUMNS[column]}: {row.cells[column]}", row.notes[column], HINTS[column]))
            )
        if role == Qt.ItemDataRole.ForegroundRole and row.key in self.hidden:
            return self._theme.color("muted", 0.6)
        if role == Qt.ItemDataRole.ForegroundRole and column == LOSS_COLUMN and row.tone.value == "warn":
            return self._theme.color("warn")
        return None

    def _sample(self, row: MetricsRow) -> QPixmap:
        pixmap = QPixmap(QSize(SAMPLE_WIDTH, SAMPLE_HEIGHT))
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        middle = round(QRectF(pixmap.rect()).center().y())
        hidden = row.key in self.hidden
        painter.setPen(QPen(self._theme.color(row.color, 0.3 if hidden else 1.0), 2, STYLES[row.style]))
        painter.drawLine(0, middle, SAMPLE_WIDTH, middle)
        painter.end()
        return pixmap


class PathTable(QTableView):
    """Grows with its rows; it never scrolls by itself.

    `chosen(key)`: a row was pressed; `toggled(key)`: its line was, or the H key.
    """

    chosen = Signal(str)
    toggled = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._model = PathModel(theme)
        self.setModel(self._model)
        self.setAccessibleName("Paths")
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setEditTriggers(QTableView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setIconSize(QSize(SAMPLE_WIDTH, SAMPLE_HEIGHT))
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW)
        self.setFont(theme.font("small"))
        header = self.horizontalHeader()
        header.setFont(theme.font("small"))
        header.setMinimumSectionSize(24)
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.clicked.connect(self._clicked)
        theme.changed.connect(self.viewport().update)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Leaves out what matters least where there is little room."""
        for width, column in NEEDS:
            self.setColumnHidden(COLUMNS.index(column), event.size().width() < width)
        super().resizeEvent(event)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """It can be narrow."""
        return QSize(200, super().minimumSizeHint().height())

    def show_hidden(self, hidden: frozenset[str]) -> None:
        """Whose curves are not drawn."""
        self._model.show_hidden(hidden)

    def show_rows(self, rows: tuple[MetricsRow, ...], chosen: str = "") -> None:
        """Shows these paths; the chosen one is marked."""
        self._model.show_rows(rows)
        place = next((n for n, row in enumerate(rows) if row.key == chosen), None)
        if place is None:
            self.clearSelection()
        elif place not in {index.row() for index in self.selectionModel().selectedRows()}:
            self.selectRow(place)
        height = self.horizontalHeader().sizeHint().height() + ROW * max(1, len(rows)) + 4
        if self.height() != height:
            self.setFixedHeight(height)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Enter looks at a path alone, H hides its curves or shows them."""
        row = self.currentIndex().row()
        known = 0 <= row < len(self._model.rows)
        if known and event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.chosen.emit(self._model.rows[row].key)
        elif known and event.key() == Qt.Key.Key_H:
            self.toggled.emit(self._model.rows[row].key)
        else:
            super().keyPressEvent(event)

    def _clicked(self, index: QModelIndex) -> None:
        key = self._model.rows[index.row()].key
        x = self.viewport().mapFromGlobal(QCursor.pos()).x()
        on_line = index.column() == 0 and x <= self.columnViewportPosition(0) + LINE_WIDTH
        (self.toggled if on_line else self.chosen).emit(key)


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight
    return side | Qt.AlignmentFlag.AlignVCenter
