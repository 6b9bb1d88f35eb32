"""The NAT page: what does this network do to direct connections?"""

import time
from itertools import pairwise
from typing import NamedTuple

from PySide6.QtCore import QSize, Qt
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
from app.presenters.nat import NatView, Stage, present
from app.presenters.nat_text import report_json, report_text
from app.presenters.veil import of_report
from app.widgets.advice_list import AdviceList
from app.widgets.fact_grid import FactGrid
from app.widgets.notice import Notice
from app.widgets.page import Page
from app.widgets.path_strip import PathStrip
from app.widgets.probe_timeline import ProbeTimeline
from app.widgets.server_table import ServerTable
from app.widgets.text import Card, Columns, Text
from app.widgets.theme import Theme
from app.widgets.verdict_card import VerdictCard
from netstack.model.snapshot import Snapshot

STACK_BELOW = 760
STACK_DETAIL_BELOW = 920
WITHOUT_ADDRESS = "without the public address; Show includes it"


class NatActions(NamedTuple):
    """What the page can start. `servers` takes the new list."""

    check: Action
    lifetime: Action
    servers: Action


class NatPage(Page):
    """One button for the beginner; facts, probes and servers for whoever wants them."""

    key = "nat"
    title = "NAT"
    icon = "nat"

    def __init__(self, theme: Theme, actions: NatActions, defaults: tuple[str, ...]) -> None:
        super().__init__(theme)
        self._theme = theme
        self._actions = actions
        self._snapshot = Snapshot()
        self._shown = False
        self._reported_s = 0.0  # by our own clock: the stack's may be a lab's
        self._view: NatView | None = None
        self._dialog: QFileDialog | None = None

        self._copy = QPushButton(" Copy")
        self._copy.setToolTip("Copy the result as text (Ctrl+C)")
        self._copy.clicked.connect(self.copy)
        self._export = QPushButton(" Export")
        self._export.setToolTip("Save the result as JSON (Ctrl+S)")
        self._export.clicked.connect(self.export)
        self._run = QPushButton(" Check")
        self._run.setObjectName("run")
        self._run.setMinimumWidth(112)
        self._run.clicked.connect(self._toggle)
        for button in (self._copy, self._export, self._run):
            button.setAutoDefault(False)
            button.setAccessibleName(button.text().strip())
            self.buttons.addWidget(button)

        self._notice = Notice(theme)
        self._verdict = VerdictCard(theme)
        self._advice = AdviceList(theme)
        advice = Card(theme, "What to do")
        advice.body.addWidget(self._advice, 1)
        self._path = PathStrip(theme)
        path = Card(theme)
        path.body.addWidget(self._path)
        self._show_button = self._link("Show", self._toggle_shown)
        self._lifetime_button = self._link("Measure", self._toggle_lifetime)
        self._lifetime_button.setToolTip(
            "Waits in growing steps until the router forgets: up to five minutes"
        )
        self._facts = FactGrid(theme)
        self._facts.put_button("public_addresses", self._show_button)
        self._facts.put_button("lifetime", self._lifetime_button)
        facts = Card(theme, "Facts")
        facts.body.addWidget(self._facts)
        facts.body.addStretch(1)
        self._timeline = ProbeTimeline(theme)
        timeline = Card(theme, "Probes")
        timeline.body.addWidget(self._timeline)
        timeline.body.addStretch(1)
        self._servers = ServerTable(theme, defaults)
        self._servers.edited.connect(actions.servers.run)
        servers = Card(theme, "Servers that are asked")
        servers.body.addWidget(self._servers)

        self._results = QWidget()
        results = QVBoxLayout(self._results)
        results.setContentsMargins(0, 0, 0, 0)
        results.setSpacing(2 * theme.measure.unit)
        results.addWidget(Columns(theme, ((self._verdict, 3), (advice, 2)), STACK_BELOW))
        results.addWidget(path)
        results.addWidget(Columns(theme, ((facts, 1), (timeline, 1)), STACK_DETAIL_BELOW))
        self._empty = self._empty_state()
        for widget in (self._notice, self._empty, self._results, servers):
            self.content.addWidget(widget)
        self.content.addStretch(1)
        for action in actions:
            action.changed.connect(self._refresh)
        theme.changed.connect(self._dress)
        self._dress()
        self._refresh()
        self.setFocusProxy(self._run)
        head = [self._copy, self._export, self._run, self._begin]
        chain = [*head, *self._facts.focus_chain(), self._timeline, *self._servers.focus_chain()]
        for one, following in pairwise(chain):
            QWidget.setTabOrder(one, following)

    def show_snapshot(self, snapshot: Snapshot, now_s: float) -> None:
        """Presents the state anew; widgets change what changed."""
        report, known = snapshot.nat.report, self._snapshot.nat.report
        if report is not None and (
            known is None or report.started_at_s != known.started_at_s or snapshot.nat.running
        ):
            self._reported_s = now_s
        self._snapshot = snapshot
        self.show_view(
            present(
                snapshot,
                age_s=now_s - self._reported_s,
                shown=self._shown,
                failure=self._actions.check.failure or self._actions.lifetime.failure,
            )
        )

    def show_view(self, view: NatView) -> None:
        """Shows the page as presented."""
        busy = self._busy()
        if view != self._view:
            self._view = view
            running = view.stage is Stage.RUNNING
            self.summary = view.title
            self.titled.emit()
            self.headline.setText(view.headline)
            self.keep_headline_lines(1 if view.stage is Stage.EMPTY else 2)
            self.subline.setText(view.step if running else view.measured or "One button, about two seconds")
            self.subline.setToolTip(view.measured_exact)
            self.show_progress(view.progress if running else None)
            self._notice.say(view.failure)
            self._empty.setVisible(view.stage is Stage.EMPTY)
            self._results.setVisible(view.stage is not Stage.EMPTY)
            self._verdict.show_view(view.verdict)
            self._advice.show_view(
                view.advice,
                "The advice comes with the answer." if view.probing else "There is nothing to change.",
            )
            self._path.show_view(view.path)
            self._facts.show_view(view.facts)
            self._timeline.show_view(view.probes, running=view.probing)
            self._servers.show_view(view.servers)
            self._show_button.setText("Hide" if view.shown else "Show")
            self._show_button.setVisible(view.can_show)
        self._servers.say_refusal(self._actions.servers.failure)
        self._copy.setEnabled(view.stage is Stage.DONE)
        self._export.setEnabled(view.stage is Stage.DONE)
        self._lifetime_button.setText("Cancel" if self._actions.lifetime.busy else "Measure")
        self._lifetime_button.setEnabled(self._actions.lifetime.busy or not busy)
        if self._run.property("busy") != busy:
            self._run.setProperty("busy", busy)
            self._dress()

    def start(self) -> None:
        """Runs the check, unless one runs."""
        if not self._busy():
            self._actions.check.run()

    def stop(self) -> None:
        """Cancels what runs; otherwise takes back what was typed."""
        if self._busy():
            self._actions.check.cancel()
            self._actions.lifetime.cancel()
        else:
            self._servers.clear_entry()

    def copy(self) -> None:
        """Puts the report on the clipboard as text; a hidden address stays hidden."""
        if (report := self._snapshot.nat.report) is not None:
            QApplication.clipboard().setText(report_text(report, of_report(report, lifted=self._shown)))
            self.said.emit(f"Copied {self._how()}")

    def export(self) -> None:
        """Asks for a file and writes the report to it as JSON."""
        if self._snapshot.nat.report is None or self._dialog is not None:
            return
        self._dialog = QFileDialog(self, "Export the NAT report", "nat.json", "JSON (*.json)")
        self._dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        self._dialog.setDefaultSuffix("json")
        self._dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._dialog.fileSelected.connect(self.export_to)
        self._dialog.finished.connect(self._forget_dialog)
        self._dialog.open()

    def export_to(self, path: str) -> None:
        """Writes the report to `path`, or says why that failed."""
        report = self._snapshot.nat.report
        if report is None:
            return
        try:
            with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
                file.write(report_json(report, of_report(report, lifted=self._shown)) + "\n")
        except OSError as error:
            self._notice.say(f"The file could not be written: {error.strerror}.")
            return
        self.said.emit(f"Exported {self._how()}")

    def _busy(self) -> bool:
        return self._actions.check.busy or self._actions.lifetime.busy

    def _refresh(self) -> None:
        self.show_snapshot(self._snapshot, time.monotonic())

    def _toggle(self) -> None:
        if self._busy():
            self.stop()
        else:
            self.start()

    def _toggle_lifetime(self) -> None:
        if self._actions.lifetime.busy:
            self._actions.lifetime.cancel()
        else:
            self._actions.lifetime.run()

    def _toggle_shown(self) -> None:
        self._shown = not self._shown
        self._refresh()

    def _how(self) -> str:
        secret = self._view is not None and self._view.can_show and not self._shown
        return WITHOUT_ADDRESS if secret else "with everything that is shown"

    def _forget_dialog(self) -> None:
        self._dialog = None

    def _link(self, text: str, pressed: object) -> QPushButton:
        button = QPushButton(text)
        button.setProperty("role", "link")
        button.setFont(self._theme.font("small"))
        button.setAutoDefault(False)
        button.clicked.connect(pressed)
        return button

    def _empty_state(self) -> Card:
        card = Card(self._theme)
        card.whole.setContentsMargins(32, 40, 32, 40)
        self._empty_icon = QLabel()
        self._empty_icon.setAlignment(Qt.AlignmentFlag.AlignCenter)
        what = Text(
            self._theme, "Find out whether others can connect to you directly", size="headline", strong=True
        )
        how = Text(
            self._theme,
            "Peerscope asks the servers below how this network looks from outside. "
            "It sends them a few small packets and nothing about you.",
            role="muted",
            wrap=True,
        )
        self._begin = QPushButton(" Check this network")
        self._begin.setProperty("role", "primary")
        self._begin.setAutoDefault(False)
        self._begin.clicked.connect(self.start)
        for label in (what, how):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setWordWrap(True)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self._begin)
        row.addStretch(1)
        card.body.setSpacing(14)
        for widget in (self._empty_icon, what, how):
            card.body.addWidget(widget)
        card.body.addSpacing(6)
        card.body.addLayout(row)
        return card

    def _dress(self) -> None:
        busy = bool(self._run.property("busy"))
        self._run.setText(" Cancel" if busy else " Check")
        self._run.setAccessibleName(self._run.text().strip())
        self._run.setToolTip("Stop the check (Esc)" if busy else "Check this network now (F5)")
        self._run.setProperty("role", "" if busy else "primary")
        self._run.setIcon(self._theme.icon("stop" if busy else "run", "text" if busy else "on_accent", 16))
        self._run.style().polish(self._run)
        self._copy.setIcon(self._theme.icon("copy", size=16))
        self._export.setIcon(self._theme.icon("export", size=16))
        self._begin.setIcon(self._theme.icon("run", "on_accent", 16))
        for button in (self._run, self._copy, self._export, self._begin):
            button.setIconSize(QSize(16, 16))
        self._empty_icon.setPixmap(self._theme.pixmap("nat", "accent", 64))
