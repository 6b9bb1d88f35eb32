"""You and whoever is connected: by which way, why, and what would help."""

from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.presenters.check_pair import PairView
from app.presenters.tone import Tone
from app.widgets.text import Card, Text
from app.widgets.theme import Theme

GLYPH = 16
_ICONS = {Tone.GOOD: "good", Tone.WARN: "warn"}


class PairCard(Card):
    """Visible while somebody is connected."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "With whom you are connected")
        self._theme = theme
        self._views: tuple[PairView, ...] | None = None
        self._rows = QVBoxLayout()
        self._rows.setSpacing(theme.measure.unit)
        self.body.addLayout(self._rows)
        self.hide()
        theme.changed.connect(self._draw)

    def show_views(self, views: tuple[PairView, ...]) -> None:
        """Shows them when they changed."""
        if views != self._views:
            self._views = views
            self._draw()
        self.setVisible(bool(views))

    def _draw(self) -> None:
        while (item := self._rows.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for view in self._views or ():
            self._rows.addWidget(self._row(view))

    def _row(self, view: PairView) -> QWidget:
        whole = QWidget()
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(self._theme.measure.unit)
        glyph = QLabel()
        glyph.setFixedWidth(GLYPH + 4)
        glyph.setPixmap(self._theme.pixmap(_ICONS[view.tone], _ICONS[view.tone], GLYPH))
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(Text(self._theme, view.title, strong=True, wrap=True))
        words.addWidget(Text(self._theme, view.sentence, wrap=True))
        if view.remedy:
            words.addWidget(Text(self._theme, view.remedy, role="muted", wrap=True))
        row.addWidget(glyph)
        row.addLayout(words, 1)
        whole.setAccessibleName(f"{view.title}. {view.sentence} {view.remedy}".strip())
        return whole
