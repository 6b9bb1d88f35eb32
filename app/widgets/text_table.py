"""A small table of texts under a thin head; figures to the right; rows change in place."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPen, QPixmap
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from app.widgets.pens import STYLES
from app.widgets.text import Text
from app.widgets.theme import Theme

GAP, LINE = 18, 6
SAMPLE_WIDTH, SAMPLE_HEIGHT = 26, 12
Sample = tuple[str, str]


class TextTable(QWidget):
    """`columns` are the heads; the first `left` of them are words, the rest figures.

    A row may begin with a sample of a curve (color and style by name): the table is its legend.
    """

    def __init__(self, theme: Theme, columns: tuple[str, ...], *, left: int = 1) -> None:
        super().__init__()
        self._theme = theme
        self._left = left
        self._cells: list[tuple[Text, ...]] = []
        self._samples: list[QLabel] = []
        self._shown: tuple[Sample, ...] = ()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(GAP)
        self._grid.setVerticalSpacing(LINE)
        for place, name in enumerate(columns):
            head = Text(theme, name, size="small", role="muted")
            self._grid.addWidget(head, 0, place + 1, self._side(place))
            self._grid.setColumnStretch(place + 1, 1 if place == left - 1 else 0)
        self._columns = columns
        theme.changed.connect(self._draw_samples)

    def show_rows(self, rows: tuple[tuple[str, ...], ...], samples: tuple[Sample, ...] = ()) -> None:
        """Shows these."""
        if samples != self._shown:
            self._shown = samples
            self._draw_samples()
        while len(self._cells) < len(rows):
            line = len(self._cells) + 1
            cells = tuple(Text(self._theme, strong=place == 0) for place in range(len(self._columns)))
            for place, cell in enumerate(cells):
                self._grid.addWidget(cell, line, place + 1, self._side(place))
            self._cells.append(cells)
        for number, cells in enumerate(self._cells):
            shown = number < len(rows)
            for place, cell in enumerate(cells):
                cell.setVisible(shown)
                text = rows[number][place] if shown else ""
                if cell.text() != text:
                    cell.setText(text)
            if shown:
                cells[0].setAccessibleName(
                    "; ".join(
                        f"{name} {text}" for name, text in zip(self._columns, rows[number], strict=True)
                    )
                )

    def _draw_samples(self) -> None:
        while len(self._samples) < len(self._shown):
            label = QLabel()
            self._grid.addWidget(label, len(self._samples) + 1, 0)
            self._samples.append(label)
        for label, (color, style) in zip(self._samples, self._shown, strict=False):
            ratio = self.devicePixelRatioF()
            picture = QPixmap(round(SAMPLE_WIDTH * ratio), round(SAMPLE_HEIGHT * ratio))
            picture.setDevicePixelRatio(ratio)
            picture.fill(Qt.GlobalColor.transparent)
            painter = QPainter(picture)
            pen = QPen(self._theme.color(color), 2)
            pen.setStyle(STYLES.get(style, Qt.PenStyle.SolidLine))
            painter.setPen(pen)
            painter.drawLine(1, SAMPLE_HEIGHT // 2, SAMPLE_WIDTH - 1, SAMPLE_HEIGHT // 2)
            painter.end()
            label.setPixmap(picture)

    def _side(self, place: int) -> Qt.AlignmentFlag:
        side = Qt.AlignmentFlag.AlignLeft if place < self._left else Qt.AlignmentFlag.AlignRight
        return side | Qt.AlignmentFlag.AlignVCenter
