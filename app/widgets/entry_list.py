"""A list that is edited in place: a row for each entry, a box for each of its parts, and one to add another."""

from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.presenters.settings import Column, Row, Typed
from app.widgets.buttons import Button
from app.widgets.choice_box import ChoiceBox
from app.widgets.text import Text
from app.widgets.theme import Theme

NARROW = 104
MAX_CHARACTERS = 512


class ListCalls(NamedTuple):
    """`read` looks at what was typed; `edited` gets the new list; `secret` a row and what is to be kept of it."""

    read: Callable[[tuple[tuple[str, ...], ...]], Typed]
    edited: Callable[[object], object]
    secret: Callable[[int, str], object]


class EntryList(QWidget):
    """Shows the rows of a setting. What is no entry yet is told beneath, and stays as it was typed."""

    def __init__(self, theme: Theme, title: str, columns: tuple[Column, ...], calls: ListCalls) -> None:
        super().__init__()
        self._theme = theme
        self._title = title
        self._columns = columns
        self._calls = calls
        self._lines: list[_Line] = []
        self._shown: tuple[tuple[str, ...], ...] = ()
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(6)
        self._column = QVBoxLayout()
        self._column.setSpacing(6)
        self.problem = Text(theme, size="small", role="problem", wrap=True)
        self.problem.setObjectName("problem")
        self.problem.hide()
        self.add = Button(theme, "Add", self._add, role="link")
        self.add.setAccessibleName(f"Add to {title}")
        foot = QHBoxLayout()
        foot.addWidget(self.add)
        foot.addStretch(1)
        whole.addLayout(self._column)
        whole.addWidget(self.problem)
        whole.addLayout(foot)

    def show_row(self, row: Row) -> None:
        """Takes over the entries that hold; what is being typed stays while they are the same."""
        if row.columns != self._columns:
            self._columns = row.columns
            for line in self._lines:
                line.show_choices(row.columns)
        if row.rows != self._shown or len(self._lines) < len(row.rows):
            self._shown = row.rows
            self._fill(row.rows)
        for number, text in enumerate(row.secrets):
            self._lines[number].show_secret(text)
        if row.problem:
            self._say(Typed(problem=row.problem))

    def take_back(self) -> None:
        """Forgets what was typed and does not hold."""
        self._fill(self._shown)
        self._say(Typed())

    def _fill(self, rows: tuple[tuple[str, ...], ...]) -> None:
        while len(self._lines) > len(rows):
            self._drop(self._lines[-1])
        while len(self._lines) < len(rows):
            self._append()
        for line, texts in zip(self._lines, rows, strict=True):
            line.fill(texts)
        self._say(Typed())

    def _append(self) -> "_Line":
        line = _Line(self._theme, self._title, self._columns, self)
        self._lines.append(line)
        self._column.addWidget(line)
        return line

    def _drop(self, line: "_Line") -> None:
        self._lines.remove(line)
        self._column.removeWidget(line)
        line.hide()
        line.deleteLater()

    def _add(self) -> None:
        """An empty row; one that is there already is used."""
        empty = next((line for line in self._lines if line.is_empty), None)
        (empty or self._append()).begin()

    def looked_at(self) -> None:
        """Something was typed: is it an entry?"""
        self._say(self._calls.read(tuple(line.texts for line in self._lines)))

    def settled(self) -> None:
        """The cursor left a box, or Enter was pressed."""
        typed = self._calls.read(tuple(line.texts for line in self._lines))
        self._say(typed)
        rows = tuple(line.texts for line in self._lines if not line.is_empty)
        if not typed.problem and rows != self._shown:
            self._shown = rows  # asked for once
            self._calls.edited(typed.value)

    def remove(self, line: "_Line") -> None:
        """Takes a row out, unless the last one must stay."""
        rest = tuple(each.texts for each in self._lines if each is not line)
        typed = self._calls.read(rest)
        if typed.problem and typed.row < 0:
            self._say(typed)
            return
        self._drop(line)
        self.settled()

    def keep(self, line: "_Line", secret: str) -> None:
        """A secret was typed, or is to be forgotten."""
        number = self._lines.index(line)
        if number < len(self._shown):
            self._calls.secret(number, secret)
        else:
            self._say(Typed(problem="Write the server and its user first, then the password."))

    def _say(self, typed: Typed) -> None:
        self.problem.setText(typed.problem)
        self.problem.setVisible(bool(typed.problem))
        for number, line in enumerate(self._lines):
            line.mark(number == typed.row)


class _Line(QWidget):
    """One entry."""

    def __init__(self, theme: Theme, title: str, columns: tuple[Column, ...], owner: EntryList) -> None:
        super().__init__()
        self._boxes: list[QLineEdit | ChoiceBox] = []
        self._secret: QLineEdit | None = None
        self._forget: Button | None = None
        self._owner = owner
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.measure.unit)
        for column in columns:
            if column.choices:
                choice = ChoiceBox(theme)
                choice.setAccessibleName(f"{title}: {column.title}")
                choice.activated.connect(owner.settled)
                self._boxes.append(choice)
                row.addWidget(choice, 1)
                continue
            box = QLineEdit()
            box.setMaxLength(MAX_CHARACTERS)
            box.setAccessibleName(title if len(columns) == 1 else f"{title}: {column.title}")
            box.setPlaceholderText(column.example)
            if column.secret:
                box.setEchoMode(QLineEdit.EchoMode.Password)
                box.editingFinished.connect(self._keep)
                self._secret = box
                row.addWidget(box, 2)
                continue
            box.textEdited.connect(owner.looked_at)
            box.editingFinished.connect(owner.settled)
            self._boxes.append(box)
            if column.narrow:
                box.setFixedWidth(NARROW)
                box.setAlignment(Qt.AlignmentFlag.AlignRight)
                row.addWidget(box)
                row.addWidget(Text(theme, column.unit, role="muted"))
            else:
                row.addWidget(box, 3)
        if self._secret is not None:
            self._forget = Button(
                theme, "Forget", lambda: owner.keep(self, ""), role="link", hint="Forgets the password"
            )
            keep = self._forget.sizePolicy()
            keep.setRetainSizeWhenHidden(True)
            self._forget.setSizePolicy(keep)
            self._forget.hide()
            row.addWidget(self._forget)
        remove = Button(theme, "Remove", lambda: owner.remove(self), role="link")
        row.addWidget(remove)
        self.show_choices(columns)

    @property
    def texts(self) -> tuple[str, ...]:
        """What stands in the boxes, the secret left out."""
        return tuple(
            box.text() if isinstance(box, QLineEdit) else str(box.currentData() or "") for box in self._boxes
        )

    @property
    def is_empty(self) -> bool:
        """Nothing was typed yet; what is chosen by itself does not count."""
        return not any(box.text().strip() for box in self._boxes if isinstance(box, QLineEdit))

    def fill(self, texts: tuple[str, ...]) -> None:
        """Shows an entry."""
        for box, text in zip(self._boxes, texts, strict=True):
            if isinstance(box, QLineEdit):
                if box.text() != text:
                    box.setText(text)
                    box.setCursorPosition(0)
            else:
                if box.findData(text) < 0:
                    box.addItem(text, text)
                box.setCurrentIndex(box.findData(text))

    def show_choices(self, columns: tuple[Column, ...]) -> None:
        """What can be chosen may change while the page is open."""
        shown = [column for column in columns if not column.secret]
        for box, column in zip(self._boxes, shown, strict=True):
            if isinstance(box, ChoiceBox):
                now = box.currentData() or ""
                box.clear()
                for value, words in column.choices:
                    box.addItem(words, value)
                if box.findData(now) < 0:
                    box.addItem(now, now)
                box.setCurrentIndex(box.findData(now))

    def show_secret(self, text: str) -> None:
        """Where the secret is."""
        if self._secret is not None and self._forget is not None:
            self._secret.setPlaceholderText(text)
            self._forget.setVisible(text.startswith("kept"))

    def begin(self) -> None:
        """Puts the cursor into the first box."""
        next(box for box in self._boxes if isinstance(box, QLineEdit)).setFocus()

    def mark(self, wrong: bool) -> None:
        """Whether the sentence beneath speaks of this row."""
        for box in self._boxes:
            if isinstance(box, QLineEdit) and (box.property("role") == "problem") != wrong:
                box.setProperty("role", "problem" if wrong else "")
                box.style().polish(box)

    def _keep(self) -> None:
        if self._secret is not None and self._secret.text():
            text = self._secret.text()
            self._secret.clear()
            self._owner.keep(self, text)
