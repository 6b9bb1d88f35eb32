"""What was found out, newest first: one line each; two can be picked to be compared."""

from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtWidgets import QHeaderView, QTableView

from app.presenters.history import COLUMNS, HistoryRow
from app.presenters.tone import Tone
from app.widgets.theme import Theme

ROW, GLYPH, HIGH = 32, 16, 330
WHEN_WIDTH, WHAT_WIDTH = 170, 190
_Index = QModelIndex | QPersistentModelIndex


class HistoryModel(QAbstractTableModel):
    """Rows as the presenter gives them."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.rows: tuple[HistoryRow, ...] = ()

    def show_rows(self, rows: tuple[HistoryRow, ...]) -> None:
        """Cells change in place while the lines are the same."""
        same = [row.key for row in rows] == [row.key for row in self.rows]
        if not same:
            self.beginResetModel()
        self.rows = rows
        if not same:
            self.endResetModel()
        elif rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(COLUMNS) - 1))

    def rowCount(self, _parent: _Index = QModelIndex()) -> int:  # noqa: N802, B008
        """One a diagnosis or session."""
        return len(self.rows)

    def columnCount(self, _parent: _Index = QModelIndex()) -> int:  # noqa: N802, B008
        """When, what, result."""
        return len(COLUMNS)

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Names."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """A cell's text, the glyph before the result, the exact time on hover."""
        row, column = self.rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return row.cells[column]
        if (
            role == Qt.ItemDataRole.DecorationRole
            and column == len(COLUMNS) - 1
            and row.tone is not Tone.PLAIN
        ):
            return self._theme.pixmap(row.tone, row.tone, GLYPH)
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{row.hover}\n{row.cells[-1]}"
        if role == Qt.ItemDataRole.ForegroundRole and column == 0:
            return self._theme.color("muted")
        return None


class HistoryTable(QTableView):
    """`picked` gives the keys that are marked, at most two, the earlier one first."""

    picked = Signal(tuple)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._model = HistoryModel(theme)
        self.setModel(self._model)
        self.setAccessibleName("History")
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setEditTriggers(QTableView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QTableView.SelectionMode.ExtendedSelection)
        self.setIconSize(QSize(GLYPH, GLYPH))
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(len(COLUMNS) - 1, QHeaderView.ResizeMode.Stretch)
        self.setColumnWidth(0, WHEN_WIDTH)
        self.setColumnWidth(1, WHAT_WIDTH)
        self.selectionModel().selectionChanged.connect(self._changed)
        theme.changed.connect(self.viewport().update)

    def show_rows(self, rows: tuple[HistoryRow, ...]) -> None:
        """Shows these; what was marked stays marked."""
        if rows == self._model.rows:
            return
        marked = self.keys()
        head = self.horizontalHeader().sizeHint().height() + 6
        self.setFixedHeight(min(HIGH, head + ROW * max(1, len(rows))))
        self._model.show_rows(rows)
        if self.keys() != marked:
            self.mark(marked)

    def keys(self) -> tuple[str, ...]:
        """What is marked, the earlier first."""
        places = sorted((index.row() for index in self.selectionModel().selectedRows()), reverse=True)
        return tuple(self._model.rows[place].key for place in places[-2:])

    def mark(self, keys: tuple[str, ...]) -> None:
        """Marks these, where they are."""
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        for place, row in enumerate(self._model.rows):
            if row.key in keys:
                self.selectionModel().select(self._model.index(place, 0), flags)

    def _changed(self) -> None:
        self.picked.emit(self.keys())
