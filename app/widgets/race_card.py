"""The race of transports: a button, one plot, one table, and files of both."""

from pathlib import Path

from PySide6.QtCore import QSize
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QFileDialog, QProgressBar

from app.actions import Action
from app.presenters.race import COLUMNS, SECONDS, present_race, race_csv
from app.widgets.buttons import Button
from app.widgets.race_plot import RacePlot
from app.widgets.text import Card, Text
from app.widgets.text_table import TextTable
from app.widgets.theme import Theme
from netstack.model.race import RaceState

PICTURE_RATIO = 2


class RaceCard(Card):
    """`race` is run with the seconds that it takes."""

    def __init__(self, theme: Theme, race: Action) -> None:
        super().__init__(theme, "Race of transports")
        self._theme = theme
        self._race = race
        self._state = RaceState()
        self._dialog: QFileDialog | None = None
        self._export = Button(
            theme,
            "Export",
            self.export,
            icon="export",
            role="link",
            hint="Save every message (CSV) or the picture (PNG)",
        )
        self._start = Button(
            theme,
            "Race",
            self.press,
            icon="run",
            hint="The same traffic over every transport at once, for 15 s",
        )
        self._start.setObjectName("race")
        self.head.addWidget(self._export)
        self.head.addWidget(self._start)
        self._headline = Text(theme, wrap=True)
        self._headline.setObjectName("race-headline")
        self._note = Text(theme, size="small", role="muted", wrap=True)
        self._progress = QProgressBar()
        self._progress.setRange(0, 1000)
        self._progress.setTextVisible(False)
        self._progress.setAccessibleName("Progress of the race")
        self._plot = RacePlot(theme)
        self._table = TextTable(theme, COLUMNS)
        for part in (self._headline, self._note, self._progress, self._plot, self._table):
            self.body.addWidget(part)
        self.body.addStretch(1)
        race.changed.connect(self._dress)
        self._dress()

    def show_state(self, state: RaceState) -> None:
        """As it stands."""
        if state is not self._state:
            self._state = state
            self._dress()

    def press(self) -> None:
        """Begins, or ends what runs."""
        if self._race.busy:
            self._race.cancel()
        else:
            self._race.run(SECONDS)

    def export(self) -> None:
        """A file that the user names; its ending says what it is."""
        self._dialog = QFileDialog(self, "Export", "peerscope-race.csv", "Messages (*.csv);;Picture (*.png)")
        self._dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        self._dialog.fileSelected.connect(self.save)
        self._dialog.open()

    def save(self, path: str) -> None:
        """Writes it; what cannot be written is told in the headline."""
        try:
            if Path(path).suffix.lower() == ".png":
                self._save_picture(path)
            else:
                Path(path).write_text(race_csv(self._state), "utf-8")
        except OSError as error:
            self._headline.setText(f"It could not be saved: {error.strerror}.")

    def _save_picture(self, path: str) -> None:
        size = self._plot.size()
        image = QImage(
            QSize(size.width() * PICTURE_RATIO, size.height() * PICTURE_RATIO), QImage.Format.Format_RGB32
        )
        image.setDevicePixelRatio(PICTURE_RATIO)
        image.fill(self._theme.color("surface"))
        painter = QPainter(image)
        self._plot.render_picture(painter)
        painter.end()
        if not image.save(path, "PNG"):  # type: ignore[call-overload]
            raise OSError(0, "the picture could not be written")

    def _dress(self) -> None:
        busy = self._race.busy
        view = present_race(self._state)
        failed = "" if busy else self._race.failure
        self._headline.setText(failed or view.headline)
        self._note.setText(view.note)
        self._progress.setVisible(busy)
        self._progress.setValue(round(1000 * (view.progress or 0.0)))
        self._plot.setVisible(bool(view.curves))
        self._plot.show_race(view.curves, view.seconds)
        self._table.setVisible(bool(view.rows))
        self._table.show_rows(view.rows, view.samples)
        self._export.setVisible(bool(view.curves) and not busy)
        self._start.setText(" Stop" if busy else " Race again" if view.rows else " Race")
        self._start.setAccessibleName(self._start.text().strip())
