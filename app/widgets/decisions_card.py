"""What carries what to whom, and the last moves with the inequality behind each."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QGridLayout, QWidget

from app.presenters.decisions import SHOWN, DecisionsView, moves_text
from app.widgets.buttons import Button
from app.widgets.fact_table import FactTable
from app.widgets.text import Card, Text
from app.widgets.theme import Theme


class DecisionsCard(Card):
    """Shows one view."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Who rides what, and why")
        self._view = DecisionsView("")
        self._copy = Button(theme, "Copy", self.copy, icon="copy", role="link", hint="Copy the moves")
        self.head.addWidget(self._copy)
        self._headline = Text(theme, wrap=True)
        self._headline.setObjectName("decisions-headline")
        self._routes = FactTable(theme, 1)
        self._moves = QWidget()
        grid = QGridLayout(self._moves)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(2, 1)
        self._rows = [
            (
                Text(theme, size="small", role="muted"),
                Text(theme, strong=True),
                Text(theme, wrap=True),
            )
            for _ in range(SHOWN)
        ]
        for line, cells in enumerate(self._rows):
            for place, cell in enumerate(cells):
                grid.addWidget(cell, line, place, Qt.AlignmentFlag.AlignTop)
        for part in (self._headline, self._routes, self._moves):
            self.body.addWidget(part)
        self.show_view(DecisionsView(""))

    def show_view(self, view: DecisionsView) -> None:
        """Another state."""
        self._view = view
        self._headline.setText(view.headline)
        self._routes.setVisible(bool(view.routes))
        self._routes.show_facts(view.routes)
        self._moves.setVisible(bool(view.moves))
        self._copy.setVisible(bool(view.moves))
        for number, cells in enumerate(self._rows):
            shown = number < len(view.moves)
            row = view.moves[number] if shown else None
            texts = (row.at, row.what, row.reason) if row is not None else ("", "", "")
            for cell, text in zip(cells, texts, strict=True):
                cell.setVisible(shown)
                if cell.text() != text:
                    cell.setText(text)
            if row is not None:
                cells[0].setToolTip(f"{row.exact}, to {row.peer}")

    def copy(self) -> None:
        """The moves, with tabs."""
        QApplication.clipboard().setText(moves_text(self._view))
