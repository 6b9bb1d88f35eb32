"""Labels in the theme's three sizes, and cards with a title."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.widgets.theme import Theme


class Text(QLabel):
    """A label of one size; `role` is a role of the style sheet (`muted`, `problem`)."""

    def __init__(
        self,
        theme: Theme,
        text: str = "",
        *,
        size: str = "body",
        strong: bool = False,
        role: str = "",
        wrap: bool = False,
    ) -> None:
        super().__init__(text)
        self.setFont(theme.font(size, strong=strong))
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(wrap)
        if role:
            self.setProperty("role", role)


class Card(QFrame):
    """A raised surface with a title, room for buttons beside it, and a `body`."""

    def __init__(self, theme: Theme, title: str = "") -> None:
        super().__init__()
        self.setProperty("role", "card")
        unit = theme.measure.unit
        self.whole = QVBoxLayout(self)
        self.whole.setContentsMargins(2 * unit, 2 * unit - 2, 2 * unit, 2 * unit)
        self.whole.setSpacing(unit + 4)
        self.head = QHBoxLayout()
        self.head.setSpacing(unit)
        self.body = QVBoxLayout()
        self.body.setSpacing(unit)
        if title:
            self.setAccessibleName(title)
            self.head.addWidget(Text(theme, title, strong=True))
            self.head.addStretch(1)
            self.whole.addLayout(self.head)
        self.whole.addLayout(self.body, 1)


class Columns(QWidget):
    """Widgets side by side, or stacked when the width falls below `stack_below` px."""

    def __init__(self, theme: Theme, parts: tuple[tuple[QWidget, int], ...], stack_below: int) -> None:
        super().__init__()
        self._stack_below = stack_below
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(2 * theme.measure.unit)
        for widget, stretch in parts:
            self._row.addWidget(widget, stretch)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Turns the row into a column and back."""
        narrow = event.size().width() < self._stack_below
        self._row.setDirection(
            QHBoxLayout.Direction.TopToBottom if narrow else QHBoxLayout.Direction.LeftToRight
        )
        super().resizeEvent(event)
