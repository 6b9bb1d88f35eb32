"""The pages, and at the foot what concerns the whole window."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.widgets.text import Text
from app.widgets.theme import RESOURCES, Theme

ICON = 20
LOGO = 28
COMPACT = 64


class Sidebar(QWidget):
    """`chosen(int)`: the page with that place in the list."""

    chosen = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setProperty("role", "sidebar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedWidth(theme.measure.sidebar)
        self._theme = theme
        self._icons: list[tuple[QPushButton, str]] = []
        self._pages = QButtonGroup(self)
        self._pages.idClicked.connect(self.chosen)
        self._whole = QVBoxLayout(self)
        self._whole.setContentsMargins(8, 16, 8, 8)
        self._whole.setSpacing(2)
        self._whole.addLayout(self._brand())
        self._whole.addSpacing(16)
        self._place = self._whole.count()
        self._whole.addStretch(1)
        theme.changed.connect(self._dress)

    def add_page(self, title: str, icon: str) -> None:
        """Adds a page below the others; Ctrl and its number open it."""
        button = self._button(title, icon)
        number = len(self._pages.buttons())
        button.setToolTip(f"{title} (Ctrl+{number + 1})")
        button.setCheckable(True)
        self._pages.addButton(button, number)
        self._whole.insertWidget(self._place + number, button)

    def add_foot(self, title: str, icon: str) -> QPushButton:
        """Adds a button at the foot."""
        button = self._button(title, icon)
        self._whole.addWidget(button)
        return button

    def choose(self, index: int) -> None:
        """Marks a page."""
        self._pages.button(index).setChecked(True)

    def set_compact(self, compact: bool) -> None:
        """Icons only, for a narrow window; the names stay on hover and for a screen reader."""
        self.setFixedWidth(COMPACT if compact else self._theme.measure.sidebar)
        self._name.setHidden(compact)
        for button, _ in self._icons:
            button.setText("" if compact else f"  {button.accessibleName()}")

    def _button(self, title: str, icon: str) -> QPushButton:
        button = QPushButton(f"  {title}")
        button.setProperty("role", "nav")
        button.setAccessibleName(title)
        button.setIconSize(QSize(ICON, ICON))
        button.setAutoDefault(False)
        self._icons.append((button, icon))
        button.setIcon(self._theme.icon(icon, size=ICON))
        return button

    def _brand(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(9, 0, 0, 0)
        row.setSpacing(10)
        logo = QLabel()
        logo.setPixmap(QIcon(str(RESOURCES / "icons" / "peerscope.svg")).pixmap(LOGO, LOGO))
        row.addWidget(logo)
        self._name = Text(self._theme, "Peerscope", strong=True)
        row.addWidget(self._name, 1)
        return row

    def _dress(self) -> None:
        for button, icon in self._icons:
            button.setIcon(self._theme.icon(icon, size=ICON))
