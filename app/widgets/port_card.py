"""My game's port: a game or a port is chosen, and what is known of it stands beneath."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton

from app.presenters.check import RowView
from app.widgets.check_list import CheckList
from app.widgets.text import Card, Text
from app.widgets.theme import Theme


class PortCard(Card):
    """`asked(str)`: a game's name, or a port as in udp/7777."""

    asked = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "My game's port")
        self._games: tuple[str, ...] = ()
        self._field = QComboBox()
        self._field.setEditable(True)
        self._field.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self._field.setAccessibleName("Game, or port as in udp/7777")
        self._field.setCurrentText("")
        self._field.setMinimumContentsLength(12)
        if (line := self._field.lineEdit()) is not None:
            line.setPlaceholderText("A game, or udp/7777")
            line.returnPressed.connect(self._ask)
        self._look = QPushButton("Look")
        self._look.setAutoDefault(False)
        self._look.setToolTip("Is it open here and in the router? Nothing is changed.")
        self._look.clicked.connect(self._ask)
        row = QHBoxLayout()
        row.setSpacing(theme.measure.unit)
        row.addWidget(self._field, 1)
        row.addWidget(self._look)
        self._rows = CheckList(theme)
        self._problem = Text(theme, size="small", role="problem", wrap=True)
        self._problem.hide()
        self.body.addLayout(row)
        self.body.addWidget(self._problem)
        self.body.addWidget(self._rows)

    def show_view(
        self, games: tuple[str, ...], rows: tuple[RowView, ...], problem: str, *, busy: bool
    ) -> None:
        """The games to choose from, what is known of the last one asked for, and why it could not be asked."""
        if games != self._games:
            self._games = games
            typed = self._field.currentText()
            self._field.clear()
            self._field.addItems(list(games))
            self._field.setCurrentText(typed)
        self._rows.show_view(rows)
        self._rows.setVisible(bool(rows))
        self._problem.setText(problem)
        self._problem.setVisible(bool(problem))
        self._look.setEnabled(not busy)

    def _ask(self) -> None:
        if text := self._field.currentText().strip():
            self.asked.emit(text)
