"""What must hold before Bluetooth can be used: each step with its sign, its reason and the next step."""

from PySide6.QtWidgets import QGridLayout, QLabel

from app.presenters.bluetooth import CheckLine
from app.widgets.text import Card, Text
from app.widgets.theme import Theme

GLYPH = 16


class PreflightCard(Card):
    """A line a step, changed in place."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "What Bluetooth needs here")
        self._theme = theme
        self._lines: tuple[CheckLine, ...] = ()
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(theme.measure.unit + 4)
        self._grid.setVerticalSpacing(theme.measure.unit + 2)
        self._grid.setColumnStretch(2, 1)
        self.body.addLayout(self._grid)
        self.body.addSpacing(theme.measure.unit)
        self.body.addWidget(
            Text(
                theme,
                "Everything else works without it. In peerscope --lab this page runs on a virtual radio.",
                size="small",
                role="muted",
                wrap=True,
            )
        )
        self._cells: list[tuple[QLabel, Text, Text]] = []
        theme.changed.connect(self._dress)

    def show_lines(self, lines: tuple[CheckLine, ...]) -> None:
        """Shows the steps."""
        if lines == self._lines:
            return
        self._lines = lines
        while len(self._cells) < len(lines):
            row = len(self._cells)
            glyph, label, text = QLabel(), Text(self._theme), Text(self._theme, role="muted", wrap=True)
            glyph.setFixedSize(GLYPH, GLYPH)
            self._grid.addWidget(glyph, row, 0)
            self._grid.addWidget(label, row, 1)
            self._grid.addWidget(text, row, 2)
            self._cells.append((glyph, label, text))
        for number, (glyph, label, text) in enumerate(self._cells):
            shown = number < len(lines)
            for widget in (glyph, label, text):
                widget.setVisible(shown)
            if shown:
                line = lines[number]
                label.setText(line.label)
                for widget in (glyph, label, text):
                    widget.setToolTip(line.hint)
                text.setText(" ".join(filter(None, (line.text, line.next_step))))
                label.setAccessibleName(f"{line.label}: {line.tone}. {line.text} {line.next_step}".strip())
        self._dress()

    def _dress(self) -> None:
        for line, (glyph, _, _) in zip(self._lines, self._cells, strict=False):
            glyph.setPixmap(self._theme.pixmap(line.tone, line.tone, GLYPH))
