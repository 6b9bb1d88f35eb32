"""The Relays page: does this TURN server work, stage by stage, and which relays does this program hold?"""

from typing import NamedTuple

from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.actions import Action
from app.presenters.relays import RelaysView, login_hints, present, report_text
from app.widgets.advice_list import AdviceList
from app.widgets.choice_box import ChoiceBox
from app.widgets.fact_table import FactTable
from app.widgets.figure_row import FigureRow
from app.widgets.ladder import Ladder
from app.widgets.notice import Notice
from app.widgets.page import Page
from app.widgets.relay_box import RelayBox, RelayCalls
from app.widgets.speed_card import SpeedCard
from app.widgets.text import Card, Columns, Text
from app.widgets.theme import Theme
from netstack.model.snapshot import Snapshot

STACK_BELOW = 860
WELCOME = """The check asks the server for a relay, sends to itself through it, times that, looks for the largest packet, \
and gives the relay back: a few seconds and some kilobytes, each step with what was found and what to do.

No server yet? Enter the one that a provider, a game's host or a friend gave you, or run one yourself: \
peerscope serve --turn, or coturn. Servers that are used often belong into the settings."""


class RelaysActions(NamedTuple):
    """What the page can start. `check` and `allocate` take URI, username and password, `speed` nothing, the others
    a relay's number, `let_in` also HOST or HOST:PORT.
    """

    check: Action
    speed: Action
    allocate: Action
    release: Action
    renew: Action
    let_in: Action


class RelaysPage(Page):
    """A form for one server, the ladder of its check, its figures, and the relays that are held."""

    key = "relays"
    title = "Relays"
    icon = "relays"

    def __init__(self, theme: Theme, actions: RelaysActions) -> None:
        super().__init__(theme)
        self._theme = theme
        self._actions = actions
        self._snapshot = Snapshot()
        self._view: RelaysView | None = None
        self._boxes: list[RelayBox] = []

        self._copy = QPushButton(" Copy")
        self._copy.setToolTip("Copy the check as text (Ctrl+C)")
        self._copy.clicked.connect(self.copy)
        self._run = QPushButton(" Check")
        self._run.setObjectName("run")
        self._run.setMinimumWidth(112)
        self._run.clicked.connect(self._toggle)
        for button in (self._copy, self._run):
            button.setAutoDefault(False)
            button.setAccessibleName(button.text().strip())
            self.buttons.addWidget(button)

        self._uri = ChoiceBox(theme)
        self._uri.setEditable(True)
        typed = QLineEdit()
        self._uri.setLineEdit(typed)
        self._uri.setAccessibleName("Server")
        typed.setPlaceholderText("turn:turn.example.org, or turns: for TLS")
        self._user = QLineEdit()
        self._user.setAccessibleName("Username")
        self._user.setPlaceholderText("username")
        self._password = QLineEdit()
        self._password.setAccessibleName("Password")
        self._password.setPlaceholderText("password")
        self._password.setToolTip("Used for this check alone; it is never written down")
        self._password.setEchoMode(QLineEdit.EchoMode.Password)
        self._allocate = QPushButton(" Hold a relay")
        self._allocate.setAutoDefault(False)
        self._allocate.setToolTip("Allocates a relay and keeps it, so that its life can be watched")
        self._allocate.clicked.connect(lambda: actions.allocate.run(*self._asked()))
        self._uri.currentTextChanged.connect(lambda _: self._hint())
        for field in (typed, self._user, self._password):
            field.returnPressed.connect(self.start)
        form = Card(theme, "Server")
        row = QHBoxLayout()
        row.setSpacing(theme.measure.unit)
        row.addWidget(self._uri, 3)
        row.addWidget(self._user, 1)
        row.addWidget(self._password, 1)
        row.addWidget(self._allocate)
        form.body.addLayout(row)

        self._notice = Notice(theme)
        self._welcome = Card(theme, "What this page does")
        self._welcome.body.addWidget(Text(theme, WELCOME, role="muted", wrap=True))
        self._to_do = Card(theme, "What to do")
        self._advice = AdviceList(theme)
        self._to_do.body.addWidget(self._advice)
        self._figures = FigureRow(theme)
        self._ladder = Ladder(theme)
        ladder = Card(theme, "Stage by stage")
        ladder.body.addWidget(self._ladder)
        ladder.body.addStretch(1)
        self._facts = FactTable(theme, 1)
        self._known = Card(theme, "The server")
        self._known.body.addWidget(self._facts)
        self._speed = SpeedCard(theme, actions.speed)
        side = QWidget()
        beside = QVBoxLayout(side)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.setSpacing(2 * theme.measure.unit)
        beside.addWidget(self._speed)
        beside.addWidget(self._known)
        beside.addStretch(1)
        self._results = Columns(theme, ((ladder, 3), (side, 2)), STACK_BELOW)
        self._held = QWidget()
        self._held_column = QVBoxLayout(self._held)
        self._held_column.setContentsMargins(0, 0, 0, 0)
        self._held_column.setSpacing(2 * theme.measure.unit)
        for widget in (
            self._notice, form, self._welcome, self._to_do, self._figures, self._results, self._held,
        ):  # fmt: skip
            self.content.addWidget(widget)
        self.content.addStretch(1)
        for action in actions:
            action.changed.connect(self._refresh)
        theme.changed.connect(self._dress)
        self._dress()

    def show_snapshot(self, snapshot: Snapshot, now_s: float) -> None:
        """Ladder, figures and countdowns."""
        self._snapshot = snapshot
        self._refresh()

    def start(self) -> None:
        """F5 and Enter check the server that is named."""
        uri, username, password = self._asked()
        if uri:
            self._actions.check.run(uri, username, password)
        else:
            self._uri.setFocus()
            self.said.emit("Name a server first, for example turn:turn.example.org.")

    def stop(self) -> None:
        """Escape ends the check, and the measurement of the speed."""
        self._actions.check.cancel()
        self._actions.speed.cancel()

    def copy(self) -> None:
        """The check as text; no password is in it."""
        if self._view is not None and self._view.rungs:
            QApplication.clipboard().setText(report_text(self._view))
            self.said.emit("The check was copied.")

    def _asked(self) -> tuple[str, str, str]:
        return self._uri.currentText().strip(), self._user.text().strip(), self._password.text()

    def _toggle(self) -> None:
        if self._actions.check.busy:
            self.stop()
        else:
            self.start()

    def _refresh(self) -> None:
        view = present(self._snapshot.turn)
        busy = self._actions.check.busy
        self._run.setText(" Cancel" if busy else " Check")
        self._run.setAccessibleName(self._run.text().strip())
        self._run.setProperty("role", "" if busy else "primary")
        self._run.setIcon(self._theme.icon("stop" if busy else "run", "text" if busy else "on_accent", 16))
        self._run.style().polish(self._run)
        self._notice.say(next((action.failure for action in self._actions if action.failure), ""))
        self._allocate.setEnabled(not self._actions.allocate.busy)
        if view == self._view:
            return
        old, self._view = self._view, view
        if old is None or old.servers != view.servers:
            self._fill_servers(view.servers)
        self.headline.setText(view.headline)
        self.subline.setText(view.subline)
        self.summary = f"{self.title}: {view.headline}"
        self.titled.emit()
        self.show_progress(view.progress if view.running else None)
        self._ladder.show_rungs(view.rungs)
        self._results.setVisible(bool(view.rungs))
        self._welcome.setVisible(not view.rungs and not view.relays)
        self._to_do.setVisible(bool(view.advice))
        self._advice.show_view(view.advice, "")
        self._figures.setVisible(bool(view.figures))
        self._figures.show_view(view.figures)
        self._known.setVisible(bool(view.facts))
        self._facts.show_facts(view.facts)
        self._speed.show_view(view.speed)
        self._copy.setEnabled(bool(view.rungs))
        calls = RelayCalls(self._actions.release.run, self._actions.renew.run, self._actions.let_in.run)
        while len(self._boxes) < len(view.relays):
            box = RelayBox(self._theme, calls)
            self._boxes.append(box)
            self._held_column.addWidget(box)
        for box, card in zip(self._boxes, view.relays, strict=False):
            box.show_card(card)
        for number, box in enumerate(self._boxes):
            box.setVisible(number < len(view.relays))

    def _fill_servers(self, servers: tuple[str, ...]) -> None:
        typed = self._uri.currentText()
        self._uri.clear()
        self._uri.addItems(list(servers))
        if typed:
            self._uri.setEditText(typed)
        self._hint()

    def _hint(self) -> None:
        user, password = login_hints(self._snapshot.turn.servers, self._uri.currentText().strip())
        self._user.setPlaceholderText(user)
        self._password.setPlaceholderText(password)

    def _dress(self) -> None:
        self._copy.setIcon(self._theme.icon("copy"))
        self._allocate.setIcon(self._theme.icon("relays"))
        self._view = None
        self._refresh()
