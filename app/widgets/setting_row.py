"""One setting: what it is, the box or switch for it, what is wrong with it, and the way back to what was shipped."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.presenters.settings import Row, Typed, typed_rows, typed_text
from app.widgets.buttons import Button
from app.widgets.entry_list import EntryList, ListCalls
from app.widgets.switch import Switch
from app.widgets.text import Text
from app.widgets.theme import Theme
from netstack.model.config import Kind

BOX = 240
NUMBER = 104


class RowCalls(NamedTuple):
    """`change` gets a key and a value, `reset` a key, `secret` the number of an entry and its secret."""

    change: Callable[[str, object], object]
    reset: Callable[[str], object]
    secret: Callable[[int, str], object]


class SettingRow(QWidget):
    """Words on the left, the control on the right; a list stands beneath its words."""

    def __init__(self, theme: Theme, row: Row, calls: RowCalls) -> None:
        super().__init__()
        self._row = row
        self._calls = calls
        self._box: QLineEdit | None = None
        self._switch: Switch | None = None
        self._list: EntryList | None = None
        self._title = Text(theme, row.title)
        self._hint = Text(theme, row.hint, size="small", role="muted", wrap=True)
        self._reset = Button(
            theme, "Reset", lambda: calls.reset(row.key), role="link", hint="Go back to what was shipped"
        )
        self._reset.setAccessibleName(f"Reset {row.title}")
        self._problem = Text(theme, size="small", role="problem", wrap=True)
        self._problem.setObjectName("problem")
        self._problem.hide()
        head = QHBoxLayout()
        head.setSpacing(theme.measure.unit)
        head.addWidget(self._title)
        head.addWidget(self._reset)
        head.addStretch(1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(4)
        whole.addLayout(head)
        whole.addWidget(self._hint)
        match row.kind:
            case Kind.SWITCH:
                self._switch = Switch(theme, row.title, row.hint)
                self._switch.clicked.connect(lambda on: calls.change(row.key, on))
                head.addWidget(self._switch)
                self._title.setBuddy(self._switch)
            case Kind.TEXTS | Kind.RECORDS:
                read = ListCalls(
                    lambda rows: typed_rows(row.key, rows),
                    lambda value: calls.change(row.key, value),
                    calls.secret,
                )
                self._list = EntryList(theme, row.title, row.columns, read)
                whole.addSpacing(4)
                whole.addWidget(self._list)
            case _:
                self._box = QLineEdit()
                self._box.setAccessibleName(row.title)
                self._box.setPlaceholderText(row.example)
                self._box.setFixedWidth(NUMBER if row.kind is Kind.NUMBER else BOX)
                if row.kind is Kind.NUMBER:
                    self._box.setAlignment(Qt.AlignmentFlag.AlignRight)
                self._box.textEdited.connect(self._look)
                self._box.editingFinished.connect(self._settle)
                head.addWidget(self._box)
                if row.unit:
                    head.addWidget(Text(theme, row.unit, role="muted"))
        whole.addWidget(self._problem)

    def show_row(self, row: Row) -> None:
        """Shows what holds; what is being typed stays."""
        old, self._row = self._row, row
        self._reset.setVisible(row.own)
        if self._switch is not None:
            self._switch.setChecked(row.on)
        if self._list is not None:
            self._list.show_row(row)
        if self._box is not None and (old.text != row.text or not self._box.hasFocus()):
            self._box.setText(row.text)
            self._say(Typed(problem=row.problem))

    def take_back(self) -> None:
        """Forgets what was typed and does not hold."""
        if self._box is not None:
            self._box.setText(self._row.text)
            self._say(Typed())
        if self._list is not None:
            self._list.take_back()

    def _look(self, text: str) -> None:
        self._say(typed_text(self._row.key, text))

    def _settle(self) -> None:
        if self._box is not None and self._box.text() != self._row.text:
            typed = typed_text(self._row.key, self._box.text())
            self._say(typed)
            if not typed.problem:
                self._row = msgspec.structs.replace(self._row, text=self._box.text())  # asked for once
                self._calls.change(self._row.key, typed.value)

    def _say(self, typed: Typed) -> None:
        self._problem.setText(typed.problem)
        self._problem.setVisible(bool(typed.problem))
        if self._box is not None:
            self._box.setProperty("role", "problem" if typed.problem else "")
            self._box.style().polish(self._box)
