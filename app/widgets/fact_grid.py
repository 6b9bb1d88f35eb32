"""Facts in a grid that keeps its order; evidence on hover, or with the keyboard's arrows."""

from html import escape

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from app.presenters.nat_facts import FactView
from app.presenters.tone import Tone
from app.widgets.text import Text
from app.widgets.theme import Theme

CELL_MIN = 216
GLYPH = 16
HEAD = 20


class FactGrid(QWidget):
    """As many columns as fit; one stop of the Tab key, the arrows move inside."""

    def __init__(self, theme: Theme, most_columns: int = 4) -> None:
        super().__init__()
        self._theme = theme
        self._most = most_columns
        self._columns = 0
        self._cells: list[FactCell] = []
        self._buttons: dict[str, QPushButton] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(4)

    def put_button(self, key: str, button: QPushButton) -> None:
        """Gives one fact's cell a button, before the first `show_view`."""
        self._buttons[key] = button

    def show_view(self, facts: tuple[FactView, ...]) -> None:
        """Shows the facts."""
        if not self._cells:
            self._cells = [FactCell(self._theme, self, self._buttons.get(fact.key)) for fact in facts]
            self._cells[0].setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            self._place()
        for cell, fact in zip(self._cells, facts, strict=True):
            cell.show_view(fact)

    def focus_chain(self) -> list[QWidget]:
        """What the Tab key may stop at, in the order of reading."""
        return [widget for cell in self._cells for widget in (cell, cell.button) if widget is not None]

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Chooses the number of columns."""
        columns = max(1, min(self._most, event.size().width() // CELL_MIN))
        if columns != self._columns:
            self._columns = columns
            self._place()
        super().resizeEvent(event)

    def move_focus(self, cell: "FactCell", key: int) -> bool:
        """Goes to the neighbour that an arrow key points at."""
        step = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -self._columns,
            Qt.Key.Key_Down: self._columns,
        }.get(Qt.Key(key))
        if step is None:
            return False
        index = self._cells.index(cell) + step
        if 0 <= index < len(self._cells):
            for other in self._cells:
                other.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
            self._cells[index].setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            self._cells[index].setFocus(Qt.FocusReason.OtherFocusReason)
        return True

    def _place(self) -> None:
        columns = self._columns or self._most
        for index, cell in enumerate(self._cells):
            self._grid.addWidget(cell, index // columns, index % columns)
        for column in range(self._most):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)


class FactCell(QFrame):
    """Label, value with its glyph, and a second line."""

    def __init__(self, theme: Theme, grid: FactGrid, button: QPushButton | None) -> None:
        super().__init__(grid)
        self.setProperty("role", "fact")
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._theme = theme
        self._grid = grid
        self.button = button
        self._fact: FactView | None = None
        self._label = Text(theme, size="small", role="muted")
        self._label.setFixedHeight(HEAD)
        self._glyph = QLabel()
        self._glyph.setFixedSize(GLYPH, GLYPH)
        self._value = Text(theme, strong=True, wrap=True)
        self._note = Text(theme, size="small", role="muted", wrap=True)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._label, 1)
        if button is not None:
            head.addWidget(button)
        value = QHBoxLayout()
        value.setSpacing(6)
        value.addWidget(self._glyph, 0, Qt.AlignmentFlag.AlignTop)
        value.addWidget(self._value, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(8, 4, 8, 6)
        whole.setSpacing(2)
        whole.addLayout(head)
        whole.addLayout(value)
        whole.addWidget(self._note)
        whole.addStretch(1)
        theme.changed.connect(self._dress)

    def show_view(self, fact: FactView) -> None:
        """Shows one fact."""
        if fact == self._fact:
            return
        self._fact = fact
        self._label.setText(fact.label)
        self._value.setText(fact.value)
        self._note.setText(fact.note)
        self.setAccessibleName(f"{fact.label}: {fact.value}")
        self.setAccessibleDescription(" ".join(filter(None, (fact.note, fact.hint, *fact.evidence))))
        self.setToolTip(_told(fact))
        self._dress()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """With the keyboard, the evidence comes by itself."""
        super().focusInEvent(event)
        if event.reason() != Qt.FocusReason.MouseFocusReason:
            self._tell()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Arrows move, Space and Return tell the evidence again."""
        if event.key() in {Qt.Key.Key_Space, Qt.Key.Key_Return}:
            self._tell()
        elif not self._grid.move_focus(self, event.key()):
            super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """A click tells it too: a finger cannot hover."""
        super().mouseReleaseEvent(event)
        self._tell()

    def _tell(self) -> None:
        QToolTip.showText(self.mapToGlobal(QPoint(8, self.height())), self.toolTip(), self)

    def _dress(self) -> None:
        if self._fact is None:
            return
        tone = self._fact.tone
        self._glyph.setVisible(tone is not Tone.PLAIN)
        if tone is not Tone.PLAIN:
            self._glyph.setPixmap(self._theme.pixmap(tone, tone, GLYPH))
        ink = "muted" if tone is Tone.UNKNOWN else "text"
        self._value.setFont(self._theme.font(strong=tone is not Tone.UNKNOWN))
        self._value.setStyleSheet(f"color: {self._theme.color(ink).name()}")


def _told(fact: FactView) -> str:
    parts = [f"<b>{escape(fact.label)}: {escape(fact.value)}</b>"]
    if fact.evidence:
        parts.append(
            "Seen:<ul style='margin:0; -qt-list-indent:1'>"
            + "".join(f"<li>{escape(line)}</li>" for line in fact.evidence)
            + "</ul>"
        )
    elif fact.tone is Tone.UNKNOWN and fact.note:
        parts.append(escape(fact.note))
    parts.append(escape(fact.hint))
    return "<div style='max-width:360px'>" + "<br>".join(parts) + "</div>"
