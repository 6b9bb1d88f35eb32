"""A ladder of stages: a glyph, what was tried, what was found, and the next step where it failed."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from app.presenters.relays import Rung
from app.widgets.text import Text
from app.widgets.theme import Theme

GLYPH = 18
_GLYPHS = {"good": "good", "bad": "bad", "warn": "warn", "unknown": "unknown", "plain": "step"}


class Ladder(QWidget):
    """Rows are made once for each stage and changed in place, so that nothing jumps while a check runs."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._rungs: tuple[Rung, ...] = ()
        self._rows: dict[str, tuple[QLabel, Text, Text, Text]] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(theme.measure.unit + 4)
        self._grid.setVerticalSpacing(theme.measure.unit)
        self._grid.setColumnStretch(2, 1)
        self.setAccessibleName("Stages")
        theme.changed.connect(self._dress)

    def show_rungs(self, rungs: tuple[Rung, ...]) -> None:
        """Shows these stages, in their order."""
        if rungs == self._rungs:
            return
        self._rungs = rungs
        for number, rung in enumerate(rungs):
            if rung.key not in self._rows:
                self._add(number, rung.key)
        for key, widgets in self._rows.items():
            shown = any(rung.key == key for rung in rungs)
            for widget in widgets:
                widget.setVisible(shown)
        self._dress()

    def _add(self, row: int, key: str) -> None:
        glyph = QLabel()
        widgets = (
            glyph,
            Text(self._theme, strong=True),
            Text(self._theme, role="muted", wrap=True),
            Text(self._theme, size="small", role="muted"),
        )
        for column, widget in enumerate(widgets):
            side = Qt.AlignmentFlag.AlignRight if column == 3 else Qt.AlignmentFlag.AlignLeft
            place = Qt.AlignmentFlag.AlignTop if column == 2 else side | Qt.AlignmentFlag.AlignTop
            self._grid.addWidget(widget, row, column, place)
        self._rows[key] = widgets

    def _dress(self) -> None:
        for rung in self._rungs:
            glyph, title, detail, took = self._rows[rung.key]
            tone = rung.tone.value
            glyph.setPixmap(self._theme.pixmap(_GLYPHS[tone], tone if tone != "plain" else "muted", GLYPH))
            glyph.setAccessibleName(tone)
            title.setText(rung.title)
            detail.setText(f"{rung.detail}\n{rung.next_step}" if rung.next_step else rung.detail)
            took.setText(rung.took)
