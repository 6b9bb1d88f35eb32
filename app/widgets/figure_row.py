"""The few numbers that matter, in large, side by side."""

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QWidget

from app.presenters.check import FigureView
from app.presenters.tone import Tone
from app.widgets.text import Card, Text
from app.widgets.theme import Theme

GLYPH = 16
CARD_MIN = 200


class FigureRow(QWidget):
    """Up to four figures in one row, or in two of two where there is little room."""

    def __init__(self, theme: Theme, count: int = 4) -> None:
        super().__init__()
        self._cards = [FigureCard(theme) for _ in range(count)]
        self._columns = 0
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(2 * theme.measure.unit)
        self._place(count)

    def show_view(self, figures: tuple[FigureView, ...]) -> None:
        """Shows the figures; cards without one are hidden."""
        for index, card in enumerate(self._cards):
            card.setVisible(index < len(figures))
            if index < len(figures):
                card.show_view(figures[index])

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Two beside each other are always possible, so four in a row make no page too wide."""
        widest = max(card.minimumSizeHint().width() for card in self._cards)
        return QSize(2 * widest + self._grid.horizontalSpacing(), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Chooses the number of columns."""
        wide = event.size().width() >= CARD_MIN * len(self._cards)
        self._place(len(self._cards) if wide else 2)
        super().resizeEvent(event)

    def _place(self, columns: int) -> None:
        if columns == self._columns:
            return
        self._columns = columns
        for index, card in enumerate(self._cards):
            self._grid.addWidget(card, index // columns, index % columns)
        for column in range(len(self._cards)):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)


class FigureCard(Card):
    """Name, value, and what else there is to say."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._theme = theme
        self._view: FigureView | None = None
        self.body.setSpacing(2)
        self._label = Text(theme, size="small", role="muted")
        self._glyph = QLabel()
        self._glyph.setFixedSize(GLYPH, GLYPH)
        self._value = Text(theme, size="headline", strong=True)
        self._note = Text(theme, size="small", role="muted")
        head = QHBoxLayout()
        head.addWidget(self._label, 1)
        head.addWidget(self._glyph)
        self.body.addLayout(head)
        self.body.addWidget(self._value)
        self.body.addWidget(self._note)
        theme.changed.connect(self._dress)

    def show_view(self, view: FigureView) -> None:
        """Shows one figure."""
        if view == self._view:
            return
        self._view = view
        self._label.setText(view.label)
        self._value.setText(view.value)
        self._note.setText(view.note)
        self.setAccessibleName(f"{view.label}: {view.value} {view.note}".strip())
        self._dress()

    def _dress(self) -> None:
        if self._view is None:
            return
        tone = self._view.tone
        self._glyph.setVisible(tone is not Tone.PLAIN)
        if tone is not Tone.PLAIN:
            self._glyph.setPixmap(self._theme.pixmap(tone, tone, GLYPH))
        ink = "muted" if tone in {Tone.UNKNOWN, Tone.PLAIN} else "text"
        self._value.setStyleSheet(f"color: {self._theme.color(ink).name()}")
