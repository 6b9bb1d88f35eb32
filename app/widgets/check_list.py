"""The live checklist: one line a measurement, with its sign, what it says, and why on hover."""

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QToolTip, QVBoxLayout, QWidget

from app.presenters.check import RowView
from app.presenters.tone import Tone
from app.widgets.text import Text
from app.widgets.theme import Theme

GLYPH = 16
TITLE = 124
ROW = 30


class CheckList(QWidget):
    """Rows in an order that never changes; one stop of the Tab key, the arrows move inside."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._rows: list[CheckRow] = []
        self._whole = QVBoxLayout(self)
        self._whole.setContentsMargins(0, 0, 0, 0)
        self._whole.setSpacing(0)

    def show_view(self, rows: tuple[RowView, ...]) -> None:
        """Shows the rows; their number changes only between runs."""
        while len(self._rows) > len(rows):
            row = self._rows.pop()
            row.hide()
            row.deleteLater()
        while len(self._rows) < len(rows):
            row = CheckRow(self._theme, self)
            row.setFocusPolicy(Qt.FocusPolicy.ClickFocus if self._rows else Qt.FocusPolicy.StrongFocus)
            self._rows.append(row)
            self._whole.addWidget(row)
        for row, view in zip(self._rows, rows, strict=True):
            row.show_view(view)

    def move_focus(self, row: "CheckRow", step: int) -> None:
        """Goes to a neighbour."""
        index = self._rows.index(row) + step
        if 0 <= index < len(self._rows):
            for other in self._rows:
                other.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
            self._rows[index].setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            self._rows[index].setFocus(Qt.FocusReason.OtherFocusReason)


class CheckRow(QFrame):
    """Sign, name, and the figure in words."""

    def __init__(self, theme: Theme, whole: CheckList) -> None:
        super().__init__(whole)
        self.setProperty("role", "fact")
        self.setMinimumHeight(ROW)
        self._theme = theme
        self._whole = whole
        self._view: RowView | None = None
        self._glyph = QLabel()
        self._glyph.setFixedSize(GLYPH, GLYPH)
        self._title = Text(theme, role="muted")
        self._title.setFixedWidth(TITLE)
        self._text = Text(theme, wrap=True)
        self._text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 2, 6, 2)
        row.setSpacing(10)
        row.addWidget(self._glyph)
        row.addWidget(self._title)
        row.addWidget(self._text, 1)
        theme.changed.connect(self._dress)

    def show_view(self, view: RowView) -> None:
        """Shows one row."""
        if view == self._view:
            return
        self._view = view
        self._title.setText(view.title)
        self._text.setText(view.text)
        state = "being measured" if view.running else str(view.tone)
        self.setAccessibleName(f"{view.title}: {view.text or state} ({state})")
        self.setAccessibleDescription(view.hint)
        self.setToolTip(view.hint)
        self._dress()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """With the keyboard, the reason comes by itself."""
        super().focusInEvent(event)
        if event.reason() != Qt.FocusReason.MouseFocusReason:
            self._tell()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Arrows move, Space and Return tell the reason again."""
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        if step is not None:
            self._whole.move_focus(self, step)
        elif event.key() in {Qt.Key.Key_Space, Qt.Key.Key_Return}:
            self._tell()
        else:
            super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """A click tells it too: a finger cannot hover."""
        super().mouseReleaseEvent(event)
        self._tell()

    def _tell(self) -> None:
        QToolTip.showText(self.mapToGlobal(QPoint(8, self.height())), self.toolTip(), self)

    def _dress(self) -> None:
        if self._view is None:
            return
        waiting = self._view.running
        tone = "muted" if waiting else str(self._view.tone)
        self._glyph.setPixmap(self._theme.pixmap("waiting" if waiting else tone, tone, GLYPH))
        quiet = waiting or self._view.tone is Tone.UNKNOWN
        self._text.setStyleSheet(f"color: {self._theme.color('muted' if quiet else 'text').name()}")
