"""The Lab page: a small internet to look at, to turn the knobs of, and to learn from."""

import time
from itertools import pairwise
from typing import NamedTuple

from PySide6.QtCore import QSettings, QSize, Qt
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.actions import Action
from app.presenters.lab import LabView, present
from app.presenters.lab_grid import grid_json
from app.presenters.lab_map import flows
from app.presenters.lab_story import Stage
from app.presenters.lab_text import matrix_text, run_json, run_text
from app.widgets.grid_card import GridCard
from app.widgets.lab_detail_card import LabDetailCard
from app.widgets.notice import Notice
from app.widgets.page import Page
from app.widgets.scenario_picker import ScenarioPicker
from app.widgets.story_cards import MeetingCard, SideCards
from app.widgets.text import Card, Columns, Text
from app.widgets.theme import Theme
from app.widgets.topology_map import TopologyMap
from netstack.model.lab import ScenarioLine
from netstack.model.snapshot import Snapshot
from netstack.model.topology import Topology

STACK_BELOW = 800
HOLD_S = 0.5
FRESH_S = 1.0
ABOUT = (
    "Routers of every kind, providers that share addresses, firewalls, bad links and relays: situations "
    "as they happen to people, and the same engine that runs on your network, not one line changed. "
    "Change a link or reboot a router, and see at once what it does. Nothing leaves this computer."
)


class LabActions(NamedTuple):
    """What the page can start.

    `scenario` takes a name; `link` a link's name and the fields to change; `cut` a link and whether;
    `reset` a link; `reboot` a router; `grid` the number of tries; `open` starts the lab's own window.
    """

    scenario: Action
    story: Action
    link: Action
    cut: Action
    reset: Action
    reboot: Action
    grid: Action
    open: Action


class LabPage(Page):
    """In the lab's window the lab; without `scenarios` what it is, and a button that opens that window."""

    key = "lab"
    title = "Lab"
    icon = "lab"

    def __init__(
        self, theme: Theme, actions: LabActions, scenarios: tuple[ScenarioLine, ...], settings: QSettings
    ) -> None:
        super().__init__(theme)
        self._theme = theme
        self._actions = actions
        self._settings = settings
        self._in_lab = bool(scenarios)
        self._snapshot = Snapshot(network="" if self._in_lab else "real")
        self._view: LabView | None = None
        self._selected = ""
        self._moved: Topology | None = None
        self._looked_s = 0.0
        self._held_until_s = 0.0
        self._wanted: dict[str, dict[str, object]] = {}
        self._next_scenario = ""
        self._dialog: QFileDialog | None = None

        self._copy = self._button(" Copy", "Copy the story's outcome as text (Ctrl+C)", self.copy)
        self._export = self._button(" Export", "Save the story's outcome as JSON (Ctrl+S)", self.export)
        self._run = self._button(" Play the story", "", self._toggle)
        self._run.setObjectName("run")
        for button in (self._copy, self._export, self._run):
            self.buttons.addWidget(button)

        self._notice = Notice(theme)
        self._picker = ScenarioPicker(theme, scenarios)
        self._picker.picked.connect(self._pick)
        self._story_text = Text(theme, wrap=True)
        self._story_text.setObjectName("story")
        scenario = Card(theme)
        scenario.body.addWidget(self._picker)
        scenario.body.addWidget(self._story_text)
        self._map = TopologyMap(theme)
        self._map.chosen.connect(self._choose)
        picture = Card(theme)
        picture.whole.setContentsMargins(8, 8, 8, 8)
        picture.body.addWidget(self._map, 1)
        hint = Text(
            theme,
            "Dots are packets, slowed down so that you can follow them; a cross is one that got lost or was turned away.",
            size="small",
            role="muted",
            wrap=True,
        )
        hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        picture.body.addWidget(hint)
        self._detail = LabDetailCard(theme)
        self._detail.turned.connect(self._turn)
        self._detail.reset.connect(actions.reset.run)
        self._detail.cut.connect(actions.cut.run)
        self._detail.rebooted.connect(actions.reboot.run)
        self._meeting = MeetingCard(theme)
        self._sides = SideCards(theme)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2 * theme.measure.unit)
        column.addWidget(picture)
        column.addWidget(self._meeting, 1)
        self._grid = GridCard(theme)
        self._grid.started.connect(actions.grid.run)
        self._grid.cancelled.connect(actions.grid.cancel)
        self._grid.copied.connect(self._copy_grid)
        self._grid.exported.connect(self._export_grid)
        if isinstance(tries := settings.value("lab/tries"), str) and tries.isdecimal():
            self._grid.tries.setValue(int(tries))

        self._lab = QWidget()
        lab = QVBoxLayout(self._lab)
        lab.setContentsMargins(0, 0, 0, 0)
        lab.setSpacing(2 * theme.measure.unit)
        lab.addWidget(scenario)
        lab.addWidget(Columns(theme, ((left, 5), (self._detail, 2)), STACK_BELOW))
        lab.addWidget(self._sides)
        lab.addWidget(self._grid)
        self._empty = self._empty_state()
        for widget in (self._notice, self._empty, self._lab):
            self.content.addWidget(widget)
        self.content.addStretch(1)
        for action in actions:
            action.changed.connect(self._changed)
        theme.changed.connect(self._dress)
        for widget in (self._copy, self._export, self._run, self._lab):
            widget.setVisible(self._in_lab)
        self._empty.setVisible(not self._in_lab)
        self.setFocusProxy(self._run if self._in_lab else self._begin)
        self._dress()
        self._changed()
        chain = [
            *(self._copy, self._export, self._run, self._begin),
            *self._picker.focus_chain(),
            self._map,
            *self._detail.focus_chain(),
            *self._grid.focus_chain(),
        ]
        for one, following in pairwise(chain):
            QWidget.setTabOrder(one, following)

    def show_snapshot(self, snapshot: Snapshot, now_s: float) -> None:
        """Presents the state anew; what moved since the last look moves on the map."""
        if self._in_lab and snapshot.network == "real":
            return  # nothing has come yet from the lab's engine
        if snapshot.lab is not self._moved:
            if now_s - self._looked_s < FRESH_S:  # or else this page was hidden, and much has passed unseen
                self._map.show_flows(*flows(self._moved, snapshot.lab))
            self._moved = snapshot.lab
        self._looked_s = now_s
        if snapshot.network != self._snapshot.network:
            self._selected = ""
        self._snapshot = snapshot
        self.show_view(present(snapshot, self._selected), hold_knobs=now_s < self._held_until_s)

    def show_view(self, view: LabView, *, hold_knobs: bool = False) -> None:
        """Shows the page as presented."""
        told, busy = view.story, self._actions.story.busy
        if view != self._view:
            self._view = view
            if self.summary != view.title:
                self.summary = view.title
                self.titled.emit()
            self.headline.setText(view.headline)
            self.keep_headline_lines(1)
            self.subline.setText(view.subline)
            self.show_progress(told.progress if told.stage is Stage.RUNNING else None)
            self._picker.show_scenario(view.scenario)
            self._story_text.setText(view.scenario_story)
            self._map.show_view(view.picture, view.selected, view.detail.link)
            self._meeting.show_view(told.meeting)
            self._sides.setVisible(told.stage is not Stage.EMPTY)
            self._sides.show_view(told.sides)
        self._detail.show_view(view.detail, hold_knobs=hold_knobs)
        self._grid.show_view(view.grid, busy=self._actions.grid.busy)
        self._notice.say(next((action.failure for action in self._actions if action.failure), ""))
        done = self._snapshot.story.run is not None and not busy
        self._copy.setEnabled(done)
        self._export.setEnabled(done)
        self._run.setEnabled(not self._actions.scenario.busy)
        self._begin.setEnabled(not self._actions.open.busy)
        if self._run.property("busy") != busy:
            self._run.setProperty("busy", busy)
            self._dress()

    def start(self) -> None:
        """Plays the story, or opens the lab."""
        if not self._in_lab:
            self._actions.open.run()
        elif not self._actions.scenario.busy:
            self._actions.story.run()

    def stop(self) -> None:
        """Cancels what runs."""
        self._actions.story.cancel()
        self._actions.grid.cancel()

    def copy(self) -> None:
        """Puts the story's outcome on the clipboard."""
        if (run := self._snapshot.story.run) is not None:
            QApplication.clipboard().setText(run_text(run, played=True))
            self.said.emit("Copied the story's outcome, which says that it is the lab's")

    def export(self) -> None:
        """Asks for a file for the story's outcome."""
        if (run := self._snapshot.story.run) is not None:
            self._ask_file(f"lab-{run.scenario}.json", run_json(run))

    def write(self, path: str, text: str) -> None:
        """Writes `text` to `path`, or says why that failed."""
        try:
            with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
                file.write(text + "\n")
        except OSError as error:
            self._notice.say(f"The file could not be written: {error.strerror}.")
            return
        self.said.emit("Exported; the file says that it is the lab's")

    def _copy_grid(self) -> None:
        if (matrix := self._snapshot.grid.matrix) is not None:
            QApplication.clipboard().setText(matrix_text(matrix))
            self.said.emit("Copied the grid")

    def _export_grid(self) -> None:
        if (matrix := self._snapshot.grid.matrix) is not None:
            self._ask_file("lab-matrix.json", grid_json(matrix))

    def _ask_file(self, name: str, text: str) -> None:
        if self._dialog is not None:
            return
        self._dialog = QFileDialog(self, "Export from the lab", name, "JSON (*.json)")
        self._dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        self._dialog.setDefaultSuffix("json")
        self._dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._dialog.fileSelected.connect(lambda path: self.write(path, text))
        self._dialog.finished.connect(self._forget_dialog)
        self._dialog.open()

    def _forget_dialog(self) -> None:
        self._dialog = None

    def _choose(self, name: str) -> None:
        self._selected = name
        self._held_until_s = 0.0
        self._refresh()

    def _pick(self, name: str) -> None:
        """The newest choice wins, whatever is being opened."""
        self._next_scenario = name
        self._go_on()

    def _turn(self, link: str, field: str, value: object) -> None:
        """The newest value wins, whatever is being set."""
        self._held_until_s = time.monotonic() + HOLD_S
        self._wanted.setdefault(link, {})[field] = value
        self._go_on()

    def _go_on(self) -> None:
        if self._next_scenario and not self._actions.scenario.busy:
            name, self._next_scenario = self._next_scenario, ""
            self._wanted.clear()
            self._settings.setValue("lab/scenario", name)
            self._actions.scenario.run(name)
        elif self._wanted and not self._actions.link.busy and not self._actions.scenario.busy:
            link = next(iter(self._wanted))
            self._actions.link.run(link, self._wanted.pop(link))

    def _changed(self) -> None:
        if self._actions.grid.busy:
            self._settings.setValue("lab/tries", str(self._grid.tries.value()))
        self._go_on()
        self._refresh()

    def _refresh(self) -> None:
        self.show_snapshot(self._snapshot, time.monotonic())

    def _toggle(self) -> None:
        if self._actions.story.busy:
            self._actions.story.cancel()
        else:
            self.start()

    def _button(self, text: str, hint: str, pressed: object) -> QPushButton:
        button = QPushButton(text)
        button.setAccessibleName(text.strip())
        button.setToolTip(hint)
        button.setAutoDefault(False)
        button.setIconSize(QSize(16, 16))
        button.clicked.connect(pressed)
        return button

    def _empty_state(self) -> Card:
        card = Card(self._theme)
        card.whole.setContentsMargins(32, 40, 32, 40)
        self._empty_icon = QLabel()
        what = Text(
            self._theme, "A virtual internet, in a window of its own", size="headline", strong=True, wrap=True
        )
        how = Text(self._theme, ABOUT, role="muted", wrap=True)
        self._begin = self._button(
            " Open the lab", "Starts a second window; this one stays on your network (F5)", self.start
        )
        self._begin.setProperty("role", "primary")
        for label in (self._empty_icon, what, how):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            card.body.addWidget(label)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self._begin)
        row.addStretch(1)
        card.body.setSpacing(14)
        card.body.addLayout(row)
        return card

    def _dress(self) -> None:
        busy = bool(self._run.property("busy"))
        self._run.setText(" Cancel" if busy else " Play the story")
        self._run.setAccessibleName(self._run.text().strip())
        self._run.setToolTip("Stop the story (Esc)" if busy else "Check both sides and let them meet (F5)")
        self._run.setProperty("role", "" if busy else "primary")
        self._run.setIcon(self._theme.icon("stop" if busy else "run", "text" if busy else "on_accent", 16))
        self._run.style().polish(self._run)
        self._copy.setIcon(self._theme.icon("copy", size=16))
        self._export.setIcon(self._theme.icon("export", size=16))
        self._begin.setIcon(self._theme.icon("lab", "on_accent", 16))
        self._empty_icon.setPixmap(self._theme.pixmap("lab", "accent", 64))
