"""The button that pages are made of: no default, a name for screen readers, an icon that follows the theme."""

from collections.abc import Callable

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QPushButton

from app.widgets.theme import Theme

ICON = 16


class Button(QPushButton):
    """`role` is `primary`, `link` or empty; `pressed` is called without arguments."""

    def __init__(
        self,
        theme: Theme,
        text: str,
        pressed: Callable[[], object],
        *,
        icon: str = "",
        role: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(f" {text}" if icon else text)
        self._theme = theme
        self._icon = icon
        self._ink = "on_accent" if role == "primary" else "text"
        self.setAccessibleName(text)
        self.setToolTip(hint)
        self.setAutoDefault(False)
        self.clicked.connect(lambda: pressed())  # noqa: PLW0108 - what is clicked brings a bool along
        if role:
            self.setProperty("role", role)
        if role == "link":
            self.setFont(theme.font("small"))
        if icon:
            self.setIconSize(QSize(ICON, ICON))
            theme.changed.connect(self._dress)
            self._dress()

    def show_as(self, role: str, icon: str) -> None:
        """Another role and icon, for a button that now does something else."""
        if (role, icon) != (self.property("role"), self._icon):
            self._icon = icon
            self._ink = "on_accent" if role == "primary" else "text"
            self.setProperty("role", role)
            self.style().polish(self)
            self._dress()

    def _dress(self) -> None:
        self.setIcon(self._theme.icon(self._icon, self._ink, ICON))
