"""A peer wants to measure latency under load with us: yes or no, and stop while it does."""

from collections.abc import Callable

from PySide6.QtWidgets import QHBoxLayout

from app.presenters.peer_load import LoadQuestionView
from app.widgets.buttons import Button
from app.widgets.text import Card, Text
from app.widgets.theme import Theme


class LoadQuestion(Card):
    """Visible while there is something to answer; `answer` gets yes or no, and no ends what goes on."""

    def __init__(self, theme: Theme, answer: Callable[[bool], object]) -> None:
        super().__init__(theme)
        self._text = Text(theme, wrap=True)
        self._text.setObjectName("load-question")
        self._yes = Button(theme, "Allow", lambda: answer(True), role="primary")
        self._no = Button(theme, "No", lambda: answer(False))
        row = QHBoxLayout()
        row.addWidget(self._yes)
        row.addWidget(self._no)
        row.addStretch(1)
        self.body.addWidget(self._text)
        self.body.addLayout(row)
        self.hide()

    def show_view(self, view: LoadQuestionView | None) -> None:
        """None hides it."""
        self.setVisible(view is not None)
        if view is not None:
            self._text.setText(view.sentence)
            self._yes.setVisible(not view.serving)
            self._no.setText("Stop" if view.serving else "No")
            self._no.setAccessibleName(self._no.text())
