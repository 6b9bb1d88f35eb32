"""Measure the speed of a relay: asked first, with its progress and Cancel, and what came of it."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QProgressBar

from app.actions import Action
from app.presenters.relay_speed import SpeedView
from app.widgets.buttons import Button
from app.widgets.text import Card, Text
from app.widgets.theme import Theme


class SpeedCard(Card):
    """One button asks, the next one measures; nothing is sent before that."""

    def __init__(self, theme: Theme, measure: Action) -> None:
        super().__init__(theme, "Speed")
        self._measure = measure
        self._view: SpeedView | None = None
        self._asking = ""
        self._sentence = Text(theme, wrap=True)
        self._sentence.setObjectName("speed")
        self._bar = QProgressBar()
        self._bar.setRange(0, 1000)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName("Progress of the speed measurement")
        self._ask = Button(theme, "Measure the speed", self._question, icon="metrics")
        self._yes = Button(theme, "Send up to 5 MB", self._start, role="primary", icon="run")
        self._no = Button(theme, "Not now", self._not_now)
        self._cancel = Button(theme, "Cancel", measure.cancel, icon="stop")
        row = QHBoxLayout()
        row.setSpacing(theme.measure.unit)
        for button in (self._ask, self._yes, self._no, self._cancel):
            row.addWidget(button)
        row.addStretch(1)
        self.body.addWidget(self._sentence)
        self.body.addWidget(self._bar)
        self.body.addLayout(row)
        measure.changed.connect(self._show)
        self._show()

    def show_view(self, view: SpeedView | None) -> None:
        """None hides it."""
        if view != self._view:
            self._view = view
            self._show()

    def _question(self) -> None:
        self._asking = self._view.of if self._view is not None else ""
        self._show()
        self._yes.setFocus(Qt.FocusReason.OtherFocusReason)

    def _start(self) -> None:
        self._asking = ""
        self._measure.run()

    def _not_now(self) -> None:
        self._asking = ""
        self._show()
        self._ask.setFocus(Qt.FocusReason.OtherFocusReason)

    def _show(self) -> None:
        view = self._view
        self.setVisible(view is not None)
        if view is None:
            return
        busy = self._measure.busy or view.measuring is not None
        asking = not busy and self._asking == view.of
        self._sentence.setText(view.question if asking else view.sentence)
        role = "problem" if view.tone.value == "bad" and not asking else ""
        if self._sentence.property("role") != role:
            self._sentence.setProperty("role", role)
            self._sentence.style().polish(self._sentence)
        self._ask.setText(f" {view.button}")
        self._ask.setAccessibleName(view.button)
        self._bar.setValue(round(1000 * (view.measuring or 0.0)))
        self._bar.setVisible(busy)
        self._ask.setVisible(not busy and not asking)
        self._yes.setVisible(asking)
        self._no.setVisible(asking)
        self._cancel.setVisible(busy)
