"""A strip that says what went wrong, in one sentence."""

from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel

from app.widgets.text import Text
from app.widgets.theme import Theme

GLYPH = 20


class Notice(QFrame):
    """Visible while there is something to say."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._glyph = QLabel()
        self._glyph.setFixedSize(GLYPH, GLYPH)
        self._text = Text(theme, wrap=True)
        self._text.setObjectName("notice")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(10)
        row.addWidget(self._glyph)
        row.addWidget(self._text, 1)
        self.hide()
        theme.changed.connect(self._dress)
        self._dress()

    def say(self, sentence: str) -> None:
        """An empty sentence hides the strip."""
        self._text.setText(sentence)
        self.setAccessibleName(sentence)
        self.setVisible(bool(sentence))

    def _dress(self) -> None:
        self._glyph.setPixmap(self._theme.pixmap("warn", "warn", GLYPH))
        ground, edge = self._theme.color("warn", 0.1).name(), self._theme.color("warn", 0.4).name()
        self.setStyleSheet(
            f"Notice {{ background: {ground}; border: 1px solid {edge}; border-radius: 6px; }}"
        )
