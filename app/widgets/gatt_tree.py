"""What is inside a device: services, their values by name, and what may be done with each."""

from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontDatabase, QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.presenters.bluetooth import CharacteristicRow, ServiceRow, typed_value
from app.widgets.buttons import Button
from app.widgets.choice_box import ChoiceBox
from app.widgets.text import Text
from app.widgets.theme import Theme
from netstack.errors import PeerscopeError

ROW = 30
MOST_ROWS_SHOWN = 14
HANDLE = Qt.ItemDataRole.UserRole
MAX_TYPED = 1600
NARROW = 560
GENERIC = ("00001800", "00001801")  # every device has them


class GattCalls(NamedTuple):
    """What can be done with a value, by its handle."""

    read: Callable[[int], object]
    read_all: Callable[[], object]
    write: Callable[[int, bytes, bool], object]
    notify: Callable[[int, bool], object]


class GattTree(QWidget):
    """The tree keeps what is open and selected while values change. Return reads the selected value."""

    def __init__(self, theme: Theme, calls: GattCalls) -> None:
        super().__init__()
        self._theme = theme
        self._calls = calls
        self._rows: dict[int, CharacteristicRow] = {}
        self._items: dict[int, QTreeWidgetItem] = {}
        self._shape: tuple[int, ...] = ()
        self._open = False
        unit = theme.measure.unit
        self.tree = QTreeWidget()
        self.tree.setColumnCount(3)
        self.tree.setHeaderLabels(["Value", "Allows", "Holds"])
        self.tree.setAccessibleName("Services and values")
        self.tree.setUniformRowHeights(True)
        self.tree.setIndentation(18)
        self.tree.setRootIsDecorated(True)
        self.tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.tree.header()
        header.setFont(theme.font("small"))
        header.setSectionsClickable(False)
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        self.tree.currentItemChanged.connect(lambda *_: self._enable())
        self.tree.itemExpanded.connect(lambda _: self._fit())
        self.tree.itemCollapsed.connect(lambda _: self._fit())
        self.tree.itemActivated.connect(lambda *_: self._read())

        self.read = Button(theme, "Read", self._read, hint="Reads the selected value")
        self.read_all = Button(
            theme, "Read all", calls.read_all, hint="Reads whatever may be read, one after the other"
        )
        self.listen = Button(theme, "Listen", self._listen, hint="Asks to be told whenever the value changes")
        self.entry = QLineEdit()
        self.entry.setAccessibleName("What to write")
        self.entry.setMaxLength(MAX_TYPED)
        self.entry.returnPressed.connect(self._write)
        self.kind = ChoiceBox(theme)
        self.kind.addItems(["Hex", "Text"])
        self.kind.setAccessibleName("How it is written")
        self.kind.currentIndexChanged.connect(lambda _: self._hint())
        self.write = Button(theme, "Write", self._write, hint="Writes it into the selected value")
        row = QHBoxLayout()
        row.setSpacing(unit)
        for widget, stretch in (
            (self.read, 0),
            (self.read_all, 0),
            (self.listen, 0),
            (self.entry, 1),
            (self.kind, 0),
            (self.write, 0),
        ):
            row.addWidget(widget, stretch)
        self._problem = Text(theme, size="small", role="problem", wrap=True)
        self._problem.hide()
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(unit)
        whole.addWidget(self.tree)
        whole.addLayout(row)
        whole.addWidget(self._problem)
        theme.changed.connect(self._dress)
        self._hint()

    def show_services(self, services: tuple[ServiceRow, ...], *, enabled: bool) -> None:
        """Shows these; the tree is built anew only where the services are others."""
        self._open = enabled
        shape = tuple(
            handle for each in services for handle in (each.handle, *(row.handle for row in each.rows))
        )
        if shape != self._shape:
            self._shape = shape
            self._build(services)
        for service in services:
            for row in service.rows:
                if self._rows.get(row.handle) != row:
                    self._rows[row.handle] = row
                    self._fill(self._items[row.handle], row)
        self._enable()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """What a value allows gives way when there is little room."""
        self.tree.setColumnHidden(1, event.size().width() < NARROW)
        super().resizeEvent(event)

    def _build(self, services: tuple[ServiceRow, ...]) -> None:
        self.tree.clear()
        self._rows.clear()
        self._items.clear()
        for service in services:
            parent = QTreeWidgetItem([service.name, "", ""])
            parent.setFont(0, self._theme.font(strong=True))
            parent.setToolTip(0, service.uuid)
            self.tree.addTopLevelItem(parent)
            for row in service.rows:
                item = QTreeWidgetItem(parent)
                item.setData(0, HANDLE, row.handle)
                item.setFont(2, QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
                self._items[row.handle] = item
            parent.setExpanded(not service.uuid.startswith(GENERIC))
        own = next((each for each in services if not each.uuid.startswith(GENERIC)), None)
        if own is not None and own.rows:
            self.tree.setCurrentItem(self._items[own.rows[0].handle])
        self._fit()

    def _fill(self, item: QTreeWidgetItem, row: CharacteristicRow) -> None:
        item.setText(0, row.name)
        item.setText(1, row.properties)
        value = "  ·  ".join(filter(None, (row.note, row.value)))
        item.setText(2, "could not be had" if row.failure and not row.value else value)
        item.setToolTip(0, f"{row.name}\n{row.uuid}\nhandle {row.handle}")
        item.setToolTip(2, row.failure or value)
        item.setForeground(0, self._theme.color("text"))
        item.setForeground(1, self._theme.color("muted"))
        item.setForeground(2, self._theme.color("bad" if row.failure else "text"))

    def _selected(self) -> CharacteristicRow | None:
        item = self.tree.currentItem()
        handle = None if item is None else item.data(0, HANDLE)
        return None if handle is None else self._rows.get(handle)

    def _enable(self) -> None:
        row = self._selected()
        self.read.setEnabled(self._open and row is not None and row.readable)
        self.read_all.setEnabled(self._open)
        self.listen.setEnabled(self._open and row is not None and row.notifies)
        listening = row is not None and row.notifying
        self.listen.setText("Stop listening" if listening else "Listen")
        self.listen.setAccessibleName(self.listen.text())
        for widget in (self.entry, self.kind, self.write):
            widget.setEnabled(self._open and row is not None and row.writable)
        failure = "" if row is None else row.failure
        if failure or self._problem.property("of") != (None if row is None else row.handle):
            self._say(failure)

    def _read(self) -> None:
        row = self._selected()
        if self._open and row is not None and row.readable:
            self._calls.read(row.handle)

    def _listen(self) -> None:
        row = self._selected()
        if row is not None:
            self._calls.notify(row.handle, not row.notifying)

    def _write(self) -> None:
        row = self._selected()
        if not (self._open and row is not None and row.writable):
            return
        try:
            value = typed_value(self.entry.text(), as_text=self.kind.currentIndex() == 1)
        except PeerscopeError as error:
            self._say(error.sentence)
            self.entry.setFocus()
            return
        self._say("")
        self._calls.write(row.handle, value, row.with_response)

    def _say(self, sentence: str) -> None:
        row = self._selected()
        self._problem.setProperty("of", None if row is None else row.handle)
        self._problem.setText(sentence)
        self._problem.setVisible(bool(sentence))

    def _hint(self) -> None:
        self.entry.setPlaceholderText("01 ff" if self.kind.currentIndex() == 0 else "text, sent as UTF-8")

    def _fit(self) -> None:
        shown = sum(
            1 + (item.childCount() if item.isExpanded() else 0)
            for item in (self.tree.topLevelItem(n) for n in range(self.tree.topLevelItemCount()))
            if item is not None
        )
        height = self.tree.header().sizeHint().height() + ROW * max(2, min(MOST_ROWS_SHOWN, shown)) + 4
        if self.tree.height() != height:
            self.tree.setFixedHeight(height)

    def _dress(self) -> None:
        for handle, item in self._items.items():
            self._fill(item, self._rows[handle])
