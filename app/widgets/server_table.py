"""The STUN servers: what each did, and a line to add another."""

from collections.abc import Callable

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app.presenters.nat_servers import ServerRow, problem
from app.widgets.text import Text
from app.widgets.theme import Theme

ROW = 36
GLYPH = 16
_Index = QModelIndex | QPersistentModelIndex
_Text = Callable[[ServerRow], str]

# Title, text, right-aligned, and the width below which the column gives way.
_COLUMNS: tuple[tuple[str, _Text, bool, int], ...] = (
    ("Server", lambda row: row.server.removeprefix("stun:"), False, 0),
    ("This check", lambda row: row.state, False, 0),
    ("Round trip", lambda row: row.rtt, True, 0),
    ("Average", lambda row: row.average, True, 640),
    ("Success", lambda row: row.success, True, 720),
    ("Strikes", lambda row: row.strikes, True, 560),
    ("Last used", lambda row: row.last_used, False, 800),
    ("Note", lambda row: row.note, False, 480),
)
_HINTS = (
    "Who is asked",
    "Whether it answered, and whether what it said was true",
    "The first answered try of this check",
    "Moving average over the checks of this session",
    "Share of the last 100 checks that it answered",
    "How often it was caught with a wrong answer",
    "When it was last asked",
    "What went wrong",
)


class ServerModel(QAbstractTableModel):
    """Rows as the presenter gives them."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.rows: tuple[ServerRow, ...] = ()

    def show_rows(self, rows: tuple[ServerRow, ...]) -> None:
        """Changes cells in place while the servers are the same, so that a selection stays."""
        if [row.server for row in rows] == [row.server for row in self.rows]:
            self.rows = rows
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(_COLUMNS) - 1))
        else:
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()

    def rowCount(self, _parent: _Index = QModelIndex()) -> int:  # noqa: N802, B008
        """One row for each server."""
        return len(self.rows)

    def columnCount(self, _parent: _Index = QModelIndex()) -> int:  # noqa: N802, B008
        """As `_COLUMNS`."""
        return len(_COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> object:  # noqa: N802
        """Titles, with what they mean on hover."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return _COLUMNS[section][0]
            case Qt.ItemDataRole.ToolTipRole:
                return _HINTS[section]
            case Qt.ItemDataRole.TextAlignmentRole:
                return _alignment(section)
        return None

    def data(self, index: _Index, role: int = 0) -> object:
        """Text, alignment, the state's glyph, and on hover what did not fit."""
        row = self.rows[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.AccessibleTextRole:
                return _COLUMNS[index.column()][1](row)
            case Qt.ItemDataRole.TextAlignmentRole:
                return _alignment(index.column())
            case Qt.ItemDataRole.DecorationRole if index.column() == 1:
                return self._theme.pixmap(row.tone, row.tone, GLYPH)
            case Qt.ItemDataRole.ToolTipRole:
                return "\n".join(filter(None, (row.server, row.address, row.state, row.note)))
        return None


class ServerTable(QWidget):
    """Emits `edited(tuple[str, ...])` with the whole new list; the owner decides whether it holds.

    `defaults` are what Reset goes back to; empty: the first servers that are shown.
    """

    edited = Signal(object)

    def __init__(self, theme: Theme, defaults: tuple[str, ...]) -> None:
        super().__init__()
        self._defaults = defaults
        self._refusal = ""
        self._model = ServerModel(theme)
        self.view = QTableView()
        self.view.setModel(self._model)
        self.view.setAccessibleName("STUN servers")
        self.view.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.view.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.view.setShowGrid(False)
        self.view.setTabKeyNavigation(False)
        self.view.setWordWrap(False)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.verticalHeader().hide()
        self.view.verticalHeader().setDefaultSectionSize(ROW)
        head = self.view.horizontalHeader()
        head.setHighlightSections(False)
        head.setSectionsClickable(False)
        head.setFont(theme.font("small"))
        head.setMinimumSectionSize(56)
        head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        head.setSectionResizeMode(len(_COLUMNS) - 1, QHeaderView.ResizeMode.Stretch)
        self.view.selectionModel().selectionChanged.connect(self._enable)

        self.entry = QLineEdit()
        self.entry.setObjectName("server")
        self.entry.setPlaceholderText("Another server, such as stun:stun.example.org:3478")
        self.entry.setAccessibleName("Add a STUN server")
        self.entry.setMaxLength(300)
        self.entry.textChanged.connect(lambda: self.say(""))
        self.entry.returnPressed.connect(self._add)
        self._problem = Text(theme, size="small", role="problem", wrap=True)
        self._problem.setObjectName("server-problem")
        self._problem.hide()
        self._add_button = self._button("Add", self._add)
        self._remove_button = self._button("Remove", self._remove)
        self._reset_button = self._button("Reset", lambda: self.edited.emit(self._defaults))
        self._reset_button.setToolTip("Go back to the servers of the configuration")
        remove = QShortcut(QKeySequence(QKeySequence.StandardKey.Delete), self.view, self._remove)
        remove.setContext(Qt.ShortcutContext.WidgetShortcut)

        edit = QHBoxLayout()
        edit.setSpacing(8)
        edit.addWidget(self.entry, 1)
        for button in (self._add_button, self._remove_button, self._reset_button):
            edit.addWidget(button)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(8)
        whole.addWidget(self.view)
        whole.addLayout(edit)
        whole.addWidget(self._problem)
        theme.changed.connect(self.view.viewport().update)
        self._fit()

    def show_view(self, rows: tuple[ServerRow, ...]) -> None:
        """Shows the servers."""
        if rows != self._model.rows:
            self._defaults = self._defaults or tuple(row.server for row in rows)
            self._model.show_rows(rows)
            self._fit()
            self._enable()

    def say(self, sentence: str) -> None:
        """What is wrong with the entry; empty: nothing."""
        self._problem.setText(sentence)
        self._problem.setVisible(bool(sentence))
        self.entry.setProperty("role", "problem" if sentence else "")
        self.entry.style().polish(self.entry)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Columns give way when there is little room."""
        for column, (_, _, _, least) in enumerate(_COLUMNS):
            self.view.setColumnHidden(column, event.size().width() < least)
        super().resizeEvent(event)

    def focus_chain(self) -> list[QWidget]:
        """What the Tab key may stop at, in the order of reading."""
        return [self.view, self.entry, self._add_button, self._remove_button, self._reset_button]

    def clear_entry(self) -> None:
        """Takes back what was typed."""
        self.entry.clear()

    def say_refusal(self, sentence: str) -> None:
        """What the stack had against the last edit; empty: nothing."""
        if sentence != self._refusal:
            self._refusal = sentence
            self.say(sentence)

    def _servers(self) -> tuple[str, ...]:
        return tuple(row.server for row in self._model.rows)

    def _add(self) -> None:
        text = self.entry.text().strip()
        if sentence := problem(text, self._servers()):
            self.say(sentence)
            self.entry.setFocus()
            return
        self.edited.emit((*self._servers(), text))
        self.entry.clear()

    def _remove(self) -> None:
        for index in self.view.selectionModel().selectedRows():
            left = tuple(server for row, server in enumerate(self._servers()) if row != index.row())
            if left:
                self.edited.emit(left)
            else:
                self.say("One server must stay: without any, nothing can be asked.")

    def _enable(self) -> None:
        self._remove_button.setEnabled(self.view.selectionModel().hasSelection())
        self._reset_button.setEnabled(self._servers() != self._defaults)

    def _fit(self) -> None:
        head = self.view.horizontalHeader().sizeHint().height()
        self.view.setFixedHeight(head + ROW * len(self._model.rows) + 4)

    @staticmethod
    def _button(text: str, pressed: Callable[[], object]) -> QPushButton:
        button = QPushButton(text)
        button.setAutoDefault(False)
        button.clicked.connect(pressed)
        return button


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if _COLUMNS[column][2] else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
