"""The failover drill: a button, and what came out beside what others publish."""

from PySide6.QtWidgets import QApplication, QProgressBar

from app.actions import Action
from app.presenters.drill import COLUMNS, drill_headline, drill_lines, drill_row, published_text
from app.widgets.buttons import Button
from app.widgets.text import Card, Text
from app.widgets.text_table import TextTable
from app.widgets.theme import Theme
from netstack.model.coordinator import PUBLISHED, DrillState

WHAT = (
    "In the lab, two whole endpoints behind NATs play 60 messages a second over Wi-Fi; then it happens. With a backup over "
    "mobile data and a relay that is open, or only known. Nothing real is touched."
)


class DrillCard(Card):
    """`drill` runs it."""

    def __init__(self, theme: Theme, drill: Action) -> None:
        super().__init__(theme, "Failover drill")
        self._theme = theme
        self._drill = drill
        self._state = DrillState()
        self._copy = Button(theme, "Copy", self.copy, icon="copy", role="link", hint="Copy the table")
        self._start = Button(
            theme, "Drill", self.press, icon="run", hint="Breaks a path in the lab, ten times"
        )
        self._start.setObjectName("drill")
        self.head.addWidget(self._copy)
        self.head.addWidget(self._start)
        self._headline = Text(theme, wrap=True)
        self._headline.setObjectName("drill-headline")
        self._note = Text(theme, WHAT, size="small", role="muted", wrap=True)
        self._progress = QProgressBar()
        self._progress.setTextVisible(False)
        self._progress.setAccessibleName("Progress of the drill")
        self._table = TextTable(theme, COLUMNS, left=2)
        self._others = Text(theme, published_text(PUBLISHED), size="small", role="muted", wrap=True)
        for part in (self._headline, self._note, self._progress, self._table, self._others):
            self.body.addWidget(part)
        self.body.addStretch(1)
        drill.changed.connect(self._dress)
        self._dress()

    def show_state(self, state: DrillState) -> None:
        """As far as it is."""
        if state != self._state:
            self._state = state
            self._dress()

    def press(self) -> None:
        """Begins, or ends what runs."""
        if self._drill.busy:
            self._drill.cancel()
        else:
            self._drill.run()

    def copy(self) -> None:
        """The table as text, others' figures included."""
        QApplication.clipboard().setText("\n".join(drill_lines(self._state.results, PUBLISHED)))

    def _dress(self) -> None:
        state, busy = self._state, self._drill.busy
        failed = "" if busy else self._drill.failure
        self._headline.setText(failed or drill_headline(state.results))
        self._progress.setVisible(busy)
        self._progress.setRange(0, max(1, state.total))
        self._progress.setValue(len(state.results))
        self._table.setVisible(bool(state.results))
        self._table.show_rows(tuple(map(drill_row, state.results)))
        self._others.setVisible(bool(state.results))
        self._copy.setVisible(bool(state.results))
        self._start.setText(" Stop" if busy else " Drill again" if state.results else " Drill")
        self._start.setAccessibleName(self._start.text().strip())
