"""Latency under load: asked of a connected peer, watched, and its figures."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar

from app.presenters.check_load import LoadView
from app.widgets.buttons import Button
from app.widgets.check_list import CheckList
from app.widgets.peer_choice import PeerButton
from app.widgets.text import Card, Text
from app.widgets.theme import Theme

STEPS = 100


class LoadCard(Card):
    """`wanted(int)`: measure with that conversation's peer. `cancelled`: stop."""

    wanted = Signal(int)
    cancelled = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Latency under load")
        self._why = Text(theme, size="small", role="muted", wrap=True)
        self._step = Text(theme)
        self._progress = QProgressBar()
        self._progress.setRange(0, STEPS)
        self._progress.setTextVisible(False)
        self._rows = CheckList(theme)
        self._problem = Text(theme, size="small", role="problem", wrap=True)
        self._measure = PeerButton(theme, "Measure with {}", hint="They are asked first; about 25 seconds.")
        self._measure.chosen.connect(self.wanted)
        self._cancel = Button(theme, "Cancel", self.cancelled.emit)
        row = QHBoxLayout()
        row.addWidget(self._measure)
        row.addWidget(self._cancel)
        row.addStretch(1)
        for widget in (self._rows, self._why, self._problem, self._step, self._progress):
            self.body.addWidget(widget)
        self.body.addLayout(row)

    def show_view(self, view: LoadView, problem: str, *, busy: bool) -> None:
        """`problem`: why the last one failed."""
        running = busy or view.running
        self._rows.show_view(view.rows)
        self._rows.setVisible(bool(view.rows))
        self._why.setText(view.text)
        self._why.setVisible(not running)
        self._problem.setText(problem)
        self._problem.setVisible(bool(problem) and not running)
        self._step.setText(view.step)
        self._step.setVisible(running)
        self._progress.setValue(round(view.progress * STEPS))
        self._progress.setVisible(running)
        self._measure.show_peers(() if running else view.peers)
        self._cancel.setVisible(busy)
