"""My game's port: a game or a port is chosen, and what is known of it stands beneath."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton

from app.presenters.check import RowView
from app.presenters.check_ports import NOBODY
from app.widgets.check_list import CheckList
from app.widgets.choice_box import ChoiceBox
from app.widgets.peer_choice import PeerButton
from app.widgets.text import Card, Text
from app.widgets.theme import Theme


class PortCard(Card):
    """`asked(str)`: a game's name, or a port as in udp/7777. `knock_wanted(int)`: the conversation that shall knock."""

    asked = Signal(str)
    knock_wanted = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "My game's port")
        self._games: tuple[str, ...] = ()
        self._field = ChoiceBox(theme)
        self._field.setEditable(True)
        self._field.setInsertPolicy(ChoiceBox.InsertPolicy.NoInsert)
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
        self._knock = PeerButton(
            theme,
            "Ask {} to knock",
            hint="They send three small packets, or open a connection, to the port from outside.",
        )
        self._knock.chosen.connect(self.knock_wanted)
        self._nobody = Text(theme, NOBODY, size="small", role="muted", wrap=True)
        self.body.addLayout(row)
        self.body.addWidget(self._problem)
        self.body.addWidget(self._rows)
        self.body.addWidget(self._nobody)
        self.body.addWidget(self._knock, 0, Qt.AlignmentFlag.AlignLeft)

    def show_view(
        self,
        games: tuple[str, ...],
        rows: tuple[RowView, ...],
        knockers: tuple[tuple[int, str], ...],
        problem: str,
        *,
        busy: bool,
    ) -> None:
        """Games to choose from, what is known of the last one asked for, who can knock, and why it failed."""
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
        self._nobody.setVisible(bool(rows) and not knockers)
        self._knock.show_peers(knockers if rows else ())
        self._knock.setEnabled(not busy)

    def _ask(self) -> None:
        if text := self._field.currentText().strip():
            self.asked.emit(text)
