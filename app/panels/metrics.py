"""The Metrics page: how good is each path right now? Live latency, loss and fragments, one curve a path."""

from pathlib import Path
from typing import NamedTuple

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.actions import Action
from app.presenters.metrics import CurveView, MetricsView, plots, present, series_csv, table_text
from app.widgets.live_plot import Curve, LivePlot
from app.widgets.notice import Notice
from app.widgets.page import Page
from app.widgets.path_table import PathTable
from app.widgets.text import Card, Columns, Text
from app.widgets.theme import Theme
from netstack.model.path import PlotData
from netstack.model.snapshot import Snapshot

PERIOD_MS = 100
STACK_BELOW = 860
PLOT_HEIGHT = 260
SMALL_HEIGHT = 200


class MetricsActions(NamedTuple):
    """What the page can start: the demonstration on this computer, and the pull of the plots' data."""

    rehearse: Action
    pull: Action


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
        self._data = PlotData()
        self._view: MetricsView | None = None
        self._dialog: QFileDialog | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(PERIOD_MS)
        self._timer.timeout.connect(self._pull)

        self._freeze = QPushButton(" Freeze")
        self._freeze.setCheckable(True)
        self._freeze.setToolTip("Hold the picture still; measuring goes on (Space)")
        self._freeze.setShortcut(Qt.Key.Key_Space)
        self._copy = QPushButton(" Copy")
        self._copy.setToolTip("Copy the table (Ctrl+C)")
        self._copy.clicked.connect(self.copy)
        self._export = QPushButton(" Export")
        self._export.setToolTip("Save every point that is drawn as CSV (Ctrl+S)")
        self._export.clicked.connect(self.export)
        self._run = QPushButton(" Try it here")
        self._run.setObjectName("run")
        self._run.setToolTip(
            "Opens a session from this computer to itself, over UDP and TCP, and measures it"
        )
        self._run.clicked.connect(self._toggle)
        for button in (self._freeze, self._copy, self._export, self._run):
            button.setAutoDefault(False)
            button.setAccessibleName(button.text().strip())
            self.buttons.addWidget(button)

        self._notice = Notice(theme)
        self._figures = QWidget()
        self._figure_row = QHBoxLayout(self._figures)
        self._figure_row.setContentsMargins(0, 0, 0, 0)
        self._figure_row.setSpacing(2 * theme.measure.unit)
        self._figure_texts: list[tuple[Text, Text, Text]] = []
        for _ in range(4):
            card = Card(theme)
            texts = (
                Text(theme, role="muted"),
                Text(theme, size="headline", strong=True),
                Text(theme, size="small", role="muted"),
            )
            for text in texts:
                card.body.addWidget(text)
            self._figure_texts.append(texts)
            self._figure_row.addWidget(card, 1)
        self._table = PathTable(theme)
        table = Card(theme)
        table.body.addWidget(self._table)
        self._latency = LivePlot(theme, "Latency")
        self._latency.setFixedHeight(PLOT_HEIGHT)
        self._loss = LivePlot(theme, "Loss")
        self._loss.setFixedHeight(SMALL_HEIGHT)
        self._fragments = LivePlot(theme, "Packets a message", least_top=2.0)
        self._fragments.setFixedHeight(SMALL_HEIGHT)
        latency = self._framed("Latency, ms", self._latency)
        below = Columns(
            theme,
            (
                (self._framed("Loss, % (dotted: on the way back)", self._loss), 1),
                (self._framed("Packets a message", self._fragments), 1),
            ),
            STACK_BELOW,
        )
        self._results = QWidget()
        results = QVBoxLayout(self._results)
        results.setContentsMargins(0, 0, 0, 0)
        results.setSpacing(2 * theme.measure.unit)
        for widget in (self._figures, table, latency, below):
            results.addWidget(widget)
        self._empty = Card(theme)
        self._empty.body.addWidget(
            Text(
                theme,
                "No session is open. Press Try it here for one from this computer to itself, "
                "over UDP and TCP: what you then see is what the program and this computer cost.",
                wrap=True,
            )
        )
        for widget in (self._notice, self._empty, self._results):
            self.content.addWidget(widget)
        self.content.addStretch(1)
        actions.rehearse.changed.connect(self._refresh)
        theme.changed.connect(self._dress)
        self._dress()
        self._refresh()

    def show_snapshot(self, snapshot: Snapshot, now_s: float) -> None:
        """Figures and rows; the curves have their own timer."""
        self._snapshot = snapshot
        if not self._freeze.isChecked():
            self._refresh()

    def show_data(self, data: PlotData) -> None:
        """New points, pulled by this page."""
        if self._freeze.isChecked() or not self.isVisible():
            return
        self._data = data
        view = plots(self._snapshot.paths, data)
        self._latency.show_curves(_curves(view.latency))
        self._loss.show_curves(_curves(view.loss))
        self._fragments.show_curves(_curves(view.fragments))

    def start(self) -> None:
        """F5 begins the demonstration."""
        self._actions.rehearse.run()

    def stop(self) -> None:
        """Escape ends it."""
        self._actions.rehearse.cancel()

    def copy(self) -> None:
        """The table, with tabs."""
        if self._view is not None and self._view.rows:
            QApplication.clipboard().setText(table_text(self._view))
            self.said.emit("The table was copied.")

    def export(self) -> None:
        """Every point of the plots, into a file that the user names."""
        self._dialog = QFileDialog(self, "Export", "peerscope-metrics.csv", "CSV (*.csv)")
        self._dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        self._dialog.fileSelected.connect(self._save)
        self._dialog.open()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Begins to draw."""
        self._timer.start()
        super().showEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Stops drawing: what is not seen costs nothing."""
        self._timer.stop()
        super().hideEvent(event)

    def _pull(self) -> None:
        if self._snapshot.paths and not self._freeze.isChecked():
            self._actions.pull.run()

    def _toggle(self) -> None:
        action = self._actions.rehearse
        if action.busy:
            action.cancel()
        else:
            action.run()

    def _save(self, path: str) -> None:
        try:
            Path(path).write_text(series_csv(self._snapshot.paths, self._data), "utf-8")
        except OSError as error:
            self.said.emit(f"It could not be saved: {error.strerror}.")
        else:
            self.said.emit(f"Saved as {path}.")

    def _refresh(self) -> None:
        view = present(self._snapshot.paths)
        busy = self._actions.rehearse.busy
        self._run.setText(" Stop" if busy else " Try it here")
        self._run.setAccessibleName(self._run.text().strip())
        self._run.setProperty("role", "" if busy else "primary")
        self._run.setIcon(self._theme.icon("stop" if busy else "run", "text" if busy else "on_accent", 16))
        self._run.style().polish(self._run)
        self._notice.say(self._actions.rehearse.failure)
        if view == self._view:
            return
        self._view = view
        self.headline.setText(view.headline)
        self.subline.setText(view.subline)
        self.summary = f"{self.title}: {view.headline}"
        self.titled.emit()
        self._empty.setVisible(view.empty)
        self._results.setVisible(not view.empty)
        self._figures.setVisible(bool(view.figures))
        for (name, value, note), figure in zip(self._figure_texts, view.figures, strict=False):
            name.setText(figure.name)
            value.setText(figure.value)
            note.setText(figure.note)
            color = self._theme.color(figure.color).name()
            value.setStyleSheet(f"color: {color}")
        self._table.show_rows(view.rows)
        for button in (self._copy, self._export, self._freeze):
            button.setEnabled(not view.empty)

    def _framed(self, title: str, plot: LivePlot) -> Card:
        card = Card(self._theme, title)
        card.body.addWidget(plot)
        return card

    def _dress(self) -> None:
        for button, icon in ((self._copy, "copy"), (self._export, "export"), (self._freeze, "freeze")):
            button.setIcon(self._theme.icon(icon))
        self._view = None
        self._refresh()


def _curves(views: dict[str, CurveView]) -> dict[str, Curve]:
    return {key: Curve(v.ago_s, v.values, v.color, v.style) for key, v in views.items()}
