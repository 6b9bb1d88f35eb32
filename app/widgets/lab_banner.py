"""The strip that says on every page that this window is the lab, and how to leave it."""

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton

from app.widgets.text import Text
from app.widgets.theme import Theme

GLYPH = 20


class LabBanner(QFrame):
    """`left`: somebody wants to leave the lab."""

    left = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._glyph = QLabel()
        self._glyph.setFixedSize(GLYPH, GLYPH)
        self._text = Text(theme, strong=True, wrap=True)
        self._text.setObjectName("lab-banner")
        self._leave = QPushButton("Leave the lab")
        self._leave.setToolTip("Closes this window; your own network is in the other one (Ctrl+Q)")
        self._leave.setAutoDefault(False)
        self._leave.clicked.connect(self.left)
        row = QHBoxLayout(self)
        row.setContentsMargins(24, 6, 24, 6)
        row.setSpacing(10)
        row.addWidget(self._glyph)
        row.addWidget(self._text, 1)
        row.addWidget(self._leave)
        self.hide()
        theme.changed.connect(self._dress)
        self._dress()

    def say(self, sentence: str) -> None:
        """An empty sentence hides the strip."""
        if sentence != self._text.text():
            self._text.setText(sentence)
            self.setAccessibleName(sentence)
            self.setVisible(bool(sentence))

    def sizeHint(self) -> QSize:  # noqa: N802
        """As high as its words need."""
        return QSize(200, super().sizeHint().height())

    def _dress(self) -> None:
        self._glyph.setPixmap(self._theme.pixmap("lab", "accent", GLYPH))
        ground, edge = self._theme.color("accent", 0.14).name(), self._theme.color("accent", 0.45).name()
        self.setStyleSheet(
            f"LabBanner {{ background: {ground}; border: none; border-bottom: 1px solid {edge}; }}"
        )
