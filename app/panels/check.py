"""The Check page: what is wrong with this connection, whose side is it, and what to change?"""

import sys
import time
from typing import NamedTuple

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.actions import Action
from app.presenters.check import CheckView, MessageView, Stage, present
from app.presenters.check_load import load_view
from app.presenters.check_pair import pair_views
from app.presenters.check_ports import knockers, port_rows
from app.presenters.doctor_text import doctor_text
from app.presenters.nat_text import report_json
from app.presenters.tone import Tone
from app.presenters.veil import Veil, of_report
from app.widgets.check_list import CheckList
from app.widgets.figure_row import FigureRow
from app.widgets.finding_list import FindingList
from app.widgets.load_card import LoadCard
from app.widgets.notice import Notice
from app.widgets.page import Page
from app.widgets.pair_card import PairCard
from app.widgets.path_strip import PathStrip
from app.widgets.port_card import PortCard
from app.widgets.text import Card, Columns, Text
from app.widgets.theme import Theme
from netstack.model.doctor import DoctorReport
from netstack.model.snapshot import Snapshot

STACK_BELOW = 860
GLYPH = 48
WITHOUT_ADDRESS = "without the public address; Show addresses includes it"
SYSTEM = {"win32": "Windows", "darwin": "macOS", "linux": "Linux"}.get(sys.platform, "")
PROMISES = (
    ("run", "About ten seconds", "The first answer comes at once; Esc stops it and keeps what is known."),
    (
        "internet",
        "100 KB of small packets",
        "To your router, the servers that the NAT page lists, and two web pages that are empty.",
    ),
    ("good", "Nothing is uploaded or changed", "No name, no file, no port is opened. The result stays here."),
)


class CheckActions(NamedTuple):
    """What the page can start.

    `retest` takes the rule that is looked at again, `port` a game or a port, `knock` and `load` the number of a
    conversation.
    """

    examine: Action
    retest: Action
    port: Action
    knock: Action
    load: Action


class CheckPage(Page):
    """One button; then a verdict, findings by whose side they are, and every figure behind them."""

    key = "check"
    title = "Check"
    icon = "check"

    def __init__(self, theme: Theme, actions: CheckActions) -> None:
        super().__init__(theme)
        self._theme = theme
        self._actions = actions
        self._snapshot = Snapshot()
        self._shown = False
        self._reported_s = 0.0  # by our own clock: the stack's may be a lab's
        self._view: CheckView | None = None
        self._dialog: QFileDialog | None = None

        self._copy = QPushButton(" Copy")
        self._copy.setToolTip("Copy everything as text (Ctrl+C)")
        self._copy.clicked.connect(self.copy)
        self._export = QPushButton(" Export")
        self._export.setToolTip("Save the result as JSON (Ctrl+S)")
        self._export.clicked.connect(self.export)
        self._run = QPushButton(" Check again")
        self._run.setObjectName("run")
        self._run.setMinimumWidth(128)
        self._run.clicked.connect(self._toggle)
        for button in (self._copy, self._export, self._run):
            button.setAutoDefault(False)
            button.setAccessibleName(button.text().strip())
            self.buttons.addWidget(button)

        unit = theme.measure.unit
        self._notice = Notice(theme)
        self._figures = FigureRow(theme)
        self._message = MessageCard(theme)
        self._findings = FindingList(theme)
        self._findings.retest.connect(self._retest)
        self._findings.copied.connect(self._copy_letter)
        self._ladder = PathStrip(theme)
        self._ladder_note = Text(theme, size="small", role="muted", wrap=True)
        self._where = Card(theme, "Where is it bad?")
        self._where.body.addWidget(self._ladder)
        self._where.body.addWidget(self._ladder_note)
        self._port = PortCard(theme)
        self._port.asked.connect(actions.port.run)
        self._port.knock_wanted.connect(actions.knock.run)
        self._load = LoadCard(theme)
        self._load.wanted.connect(actions.load.run)
        self._load.cancelled.connect(actions.load.cancel)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2 * unit)
        column.addWidget(self._message)
        column.addWidget(self._findings)
        column.addWidget(self._where)
        self._pairs = PairCard(theme)
        column.addWidget(self._pairs)
        column.addWidget(self._port)
        column.addWidget(self._load)
        column.addStretch(1)
        self._show_button = QPushButton("Show addresses")
        self._show_button.setProperty("role", "link")
        self._show_button.setFont(theme.font("small"))
        self._show_button.setAutoDefault(False)
        self._show_button.clicked.connect(self._toggle_shown)
        self._rows = CheckList(theme)
        rows = Card(theme, "What was looked at")
        rows.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        rows.head.addWidget(self._show_button)
        rows.body.addWidget(self._rows)
        right = QWidget()
        beside = QVBoxLayout(right)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.setSpacing(2 * unit)
        beside.addWidget(rows)
        beside.addStretch(1)
        self._results = QWidget()
        results = QVBoxLayout(self._results)
        results.setContentsMargins(0, 0, 0, 0)
        results.setSpacing(2 * unit)
        results.addWidget(self._figures)
        results.addWidget(Columns(theme, ((left, 3), (right, 2)), STACK_BELOW))
        self._empty = self._empty_state()
        for widget in (self._notice, self._empty, self._results):
            self.content.addWidget(widget)
        self.content.addStretch(1)
        for action in actions:
            action.changed.connect(self._refresh)
        theme.changed.connect(self._dress)
        self._dress()
        self._refresh()

    def show_snapshot(self, snapshot: Snapshot, now_s: float) -> None:
        """Presents the state anew; widgets change what changed."""
        report, known = snapshot.doctor.report, self._snapshot.doctor.report
        if report is not None and report is not known and report != known:
            self._reported_s = now_s
        self._snapshot = snapshot
        self.show_view(
            present(
                snapshot.doctor,
                age_s=now_s - self._reported_s,
                shown=self._shown,
                failure=self._actions.examine.failure or self._actions.retest.failure,
                system=SYSTEM,
            )
        )

    def show_view(self, view: CheckView) -> None:
        """Shows the page as presented."""
        busy = self._busy()
        if view != self._view:
            self._view = view
            running = view.stage is Stage.RUNNING
            self.summary = view.title
            self.titled.emit()
            self.headline.setText(view.headline)
            self.keep_headline_lines(1 if view.stage is Stage.EMPTY else 2)
            self.subline.setText(view.step if running else view.measured or "One button, about ten seconds")
            self.subline.setToolTip(view.measured_exact)
            self.show_progress(view.progress if running else None)
            self._notice.say(view.failure)
            self._begin_here(view.stage is Stage.EMPTY)
            self._results.setVisible(view.stage is not Stage.EMPTY)
            self._figures.show_view(view.figures)
            self._rows.show_view(view.rows)
            self._message.setVisible(view.message is not None)
            if view.message is not None:
                self._message.show_view(view.message)
            self._where.setVisible(bool(view.ladder))
            self._ladder.show_view(view.ladder)
            self._ladder_note.setText(view.ladder_note)
            self._show_button.setText("Hide addresses" if view.shown else "Show addresses")
            self._show_button.setVisible(view.can_show)
        doctor = self._snapshot.doctor
        port, knock = self._actions.port, self._actions.knock
        self._port.show_view(
            doctor.games,
            port_rows(doctor.ports),
            knockers(self._snapshot.peers),
            port.failure or knock.failure,
            busy=port.busy or knock.busy,
        )
        report = doctor.report
        self._pairs.show_views(
            pair_views(self._snapshot.peers, self._veil(report) if report is not None else Veil(()))
        )
        load = self._actions.load
        self._load.show_view(
            load_view(self._snapshot.peers, self._snapshot.networks), load.failure, busy=load.busy
        )
        self._findings.show_view(view.groups, busy=busy)
        self._findings.setVisible(bool(view.groups))
        self._copy.setEnabled(view.stage is Stage.DONE)
        self._export.setEnabled(view.stage is Stage.DONE)
        if self._run.property("busy") != busy:
            self._run.setProperty("busy", busy)
            self._dress()

    def start(self) -> None:
        """Runs the whole check, unless something runs."""
        if not self._busy():
            self._actions.examine.run()

    def stop(self) -> None:
        """Cancels what runs and keeps what is known."""
        self._actions.examine.cancel()
        self._actions.retest.cancel()

    def copy(self) -> None:
        """Puts everything on the clipboard as text; a hidden address stays hidden."""
        if (report := self._snapshot.doctor.report) is not None:
            QApplication.clipboard().setText(doctor_text(report, self._veil(report)))
            self.said.emit(f"Copied {self._how()}")

    def export(self) -> None:
        """Asks for a file and writes the report to it as JSON."""
        if self._snapshot.doctor.report is None or self._dialog is not None:
            return
        self._dialog = QFileDialog(self, "Export the report", "peerscope.json", "JSON (*.json)")
        self._dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        self._dialog.setDefaultSuffix("json")
        self._dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._dialog.fileSelected.connect(self.export_to)
        self._dialog.finished.connect(self._forget_dialog)
        self._dialog.open()

    def export_to(self, path: str) -> None:
        """Writes the report to `path`, or says why that failed."""
        report = self._snapshot.doctor.report
        if report is None:
            return
        try:
            with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
                file.write(report_json(report, self._veil(report)) + "\n")
        except OSError as error:
            self._notice.say(f"The file could not be written: {error.strerror}.")
            return
        self.said.emit(f"Exported {self._how()}")

    def _begin_here(self, empty: bool) -> None:
        """The big button is the only one as long as nothing was checked, and hands its focus on."""
        focused = self._begin.hasFocus()
        self._empty.setVisible(empty)
        for button in (self._copy, self._export, self._run):
            button.setVisible(not empty)
        self.setFocusProxy(self._begin if empty else self._run)
        if focused and not empty:
            self._run.setFocus()

    def _busy(self) -> bool:
        return self._actions.examine.busy or self._actions.retest.busy

    def _refresh(self) -> None:
        self.show_snapshot(self._snapshot, time.monotonic())

    def _toggle(self) -> None:
        if self._busy():
            self.stop()
        else:
            self.start()

    def _toggle_shown(self) -> None:
        self._shown = not self._shown
        self._refresh()

    def _veil(self, report: DoctorReport) -> Veil:
        return of_report(report.nat, lifted=self._shown)

    def _how(self) -> str:
        secret = self._view is not None and self._view.can_show and not self._shown
        return WITHOUT_ADDRESS if secret else "with everything that is shown"

    def _forget_dialog(self) -> None:
        self._dialog = None

    def tell_retest(self, rule: str, report: DoctorReport) -> None:
        """Says what came of looking at one rule again: `report` is the newest, which may not be shown yet."""
        old = self._snapshot.doctor.report
        titles = {finding.rule: finding.title for finding in (old.findings if old else ())}
        still = any(finding.rule == rule for finding in report.findings)
        self.said.emit(f"{'Still so' if still else 'No longer found'}: {titles.get(rule, rule)}")

    def _retest(self, rule: str) -> None:
        if not self._busy():
            self._actions.retest.run(rule)

    def _copy_letter(self, text: str, name: str) -> None:
        QApplication.clipboard().setText(text)
        self.said.emit(f"Copied: {name[:1].lower()}{name[1:]}")

    def _empty_state(self) -> Card:
        card = Card(self._theme)
        card.whole.setContentsMargins(32, 48, 32, 40)
        self._empty_icon = QLabel()
        what = Text(self._theme, "See what keeps others from connecting to you", size="headline", strong=True)
        how = Text(
            self._theme,
            "Peerscope looks at this computer, the network, the router, the provider's line and the servers, and "
            "says whose side it is and what to change.",
            role="muted",
        )
        for label in (self._empty_icon, what, how):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        for label in (what, how):
            label.setWordWrap(True)
        self._begin = QPushButton(" Check my connection")
        self._begin.setProperty("role", "hero")
        self._begin.setAccessibleName("Check my connection")
        self._begin.setToolTip("Check my connection (F5)")
        self._begin.setAutoDefault(False)
        self._begin.clicked.connect(self.start)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self._begin)
        row.addStretch(1)
        self._promises = [Promise(self._theme, *promise) for promise in PROMISES]
        promises = Columns(self._theme, tuple((promise, 1) for promise in self._promises), 640)
        card.body.setSpacing(14)
        for widget in (self._empty_icon, what, how):
            card.body.addWidget(widget)
        card.body.addSpacing(10)
        card.body.addLayout(row)
        card.body.addSpacing(26)
        card.body.addWidget(promises)
        return card

    def _dress(self) -> None:
        busy = bool(self._run.property("busy"))
        self._run.setText(" Cancel" if busy else " Check again")
        self._run.setAccessibleName(self._run.text().strip())
        self._run.setToolTip("Stop, and keep what is known (Esc)" if busy else "Check everything again (F5)")
        self._run.setProperty("role", "" if busy else "primary")
        self._run.setIcon(self._theme.icon("stop" if busy else "run", "text" if busy else "on_accent", 16))
        self._run.style().polish(self._run)
        self._copy.setIcon(self._theme.icon("copy", size=16))
        self._export.setIcon(self._theme.icon("export", size=16))
        self._begin.setIcon(self._theme.icon("run", "on_accent", 20))
        for button in (self._run, self._copy, self._export):
            button.setIconSize(QSize(16, 16))
        self._begin.setIconSize(QSize(20, 20))
        self._empty_icon.setPixmap(self._theme.pixmap("check", "accent", 72))


class MessageCard(Card):
    """Calm, or why nothing can be said; stands where findings would."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._theme = theme
        self._tone = Tone.PLAIN
        self.whole.setContentsMargins(24, 24, 24, 24)
        self._glyph = QLabel()
        self._glyph.setFixedSize(GLYPH, GLYPH)
        self._title = Text(theme, size="headline", strong=True, wrap=True)
        self._title.setObjectName("message")
        self._text = Text(theme, wrap=True)
        words = QVBoxLayout()
        words.setSpacing(6)
        words.addWidget(self._title)
        words.addWidget(self._text)
        words.addStretch(1)
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addWidget(self._glyph, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        self.body.addLayout(row)
        theme.changed.connect(self._dress)

    def show_view(self, view: MessageView) -> None:
        """Shows the message."""
        self._tone = view.tone
        self._title.setText(view.title)
        self._title.setVisible(bool(view.title))
        self._text.setText(view.text)
        self.setAccessibleName(f"{view.title} {view.text}".strip())
        self._dress()

    def _dress(self) -> None:
        plain = self._tone is Tone.PLAIN
        self._glyph.setVisible(not plain)
        ink = "muted" if plain else "text"
        self._text.setStyleSheet(f"color: {self._theme.color(ink).name()}")
        if not plain:
            self._glyph.setPixmap(self._theme.pixmap(self._tone, self._tone, GLYPH))
            self._title.setStyleSheet(f"color: {self._theme.color(self._tone).name()}")


class Promise(QWidget):
    """What the check will do, before it is started."""

    def __init__(self, theme: Theme, icon: str, title: str, text: str) -> None:
        super().__init__()
        self._theme = theme
        self._icon = icon
        self._glyph = QLabel()
        self._glyph.setFixedSize(24, 24)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(Text(theme, title, strong=True, wrap=True))
        words.addWidget(Text(theme, text, size="small", role="muted", wrap=True))
        words.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 8, 0)
        row.setSpacing(12)
        row.addWidget(self._glyph, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        theme.changed.connect(self._dress)
        self._dress()

    def _dress(self) -> None:
        self._glyph.setPixmap(self._theme.pixmap(self._icon, "muted", 24))
