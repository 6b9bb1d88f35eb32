"""A QR code, sharp at any scale: dark on light in every theme, as readers want it."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

SIDE = 184


class QrCode(QWidget):
    """Shows rows of modules, the quiet zone included."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: tuple[tuple[bool, ...], ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("QR code of the link")

    def show_rows(self, rows: tuple[tuple[bool, ...], ...]) -> None:
        """Empty: nothing is drawn."""
        if rows != self._rows:
            self._rows = rows
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Whole pixels for each module."""
        count = len(self._rows)
        side = count * max(2, SIDE // count) if count else SIDE
        return QSize(side, side)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """One square a module."""
        if not self._rows:
            return
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor("white"))
        unit = min(self.width(), self.height()) // len(self._rows)
        for y, row in enumerate(self._rows):
            for x, dark in enumerate(row):
                if dark:
                    painter.fillRect(x * unit, y * unit, unit, unit, Qt.GlobalColor.black)
