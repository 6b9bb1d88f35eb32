"""The few figures that matter, side by side; a value has a transport's colour only where it names it."""

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from app.presenters.metrics import Figure
from app.widgets.text import Card, Text
from app.widgets.theme import Theme

COUNT = 5
CARD_MIN = 190


class MetricCards(QWidget):
    """Five cards in a row, or fewer where there is little room."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._columns = 0
        self._shown: tuple[Figure, ...] = ()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(2 * theme.measure.unit)
        self._cards: list[tuple[Card, Text, Text, Text]] = []
        for _ in range(COUNT):
            card = Card(theme)
            card.body.setSpacing(3)
            texts = (
                Text(theme, size="small", role="muted"),
                Text(theme, strong=True),
                Text(theme, size="small", role="muted", wrap=True),
            )
            font = theme.font(strong=True)
            font.setPixelSize(round(font.pixelSize() * 1.28))
            texts[1].setFont(font)
            for text in texts:
                card.body.addWidget(text)
            card.body.addStretch(1)
            self._cards.append((card, *texts))
        self._place(COUNT)
        theme.changed.connect(self._dress)

    def show_figures(self, figures: tuple[Figure, ...]) -> None:
        """Shows these; none: the row is gone."""
        self.setVisible(bool(figures))
        if figures == self._shown:
            return
        self._shown = figures
        self._dress()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Chooses the number of columns."""
        columns = max(1, min(COUNT, event.size().width() // CARD_MIN))
        self._place({4: 3}.get(columns, columns))
        super().resizeEvent(event)

    def _place(self, columns: int) -> None:
        if columns == self._columns:
            return
        self._columns = columns
        for index, (card, *_) in enumerate(self._cards):
            self._grid.addWidget(card, index // columns, index % columns)
        for column in range(COUNT):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)

    def _dress(self) -> None:
        for (card, name, value, note), figure in zip(self._cards, self._shown, strict=False):
            card.setAccessibleName(f"{figure.name}: {figure.value}, {figure.note}")
            name.setText(figure.name)
            value.setText(figure.value)
            note.setText(figure.note)
            value.setStyleSheet(f"color: {self._theme.color(figure.color).name()}")
