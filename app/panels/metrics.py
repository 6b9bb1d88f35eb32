"""The Metrics page: how good is each path right now? Everything that a path does, on one time axis."""

import time
from pathlib import Path
from typing import NamedTuple

from PySide6.QtCore import QRect, QSize, Qt, QTimer
from PySide6.QtGui import QAction, QHideEvent, QImage, QPainter, QShowEvent
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.actions import Action
from app.presenters.decisions import present_decisions
from app.presenters.guard import present_guard
from app.presenters.load import present_load
from app.presenters.metrics import (
    MetricsView,
    bands,
    fragmentation,
    histogram,
    present,
    series_csv,
    table_text,
)
from app.presenters.quantity import duration, moment
from app.presenters.series_book import SeriesBook
from app.presenters.veil import of_report
from app.widgets.buttons import Button
from app.widgets.choice_box import ChoiceBox
from app.widgets.decisions_card import DecisionsCard
from app.widgets.drill_card import DrillCard
from app.widgets.fact_table import FactTable
from app.widgets.guard_card import GuardCard
from app.widgets.histogram_view import HistogramPlot
from app.widgets.metric_cards import MetricCards
from app.widgets.notice import Notice
from app.widgets.page import Page
from app.widgets.path_table import PathTable
from app.widgets.race_card import RaceCard
from app.widgets.responsiveness_card import ResponsivenessCard
from app.widgets.text import Card, Columns, Text
from app.widgets.theme import Theme
from app.widgets.time_bands import TimeBands
from netstack.model.path import PathReport, PlotData
from netstack.model.snapshot import Snapshot

PERIOD_MS = 100
FIGURES_EVERY_S = 0.5
STACK_BELOW = 860
TRIES_STACK_BELOW = 1180
PICTURE_RATIO = 2
SPANS = ((30, "Last 30 s"), (60, "Last minute"), (300, "Last 5 min"), (600, "Last 10 min"))
HINT = "Drag to judge a stretch alone; Ctrl and the wheel, or + and −, zoom; a double click goes back"


class MetricsActions(NamedTuple):
    """What the page can start: the demonstration on this computer, the pull of the plots' data, the load, the drill and
    the race.
    """

    rehearse: Action
    pull: Action
    load: Action
    drill: Action
    race: Action


class MetricsPage(Page):
    """Draws only while it is seen, ten times a second, and not while frozen."""

    key = "metrics"
    title = "Metrics"
    icon = "metrics"

    def __init__(self, theme: Theme, actions: MetricsActions) -> None:
        super().__init__(theme)
        self._theme = theme
        self._actions = actions
        self._snapshot = Snapshot()
        self._book = SeriesBook()
        self._view: MetricsView | None = None
        self._chosen = ""
        self._hidden: frozenset[str] = frozenset()
        self._figures_at_s = 0.0
        self._dialog: QFileDialog | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(PERIOD_MS)
        self._timer.timeout.connect(self._pull)
        self._make_buttons()
        self._make_content()
        actions.rehearse.changed.connect(self._refresh)
        theme.changed.connect(self._dress)
        self._dress()

    @property
    def since_s(self) -> float | None:
        """From when on the next pull is to bring points, on the engine's clock."""
        return self._book.since_s

    def show_snapshot(self, snapshot: Snapshot, now_s: float) -> None:
        """Figures and rows; the curves have their own timer."""
        known = [(path.key, path.state) for path in self._snapshot.paths]
        self._snapshot = snapshot
        if self._freeze.isChecked():
            return
        due = time.monotonic() - self._figures_at_s >= FIGURES_EVERY_S
        if due or known != [(path.key, path.state) for path in snapshot.paths]:
            self._refresh()

    def show_data(self, data: PlotData) -> None:
        """New points, pulled by this page."""
        if self._freeze.isChecked() or not self.isVisible():
            return
        self._book.take(data)
        self._draw()
        if time.monotonic() - self._figures_at_s >= FIGURES_EVERY_S:
            self._refresh()

    def start(self) -> None:
        """F5 begins the demonstration."""
        self._actions.rehearse.run()

    def stop(self) -> None:
        """Escape ends the focus, then the demonstration."""
        if self._plots.focus_s is not None:
            self._plots.set_focus_stretch(None)
        else:
            self._actions.rehearse.cancel()

    def copy(self) -> None:
        """The table, with tabs."""
        if self._view is not None and self._view.rows:
            QApplication.clipboard().setText(table_text(self._view))
            self.said.emit("The table was copied.")

    def export(self) -> None:
        """Every point, or the picture, into a file that the user names; its ending says which."""
        self._save_as("peerscope-metrics.csv")

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Begins to draw."""
        self._timer.start()
        super().showEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Stops drawing: what is not seen costs nothing."""
        self._timer.stop()
        super().hideEvent(event)

    # Parts.

    def _make_buttons(self) -> None:
        self._span = ChoiceBox(self._theme)
        self._span.setAccessibleName("How far back")
        for seconds, text in SPANS:
            self._span.addItem(text, seconds)
        self._span.setCurrentIndex(1)
        self._span.activated.connect(lambda place: self._plots.set_span(self._span.itemData(place)))
        self._log = QPushButton("Log")
        self._log.setCheckable(True)
        self._log.setToolTip("Latency by powers of ten: a fast and a slow path beside each other")
        self._freeze = QPushButton(" Freeze")
        self._freeze.setCheckable(True)
        self._freeze.setToolTip("Hold the picture still; measuring goes on (Space)")
        self._freeze.setShortcut(Qt.Key.Key_Space)
        self._copy = QPushButton(" Copy")
        self._copy.setToolTip("Copy the table (Ctrl+C)")
        self._copy.clicked.connect(self.copy)
        self._export = QPushButton(" Export")
        self._export.setToolTip("Save the points or the picture (Ctrl+S)")
        self._menu = QMenu(self)
        for text, name in (
            ("Points (CSV)", "peerscope-metrics.csv"),
            ("Picture (PNG)", "peerscope-metrics.png"),
            ("Picture (SVG)", "peerscope-metrics.svg"),
        ):
            action = QAction(text, self._menu)
            action.triggered.connect(lambda _=False, name=name: self._save_as(name))
            self._menu.addAction(action)
        self._export.setMenu(self._menu)
        self._run = QPushButton(" Try it here")
        self._run.setObjectName("run")
        self._run.setToolTip(
            "Opens a session from this computer to itself, over UDP and TCP, and measures it (F5)"
        )
        self._run.clicked.connect(self._toggle)
        self.buttons.addWidget(self._span)
        for button in (self._log, self._freeze, self._copy, self._export, self._run):
            button.setAutoDefault(False)
            button.setAccessibleName(button.text().strip())
            self.buttons.addWidget(button)

    def _make_content(self) -> None:
        theme = self._theme
        self._notice = Notice(theme)
        self._worse = Notice(theme)
        self._cards = MetricCards(theme)
        self._table = PathTable(theme)
        self._table.chosen.connect(self._choose)
        self._table.toggled.connect(self._show_or_hide)
        table = Card(theme)
        table.body.addWidget(self._table)
        self._plots = TimeBands(theme)
        self._plots.focused.connect(self._focused)
        self._plots.spanned.connect(self._spanned)
        self._plots.panned.connect(self._panned)
        self._log.toggled.connect(self._plots.set_logarithmic)
        self._focus_text = Text(theme, size="small", role="muted")
        self._clear = Button(theme, "Whole picture", lambda: self._plots.set_focus_stretch(None), role="link")
        self._clear.setToolTip("Judge everything that is shown again (double click, Escape)")
        self._now = Button(theme, "Back to now", self._plots.back_to_now, role="link", hint="Home")
        self._clear.hide()
        self._now.hide()
        plots = Card(theme)
        head = QHBoxLayout()
        head.setSpacing(theme.measure.unit)
        head.addWidget(self._focus_text, 1)
        head.addWidget(self._now)
        head.addWidget(self._clear)
        plots.body.addLayout(head)
        plots.body.addWidget(self._plots)
        self._distribution = Card(theme, "Distribution")
        self._histogram = HistogramPlot(theme)
        self._histogram_note = Text(theme, size="small", role="muted", wrap=True)
        self._histogram_of = Text(theme, size="small", role="muted")
        self._distribution.head.addWidget(self._histogram_of)
        self._distribution.body.addWidget(self._histogram)
        self._distribution.body.addWidget(self._histogram_note)
        self._load = ResponsivenessCard(theme, self._actions.load)
        below = Columns(theme, ((self._distribution, 1), (self._load, 1)), STACK_BELOW)
        fragments = Card(theme, "Fragments")
        self._fragments_of = Text(theme, size="small", role="muted")
        fragments.head.addWidget(self._fragments_of)
        self._fragments = FactTable(theme, 3)
        fragments.body.addWidget(self._fragments)
        self._results = QWidget()
        results = QVBoxLayout(self._results)
        results.setContentsMargins(0, 0, 0, 0)
        results.setSpacing(2 * theme.measure.unit)
        self._decisions = DecisionsCard(theme)
        for widget in (self._cards, table, plots, self._decisions, below, fragments):
            results.addWidget(widget)
        self._race = RaceCard(theme, self._actions.race)
        self._drill = DrillCard(theme, self._actions.drill)
        tries = Columns(theme, ((self._race, 1), (self._drill, 1)), TRIES_STACK_BELOW)
        self._guard = GuardCard(theme)
        self._empty = Card(theme)
        self._empty.body.addWidget(
            Text(
                theme,
                "No session is open. Meet somebody on the Peers page, or press Try it here for a session from this computer "
                "to itself, over UDP and TCP: what you then see is what the program and this computer cost.",
                wrap=True,
            )
        )
        for part in (self._notice, self._worse, self._empty, self._results, tries, self._guard):
            self.content.addWidget(part)
        self.content.addStretch(1)

    # What happens.

    def _pull(self) -> None:
        if self._snapshot.paths and not self._freeze.isChecked():
            self._actions.pull.run()

    def _toggle(self) -> None:
        action = self._actions.rehearse
        if action.busy:
            action.cancel()
        else:
            action.run()

    def _choose(self, key: str) -> None:
        self._chosen = "" if key == self._chosen else key
        self._plots.set_strong(self._chosen)
        self._refresh()

    def _show_or_hide(self, key: str) -> None:
        self._hidden = self._hidden ^ {key}
        self._table.show_hidden(self._hidden)
        self._draw()

    def _focused(self, stretch: tuple[float, float] | None) -> None:
        self._clear.setVisible(stretch is not None)
        self._refresh()

    def _panned(self, offset_s: float) -> None:
        self._now.setVisible(offset_s > 0)
        self._refresh()

    def _spanned(self, seconds: float) -> None:
        place = self._span.findData(round(seconds))
        if place < 0:
            self._span.setCurrentIndex(-1)
            self._span.setPlaceholderText(f"Last {duration(round(seconds))}")
        else:
            self._span.setCurrentIndex(place)
        self._refresh()

    def _draw(self) -> None:
        shown = bands(self._snapshot.paths, self._book, self._hidden)
        self._plots.show_bands(shown, self._book.now_s, self._book.wall_s)

    def _refresh(self) -> None:
        self._figures_at_s = time.monotonic()
        stretch = self._plots.focus_s
        begin_s, end_s = stretch or self._plots.window
        paths = self._snapshot.paths
        view = present(paths, self._book, begin_s, end_s, chosen=self._chosen, focused=stretch is not None)
        self._show_button()
        self._notice.say(self._actions.rehearse.failure)
        self._worse.say(view.worse)
        self._focus_text.setText(self._focus_words(stretch))
        chosen = next((path for path in paths if path.key == view.chosen), None)
        self._show_chosen(chosen, begin_s, end_s)
        self._load.show_view(present_load(self._snapshot.peers, self._chosen, self._snapshot.networks))
        self._decisions.show_view(present_decisions(self._snapshot.coordinator, self._book.wall))
        self._race.show_state(self._snapshot.race)
        self._drill.show_state(self._snapshot.drill)
        veil = of_report(self._snapshot.nat.report)
        self._guard.show_view(present_guard(self._snapshot.guard, veil, time.time()))
        if view == self._view:
            return
        self._view = view
        self.headline.setText(view.headline)
        self.subline.setText(view.subline)
        self.summary = f"{self.title}: {view.headline}"
        self.titled.emit()
        self._empty.setVisible(view.empty)
        self._results.setVisible(not view.empty)
        self._cards.show_figures(view.figures)
        self._table.show_rows(view.rows, self._chosen)
        for button in (self._copy, self._export, self._freeze, self._log, self._span):
            button.setVisible(not view.empty)

    def _show_chosen(self, path: PathReport | None, begin_s: float, end_s: float) -> None:
        """Histogram and fragments are of one path."""
        if not self.isVisible():
            return
        view = histogram(path, self._book, begin_s, end_s)
        self._histogram.show_view(view)
        self._histogram_note.setText(view.note)
        self._histogram_of.setText(f"{view.title}, ms" if view.title else "")
        facts = fragmentation(path)
        self._fragments.show_facts(facts)
        self._fragments_of.setText(
            f"The whole session with {path.peer}" if path is not None and facts else ""
        )

    def _focus_words(self, stretch: tuple[float, float] | None) -> str:
        if stretch is None:
            return HINT
        began, ended = (moment(self._book.wall(at_s))[11:19] for at_s in stretch)
        return f"In focus: {duration(stretch[1] - stretch[0])}, {began} to {ended}"

    def _show_button(self) -> None:
        busy = self._actions.rehearse.busy
        text = " Stop" if busy else " Try it here"
        if self._run.text() == text and not self._run.icon().isNull():
            return
        self._run.setText(text)
        self._run.setAccessibleName(text.strip())
        self._run.setProperty("role", "" if busy else "primary")
        self._run.setIcon(self._theme.icon("stop" if busy else "run", "text" if busy else "on_accent", 16))
        self._run.style().polish(self._run)

    # Files.

    def _save_as(self, name: str) -> None:
        kinds = {"csv": "Points (*.csv)", "png": "Picture (*.png)", "svg": "Picture (*.svg)"}
        self._dialog = QFileDialog(self, "Export", name, kinds[name.rsplit(".", 1)[1]])
        self._dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        self._dialog.fileSelected.connect(self._save)
        self._dialog.open()

    def _save(self, path: str) -> None:
        try:
            self._write(Path(path))
        except OSError as error:
            self.said.emit(f"It could not be saved: {error.strerror}.")
        else:
            self.said.emit(f"Saved as {path}.")

    def _write(self, path: Path) -> None:
        """By the ending of the name; the stretch in focus alone, where there is one. Raises OSError."""
        ending = path.suffix.lower()
        if ending not in {".png", ".svg"}:
            stretch = self._plots.focus_s or (float("-inf"), float("inf"))
            path.write_text(series_csv(self._snapshot.paths, self._book, *stretch), "utf-8")
            return
        path.write_bytes(
            b""
        )  # a place that cannot be written is told by the system, not by a picture that is missing
        size = self._plots.size()
        if ending == ".svg":
            paper = QSvgGenerator()
            paper.setFileName(str(path))
            paper.setSize(size)
            paper.setViewBox(QRect(0, 0, size.width(), size.height()))
            paper.setTitle("Peerscope")
            painter = QPainter(paper)
            self._plots.render_picture(painter)
            painter.end()
            return
        image = QImage(
            QSize(size.width() * PICTURE_RATIO, size.height() * PICTURE_RATIO), QImage.Format.Format_RGB32
        )
        image.setDevicePixelRatio(PICTURE_RATIO)
        painter = QPainter(image)
        self._plots.render_picture(painter)
        painter.end()
        if not image.save(str(path), "PNG"):  # type: ignore[call-overload]
            raise OSError(0, "the picture could not be written")

    def _dress(self) -> None:
        for button, icon in ((self._copy, "copy"), (self._export, "export"), (self._freeze, "freeze")):
            button.setIcon(self._theme.icon(icon))
        self._view = None
        self._run.setText("")
        self._refresh()
