"""A box to choose from, with an arrow that says so in every theme."""

from PySide6.QtGui import QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QComboBox

from app.widgets.theme import Theme

ARROW = 14
EDGE = 8


class ChoiceBox(QComboBox):
    """A combo box whose arrow is the theme's. The wheel scrolls the page beneath it and never changes the choice."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """For the page."""
        event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """The box, then the arrow on its right."""
        super().paintEvent(event)
        painter = QPainter(self)
        ink = "muted" if self.isEnabled() else "line"
        at = (self.width() - ARROW - EDGE, (self.height() - ARROW) // 2)
        painter.drawPixmap(*at, self._theme.pixmap("unfold", ink, ARROW))
