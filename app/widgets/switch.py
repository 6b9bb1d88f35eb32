"""A switch that is on or off, drawn in the theme's colours."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QCheckBox

from app.widgets.theme import Theme

WIDTH, HEIGHT, EDGE = 40, 22, 3


class Switch(QCheckBox):
    """Behaves as a check box without words; Space and a click turn it over."""

    def __init__(self, theme: Theme, name: str, description: str = "") -> None:
        super().__init__()
        self._theme = theme
        self.setAccessibleName(name)
        self.setAccessibleDescription(description)
        self.setFixedSize(self.sizeHint())
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:  # noqa: N802
        """The pill and the ring around it that shows the focus."""
        return QSize(WIDTH + 2 * EDGE, HEIGHT + 2 * EDGE)

    def hitButton(self, _pos: object) -> bool:  # noqa: N802
        """All of it can be pressed."""
        return True

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """The pill, and the knob on the side that it is on."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pill = QRectF(EDGE, EDGE, WIDTH, HEIGHT)
        on = self.isChecked()
        painter.setPen(QPen(self._theme.color("accent" if on else "outline"), 1.5))
        painter.setBrush(self._theme.color("accent" if on else "surface"))
        painter.drawRoundedRect(pill.adjusted(1, 1, -1, -1), HEIGHT / 2 - 1, HEIGHT / 2 - 1)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color("on_accent" if on else "outline"))
        knob = HEIGHT - 10
        left = pill.right() - knob - 5 if on else pill.left() + 5
        painter.drawEllipse(QRectF(left, pill.top() + 5, knob, knob))
        if self.hasFocus():
            painter.setPen(QPen(self._theme.color("accent"), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            ring = pill.adjusted(-2, -2, 2, 2)
            painter.drawRoundedRect(ring, HEIGHT / 2 + 1, HEIGHT / 2 + 1)
