"""Lines of a glyph, a name and a text: the ways to meet, the rungs of a ladder."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from app.presenters.tone import Tone
from app.widgets.text import Text
from app.widgets.theme import Theme

GLYPH = 16


class GlyphLines(QWidget):
    """Shows `(tone, name, text, hover)` lines; rows are kept and changed in place. `stacked`: the text below the name."""

    def __init__(self, theme: Theme, *, stacked: bool = False) -> None:
        super().__init__()
        self._stacked = stacked
        self._theme = theme
        self._lines: tuple[tuple[Tone, str, str, str], ...] = ()
        self._rows: list[tuple[QLabel, Text, Text]] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1 if stacked else 2, 1)
        theme.changed.connect(self._dress)

    def show_lines(self, lines: tuple[tuple[Tone, str, str, str], ...]) -> None:
        """Shows them; none hides the widget."""
        if lines == self._lines:
            return
        self._lines = lines
        while len(self._rows) < len(lines):
            glyph = QLabel()
            glyph.setFixedSize(GLYPH, GLYPH)
            name = Text(self._theme, size="small")
            text = Text(self._theme, size="small", role="muted", wrap=True)
            name.setWordWrap(self._stacked)
            row = len(self._rows) * (1 + self._stacked)
            self._grid.addWidget(glyph, row, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(name, row, 1, Qt.AlignmentFlag.AlignTop)
            place = (row + 1, 1) if self._stacked else (row, 2)
            self._grid.addWidget(text, *place, Qt.AlignmentFlag.AlignTop)
            self._rows.append((glyph, name, text))
        for row, widgets in enumerate(self._rows):
            for widget in widgets:
                widget.setVisible(row < len(lines))
        for (_, name, text), (_, called, says, hover) in zip(self._rows, lines, strict=False):
            name.setText(called)
            text.setText(says)
            text.setAccessibleName(f"{called}: {says}")
            for widget in (name, text):
                widget.setToolTip(hover)
        self.setVisible(bool(lines))
        self._dress()

    def _dress(self) -> None:
        for (glyph, _, _), (tone, *_) in zip(self._rows, self._lines, strict=False):
            name = "unknown" if tone is Tone.PLAIN else tone
            glyph.setPixmap(self._theme.pixmap(name, tone, GLYPH))
