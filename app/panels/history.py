"""The History page: was it fine yesterday, and what has changed since?"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from PySide6.QtGui import QIcon, QShowEvent
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.actions import Action
from app.presenters.history import (
    FILTERS,
    FIRST_RANGE,
    RANGES,
    DetailView,
    HistoryView,
    bands,
    comparison_view,
    first_range,
    one_view,
    present,
    veil_over,
)
from app.presenters.nat_text import report_json
from app.presenters.past_report import PastReport, past_report
from app.widgets.buttons import Button
from app.widgets.choice_box import ChoiceBox
from app.widgets.comparison_grid import ComparisonGrid
from app.widgets.history_table import HistoryTable
from app.widgets.notice import Notice
from app.widgets.page import Page
from app.widgets.past_report_pane import PastReportCalls, PastReportPane
from app.widgets.text import Card, Text
from app.widgets.theme import Theme
from app.widgets.time_bands import TimeBands
from netstack.model.history import Comparison, HistoryReport, PastSession, Run, Track
from netstack.model.snapshot import Snapshot

RELOAD_S = 3.0
REDRAW_S = 10.0
MOST_S = float(RANGES[-1][0])


class HistoryData(NamedTuple):
    """What was read: diagnoses and sessions, newest first, and since when it was fine."""

    runs: tuple[Run, ...] = ()
    sessions: tuple[PastSession, ...] = ()
    fine: Comparison | None = None


class HistoryActions(NamedTuple):
    """`load` reads the lists, `tracks` the series of the last so many seconds, `compare` two runs, `open` one as it was told."""

    load: Action
    tracks: Action
    compare: Action
    open: Action
    forget: Action
    undo: Action


class HistoryPage(Page):
    """Reads only while it is seen, and again when something new was written."""

    key = "history"
    title = "History"
    icon = "history"

    def __init__(self, theme: Theme, actions: HistoryActions) -> None:
        super().__init__(theme)
        self._theme = theme
        self._actions = actions
        self._snapshot = Snapshot()
        self._data = HistoryData()
        self._comparison: Comparison | None = None
        self._opened: tuple[Run, str] | None = None
        self._wanted: int | None = None
        self._view: HistoryView | None = None
        self._read_revision = -1
        self._read_at_s = self._drawn_at_s = float("-inf")
        self._dialog: QFileDialog | None = None
        self._question: QMessageBox | None = None
        self._make_buttons()
        self._make_content()
        for action in actions:
            action.changed.connect(self._say_failure)
        theme.changed.connect(self._dress)
        self._dress()

    def show_snapshot(self, snapshot: Snapshot, now_s: float) -> None:
        """Reads anew when there is something new, but not at every point that a path writes."""
        self._snapshot = snapshot
        if not self.isVisible():
            return
        state = snapshot.history
        if state.revision != self._read_revision and now_s - self._read_at_s >= RELOAD_S and state.kept:
            self._read_revision, self._read_at_s = state.revision, now_s
            self._actions.load.run()
        if now_s - self._drawn_at_s >= REDRAW_S and state.kept:
            self._drawn_at_s = now_s
            self._actions.tracks.run(float(self._range.currentData()))
        self._refresh()

    def show_data(self, data: HistoryData) -> None:
        """What was read. The plots begin with the minutes or the hour where nothing is older."""
        first = not (self._data.runs or self._data.sessions)
        self._data = data
        times = [run.at_s for run in data.runs] + [session.began_s for session in data.sessions]
        place = first_range(min(times), time.time()) if first and times else FIRST_RANGE
        if place != FIRST_RANGE:
            self._range.setCurrentIndex(place)
            self._look_back(place)
        self._refresh()
        self._show_detail(self._table.keys())

    def show_tracks(self, tracks: dict[str, tuple[Track, ...]], now_s: float) -> None:
        """Series up to `now_s` (1970)."""
        views, gap_s = bands(tracks)
        self._plots_card.setVisible(any(view.curves for view in views))
        self._plots.show_bands(views, now_s, now_s, gap_s)

    def show_comparison(self, comparison: Comparison) -> None:
        """Two runs that were picked."""
        self._comparison = comparison
        self._show_detail(self._table.keys())

    def show_report(self, run: int, body: str) -> None:
        """One as it was told then, as JSON, where it is still wanted."""
        if run == self._wanted:
            found = next((each for each in self._data.runs if each.id == run), None)
            self._opened = None if found is None else (found, body)
            self._show_opened()

    def start(self) -> None:
        """F5 reads anew."""
        self._read_revision = -1
        self._read_at_s = self._drawn_at_s = float("-inf")
        self.show_snapshot(self._snapshot, time.monotonic())

    def copy(self) -> None:
        """The report that is open, the lines that are marked, or what is compared."""
        if (past := self._past()) is not None:
            QApplication.clipboard().setText(past.text)
            self.said.emit("The report was copied.")
            return
        shown = self._detail_view
        if shown.lines:
            lines = [shown.title, *(f"{each.fact}\t{each.before}\t{each.after}" for each in shown.lines)]
            QApplication.clipboard().setText("\n".join(lines))
            self.said.emit("What is shown was copied.")

    def export(self) -> None:
        """Checks and sessions as JSON, into a file that the user names."""
        self._ask_for_file("peerscope-history.json", self._save)

    def _export_opened(self) -> None:
        if self._opened is not None:
            run = self._opened[0]
            self._ask_for_file(f"peerscope-{run.kind}-{run.id}.json", self._save_opened)

    def _ask_for_file(self, name: str, save: Callable[[str], None]) -> None:
        if self._dialog is not None:
            return
        self._dialog = QFileDialog(self, "Export", name, "JSON (*.json)")
        self._dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        self._dialog.fileSelected.connect(save)
        self._dialog.finished.connect(self._forget_dialog)
        self._dialog.open()

    def _forget_dialog(self) -> None:
        if self._dialog is not None:
            self._dialog.deleteLater()
            self._dialog = None

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Reads."""
        super().showEvent(event)
        self.start()

    # Parts.

    def _make_buttons(self) -> None:
        self._kind = ChoiceBox(self._theme)
        self._kind.setAccessibleName("Which kind")
        for value, name in FILTERS:
            self._kind.addItem(name, value)
        self._kind.activated.connect(lambda _: self._refresh())
        self._filter = QLineEdit()
        self._filter.setPlaceholderText("Filter")
        self._filter.setAccessibleName("Filter by words")
        self._filter.setClearButtonEnabled(True)
        self._filter.setFixedWidth(150)
        self._filter.textChanged.connect(lambda _: self._refresh())
        self._reveal = QPushButton("Show addresses")
        self._reveal.setCheckable(True)
        self._reveal.setToolTip("Public addresses are hidden, here and in what is copied or saved")
        self._reveal.toggled.connect(lambda _: self._refresh_all())
        self._export = QPushButton(" Export")
        self._export.setToolTip("Save checks and sessions as JSON (Ctrl+S)")
        self._export.clicked.connect(self.export)
        self._forget = QPushButton("Forget…")
        self._forget.setToolTip("Erase everything that is remembered")
        self._forget.clicked.connect(self._ask_to_forget)
        for widget in (self._kind, self._filter):
            self.buttons.addWidget(widget)
        for button in (self._reveal, self._export, self._forget):
            button.setAutoDefault(False)
            button.setAccessibleName(button.text().strip("… "))
            self.buttons.addWidget(button)

    def _make_content(self) -> None:
        theme = self._theme
        self._notice = Notice(theme)
        self._undo_row = QWidget()
        row = QHBoxLayout(self._undo_row)
        row.setContentsMargins(0, 0, 0, 0)
        self._undo_text = Text(theme)
        self._undo = Button(theme, "Bring it back", self._actions.undo.run, icon="undo")
        row.addWidget(self._undo_text)
        row.addWidget(self._undo)
        row.addStretch(1)
        self._undo_row.hide()
        self._since = Card(theme, "Since it was fine")
        self._since_grid = ComparisonGrid(theme)
        self._since.body.addWidget(self._since_grid)
        self._plots_card = Card(theme, "Paths")
        self._range = ChoiceBox(self._theme)
        self._range.setAccessibleName("How far back")
        for seconds, name in RANGES:
            self._range.addItem(name, seconds)
        self._range.setCurrentIndex(FIRST_RANGE)
        self._range.activated.connect(self._look_back)
        self._plots_card.head.addWidget(self._range)
        self._plots = TimeBands(theme, span_s=float(RANGES[FIRST_RANGE][0]), least_s=60.0, most_s=MOST_S)
        self._plots_card.body.addWidget(self._plots)
        self._plots_card.hide()
        self._list = Card(theme)
        self._table = HistoryTable(theme)
        self._table.picked.connect(self._picked)
        self._list.body.addWidget(self._table)
        self._detail_view = DetailView()
        self._detail = Card(theme)
        self._detail_title = Text(theme, strong=True, wrap=True)
        self._detail_note = Text(theme, size="small", role="muted", wrap=True)
        self._detail_grid = ComparisonGrid(theme)
        self._report = PastReportPane(
            theme, PastReportCalls(self._toggle_opened, self.copy, self._export_opened)
        )
        detail: tuple[QWidget, ...] = (
            self._detail_title,
            self._detail_grid,
            self._detail_note,
            self._report,
        )
        for part in detail:
            self._detail.body.addWidget(part)
        self._detail.hide()
        self._results = QWidget()
        results = QVBoxLayout(self._results)
        results.setContentsMargins(0, 0, 0, 0)
        results.setSpacing(2 * theme.measure.unit)
        for card in (self._since, self._list, self._detail, self._plots_card):
            results.addWidget(card)
        self._empty = Card(theme)
        self._empty.body.addWidget(
            Text(
                theme,
                "Run a check, or meet somebody: what was found out is kept here, so that tomorrow you can see what has changed.",
                wrap=True,
            )
        )
        whole: tuple[QWidget, ...] = (self._notice, self._undo_row, self._empty, self._results)
        for part in whole:
            self.content.addWidget(part)
        self.content.addStretch(1)

    # What happens.

    def _look_back(self, _place: int) -> None:
        seconds = float(self._range.currentData())
        self._plots.set_span(seconds)
        if self._actions.tracks.busy:  # with another range: read again as soon as that has come
            self._drawn_at_s = float("-inf")
        else:
            self._actions.tracks.run(seconds)

    def _picked(self, keys: tuple[str, ...]) -> None:
        runs = [key for key in keys if key.startswith("run ")]
        if len(runs) == 2:
            first, second = (int(key.split()[1]) for key in runs)
            self._actions.compare.run(first, second)
        self._show_detail(keys)

    def _one_run(self) -> int | None:
        """The one diagnosis that is marked, where it is one."""
        keys = self._table.keys()
        return int(keys[0].split()[1]) if len(keys) == 1 and keys[0].startswith("run ") else None

    def _toggle_opened(self) -> None:
        run = self._one_run()
        if self._opened is not None or run is None:
            self._opened = self._wanted = None
            self._show_opened()
        else:
            self._wanted = run
            self._actions.open.run(run)

    def _past(self) -> PastReport | None:
        if self._opened is None:
            return None
        run, body = self._opened
        veil = veil_over(self._data.runs, self._data.sessions, lifted=self._reveal.isChecked())
        return past_report(run.kind, body, veil, lifted=self._reveal.isChecked())

    def _show_opened(self) -> None:
        run = self._one_run()
        if self._opened is not None and self._opened[0].id != run:
            self._opened = None
        self._report.show_report(self._past(), offered=run is not None)

    def _show_detail(self, keys: tuple[str, ...]) -> None:
        self._show_opened()
        view = self._detail_of(keys)
        self._detail.setVisible(view is not None)
        if view is None:
            self._detail_view = DetailView()
            return
        self._detail_view = view
        past = next((each for each in self._data.sessions if f"session {each.id}" == keys[-1]), None)
        self._plots.set_focus_stretch(
            None if past is None else (past.began_s, time.time() if past.ended_s is None else past.ended_s)
        )
        self._detail_title.setText(
            view.title if not view.after or view.before else f"{view.title}: {view.after}"
        )
        self._detail_note.setText(view.note)
        self._detail_note.setVisible(bool(view.note))
        self._detail_grid.show_view(view)

    def _detail_of(self, keys: tuple[str, ...]) -> DetailView | None:
        veil = veil_over(self._data.runs, self._data.sessions, lifted=self._reveal.isChecked())
        now_s = time.time()
        found = self._comparison
        if (
            len(keys) == 2
            and found is not None
            and {f"run {found.before.id}", f"run {found.after.id}"} == set(keys)
        ):
            return comparison_view(found, now_s, veil)
        if not keys:
            return None
        items: tuple[Run | PastSession, ...] = (*self._data.runs, *self._data.sessions)
        for item in items:
            name = "run" if isinstance(item, Run) else "session"
            if f"{name} {item.id}" == keys[-1]:
                return one_view(item, now_s, veil)
        return None

    def _refresh_all(self) -> None:
        self._reveal.setText("Hide addresses" if self._reveal.isChecked() else "Show addresses")
        self._reveal.setAccessibleName(self._reveal.text())
        self._refresh()
        self._show_detail(self._table.keys())

    def _refresh(self) -> None:
        view = present(
            self._data.runs,
            self._data.sessions,
            self._snapshot.history,
            time.time(),
            kind=self._kind.currentData() or "",
            words=self._filter.text(),
            fine=self._data.fine,
            lifted=self._reveal.isChecked(),
        )
        if view == self._view:
            return
        self._view = view
        self.headline.setText(view.headline)
        self.subline.setText(view.subline)
        self.summary = f"{self.title}: {view.headline}"
        self.titled.emit()
        self._say_failure()
        self._undo_row.setVisible(bool(view.undo))
        self._undo_text.setText(view.undo)
        self._empty.setVisible(view.empty)
        self._results.setVisible(not view.empty)
        self._since.setVisible(view.since_fine is not None)
        if view.since_fine is not None:
            self._since_grid.show_view(view.since_fine)
        self._table.show_rows(view.rows)
        self._reveal.setVisible(view.veiled)
        for widget in (self._kind, self._filter, self._export, self._forget):
            widget.setVisible(not view.empty)

    def _say_failure(self) -> None:
        failures = (action.failure for action in self._actions)
        self._notice.say(self._snapshot.history.problem or next(filter(None, failures), ""))

    def _ask_to_forget(self) -> None:
        if self._question is not None:
            return
        question = self._question = QMessageBox(self)
        question.setText("Forget everything that is remembered?")
        question.setInformativeText(
            "Every check, session and series is erased from this computer. You can bring it back for a minute."
        )
        question.setStandardButtons(QMessageBox.StandardButton.Cancel)
        go = question.addButton("Forget", QMessageBox.ButtonRole.DestructiveRole)
        question.button(QMessageBox.StandardButton.Cancel).setIcon(QIcon())
        question.setDefaultButton(QMessageBox.StandardButton.Cancel)
        question.buttonClicked.connect(lambda button: self._answered(agreed=button is go))
        question.rejected.connect(lambda: self._answered(agreed=False))
        question.open()

    def _answered(self, *, agreed: bool) -> None:
        question, self._question = self._question, None
        if question is not None:
            question.deleteLater()
            if agreed:
                self._actions.forget.run()
                self._read_revision, self._read_at_s = -1, float("-inf")

    def _save(self, path: str) -> None:
        report = HistoryReport(
            network=self._snapshot.network,
            runs=self._data.runs,
            sessions=self._data.sessions,
            size_bytes=self._snapshot.history.size_bytes,
        )
        veil = veil_over(self._data.runs, self._data.sessions, lifted=self._reveal.isChecked())
        self._write(path, report_json(report, veil))

    def _save_opened(self, path: str) -> None:
        if (past := self._past()) is not None:
            self._write(path, past.json)

    def _write(self, path: str, text: str) -> None:
        try:
            Path(path).write_text(text + "\n", "utf-8")
        except OSError as error:
            self.said.emit(f"It could not be saved: {error.strerror}.")
        else:
            self.said.emit(f"Saved as {path}.")

    def _dress(self) -> None:
        self._export.setIcon(self._theme.icon("export"))
        self._view = None
        self._refresh()
