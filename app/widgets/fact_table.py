"""Names, values and what they stand on, in as many columns as fit; calm, right-aligned figures."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from app.widgets.text import Text
from app.widgets.theme import Theme

COLUMN_MIN = 345


class FactTable(QWidget):
    """`show_facts` takes (name, value, note); rows are changed in place."""

    def __init__(self, theme: Theme, most_columns: int = 2) -> None:
        super().__init__()
        self._theme = theme
        self._most = most_columns
        self._columns = 1
        self._rows: list[tuple[Text, Text, Text]] = []
        self._shown: tuple[tuple[str, str, str], ...] = ()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(5)

    def show_facts(self, facts: tuple[tuple[str, str, str], ...]) -> None:
        """Shows these."""
        if facts == self._shown:
            return
        self._shown = facts
        if len(facts) != len(self._rows):
            for row in self._rows:
                for text in row:
                    text.deleteLater()
            theme = self._theme
            self._rows = [
                (
                    Text(theme, role="muted"),
                    Text(theme, strong=True),
                    Text(theme, size="small", role="muted"),
                )
                for _ in facts
            ]
            self._place()
        for row, values in zip(self._rows, facts, strict=True):
            for text, value in zip(row, values, strict=True):
                text.setText(value)
            row[1].setAccessibleName(f"{values[0]}: {values[1]}, {values[2]}")

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """It can be narrow."""
        return QSize(200, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """One column of facts or two."""
        columns = max(1, min(self._most, event.size().width() // COLUMN_MIN))
        if columns != self._columns:
            self._columns = columns
            self._place()
        super().resizeEvent(event)

    def _place(self) -> None:
        lines = -(-len(self._rows) // self._columns)
        for number, row in enumerate(self._rows):
            line, column = number % lines, number // lines * 4
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            self._grid.addWidget(row[0], line, column)
            self._grid.addWidget(row[1], line, column + 1, right)
            self._grid.addWidget(row[2], line, column + 2)
        for column in range(4 * self._most):
            self._grid.setColumnStretch(column, 1 if column % 4 == 2 and column < 4 * self._columns else 0)
            self._grid.setColumnMinimumWidth(
                column, 16 if column % 4 == 3 and column < 4 * self._columns - 1 else 0
            )
