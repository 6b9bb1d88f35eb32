"""The devices nearby: rows keep their places while figures change, and sorting happens only when it is asked for."""

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QHeaderView, QTableView

from app.presenters.bluetooth_rows import COLUMNS, SIGNAL_COLUMN, DeviceRow
from app.widgets.name_delegate import NOTE_ROLE, NameDelegate
from app.widgets.signal_delegate import HISTORY_ROLE, SignalDelegate
from app.widgets.theme import Theme

ROW = 48
GLYPH = 16
MOST_ROWS_SHOWN = 9
_Index = QModelIndex | QPersistentModelIndex


class DeviceModel(QAbstractTableModel):
    """Rows as the presenter gives them, in its order."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.rows: tuple[DeviceRow, ...] = ()

    def show_rows(self, rows: tuple[DeviceRow, ...]) -> None:
        """Changes cells in place; rows that follow the known ones are inserted, so that a selection stays."""
        if rows == self.rows:
            return
        old, new = [row.key for row in self.rows], [row.key for row in rows]
        if new[: len(old)] == old:
            if len(new) > len(old):
                self.beginInsertRows(QModelIndex(), len(old), len(new) - 1)
            self.rows = rows
            if len(new) > len(old):
                self.endInsertRows()
            if old:
                self.dataChanged.emit(self.index(0, 0), self.index(len(old) - 1, len(COLUMNS) - 1))
            return
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        keys = [self.rows[index.row()].key for index in before]
        self.rows = rows
        places = {key: number for number, key in enumerate(new)}
        after = [
            self.index(places[key], index.column()) if key in places else QModelIndex()
            for key, index in zip(keys, before, strict=True)
        ]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def rowCount(self, _parent: _Index = QModelIndex()) -> int:  # noqa: N802, B008
        """One a device."""
        return len(self.rows)

    def columnCount(self, _parent: _Index = QModelIndex()) -> int:  # noqa: N802, B008
        """As `COLUMNS`."""
        return len(COLUMNS)

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Titles, with what they mean on hover."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return COLUMNS[section].title
            case Qt.ItemDataRole.ToolTipRole:
                return COLUMNS[section].hint
            case Qt.ItemDataRole.TextAlignmentRole:
                return _alignment(section)
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """A cell's text, the signal's history, a glyph for what is paired or connected."""
        row, column = self.rows[index.row()], index.column()
        match role:
            case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.AccessibleTextRole:
                return row.cells[column]
            case Qt.ItemDataRole.TextAlignmentRole:
                return _alignment(column)
            case Qt.ItemDataRole.DecorationRole if column == 0:
                return self._theme.pixmap("bluetooth", row.ink, GLYPH)
            case Qt.ItemDataRole.ForegroundRole if row.faded or column in {2, 5}:
                return self._theme.color("muted")
            case Qt.ItemDataRole.FontRole if column == 0 and not row.faded:
                return self._theme.font(strong=True)
            case Qt.ItemDataRole.ToolTipRole:
                return row.hint
        if role == NOTE_ROLE and column == 0:
            return row.note
        return row.history if role == HISTORY_ROLE and column == SIGNAL_COLUMN else None


class DeviceTable(QTableView):
    """`chosen`: another device was selected (its key, or ""); `opened`: Return or a double click; `copied`: Ctrl+C."""

    chosen = Signal(str)
    opened = Signal(str)
    copied = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._model = DeviceModel(theme)
        self._delegate = SignalDelegate(theme)
        self.setModel(self._model)
        self._names = NameDelegate(theme)
        self.setItemDelegateForColumn(0, self._names)
        self.setItemDelegateForColumn(SIGNAL_COLUMN, self._delegate)
        self.setAccessibleName("Devices nearby")
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setEditTriggers(QTableView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsClickable(False)
        header.setFont(theme.font("small"))
        header.setMinimumSectionSize(48)
        header.setResizeContentsPrecision(0)  # of the rows in sight: hundreds out of it would cost a core
        for number, column in enumerate(COLUMNS):
            header.setSectionResizeMode(
                number,
                QHeaderView.ResizeMode.Stretch
                if column.stretches
                else QHeaderView.ResizeMode.ResizeToContents,
            )
        self.selectionModel().selectionChanged.connect(lambda: self.chosen.emit(self.selected()))
        self.doubleClicked.connect(lambda _: self.opened.emit(self.selected()))
        for keys in ("Return", "Enter"):
            shortcut = QShortcut(QKeySequence(keys), self, lambda: self.opened.emit(self.selected()))
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
        copy = QShortcut(QKeySequence.StandardKey.Copy, self, lambda: self.copied.emit(self.selected()))
        copy.setContext(Qt.ShortcutContext.WidgetShortcut)
        theme.changed.connect(self.viewport().update)

    def selected(self) -> str:
        """The key of the selected device, or nothing."""
        rows = self.selectionModel().selectedRows()
        return self._model.rows[rows[0].row()].key if rows else ""

    def select(self, key: str) -> None:
        """Selects a device that is shown."""
        for number, row in enumerate(self._model.rows):
            if row.key == key:
                self.selectRow(number)

    def show_rows(self, rows: tuple[DeviceRow, ...]) -> None:
        """Shows these; the height follows their number up to a screenful, then it scrolls."""
        self._model.show_rows(rows)
        shown = max(1, min(MOST_ROWS_SHOWN, len(rows)))
        height = self.horizontalHeader().sizeHint().height() + ROW * shown + 4
        if self.height() != height:
            self.setFixedHeight(height)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Columns give way when there is little room."""
        for number, column in enumerate(COLUMNS):
            self.setColumnHidden(number, event.size().width() < column.least_width)
        super().resizeEvent(event)


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if COLUMNS[column].right else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
