"""Latency under load: what it is, the button, and three bars beside each other."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QIcon, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMessageBox, QProgressBar, QSizePolicy, QWidget

from app.actions import Action
from app.presenters.axis import nice_ceiling
from app.presenters.load import LoadBar, LoadView
from app.presenters.tone import Tone
from app.widgets.buttons import Button
from app.widgets.text import Card, Text
from app.widgets.theme import Theme

GLYPH, ROW, LABEL, VALUE = 18, 34, 84, 150


class ResponsivenessCard(Card):
    """`measure` is called with the conversation's number, once the person has agreed."""

    def __init__(self, theme: Theme, measure: Action) -> None:
        super().__init__(theme, "Under load")
        self._theme = theme
        self._measure = measure
        self._view = LoadView(number=None)
        self._question: QMessageBox | None = None
        self._start = Button(
            theme,
            "Measure",
            self.press,
            icon="run",
            hint="Loads the connection each way and measures what that does to its round trips",
        )
        self._start.setObjectName("measure-load")
        self.head.addWidget(self._start)
        self._glyph = QLabel()
        self._glyph.setFixedSize(GLYPH, GLYPH)
        self._sentence = Text(theme, wrap=True)
        self._sentence.setObjectName("load-sentence")
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._glyph, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._sentence, 1)
        self._progress = QProgressBar()
        self._progress.setRange(0, 1000)
        self._progress.setTextVisible(False)
        self._progress.setAccessibleName("Progress of the measurement under load")
        self._bars = _Bars(theme)
        self._detail = Text(theme, size="small", role="muted", wrap=True)
        self.body.addLayout(row)
        self.body.addWidget(self._progress)
        self.body.addWidget(self._bars)
        self.body.addWidget(self._detail)
        self.body.addStretch(1)
        measure.changed.connect(self._dress)
        theme.changed.connect(self._dress)
        self._dress()

    def show_view(self, view: LoadView) -> None:
        """Shows where it is."""
        if view != self._view:
            self._view = view
            self._dress()

    def press(self) -> None:
        """Asks first; while it runs, ends it."""
        if self._measure.busy:
            self._measure.cancel()
        elif self._view.number is not None and self._question is None:
            question = self._question = QMessageBox(self)
            question.setIcon(QMessageBox.Icon.NoIcon)
            question.setText(f"Load the connection to {self._view.peer}?")
            question.setInformativeText(self._view.ask)
            question.setStandardButtons(QMessageBox.StandardButton.Cancel)
            go = question.addButton("Measure", QMessageBox.ButtonRole.AcceptRole)
            question.button(QMessageBox.StandardButton.Cancel).setIcon(QIcon())
            question.setDefaultButton(go)
            question.buttonClicked.connect(lambda button: self._answered(agreed=button is go))
            question.rejected.connect(lambda: self._answered(agreed=False))
            question.open()

    def _answered(self, *, agreed: bool) -> None:
        question, self._question = self._question, None
        if question is not None:
            question.deleteLater()
            if agreed and self._view.number is not None:
                self._measure.run(self._view.number)

    def _dress(self) -> None:
        view, busy = self._view, self._measure.busy
        failed = "" if busy else self._measure.failure
        self._sentence.setText(failed or view.sentence)
        tone = Tone.BAD if failed else view.tone
        self._glyph.setVisible(tone is not Tone.PLAIN)
        if tone is not Tone.PLAIN:
            self._glyph.setPixmap(self._theme.pixmap(tone, tone, GLYPH))
        self._progress.setVisible(view.progress is not None)
        self._progress.setValue(round(1000 * (view.progress or 0.0)))
        self._bars.setVisible(bool(view.bars))
        self._bars.show_bars(view.bars)
        self._detail.setVisible(bool(view.detail))
        self._detail.setText(view.detail)
        self._start.setText(" Stop" if busy else " Measure again" if view.bars else " Measure")
        self._start.setEnabled(busy or (view.number is not None and not view.running))
        self._start.setAccessibleName(self._start.text().strip())


class _Bars(QWidget):
    """A row a phase: the median as a bar, the 99th percentile as a thin line beyond it."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._bars: tuple[LoadBar, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_bars(self, bars: tuple[LoadBar, ...]) -> None:
        """Others."""
        if bars != self._bars:
            self._bars = bars
            self.setFixedHeight(ROW * len(bars))
            self.setAccessibleName("; ".join(f"{bar.name}: {bar.value}, {bar.note}" for bar in bars))
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """A row each."""
        return QSize(320, ROW * len(self._bars))

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Names left, bars in the middle, figures right."""
        theme, painter = self._theme, QPainter(self)
        top = nice_ceiling(max((bar.p99_s or bar.p50_s or 0.0) for bar in self._bars) if self._bars else 1.0)
        wide = max(40, self.width() - LABEL - VALUE)
        for number, bar in enumerate(self._bars):
            y = number * ROW
            painter.setFont(theme.font())
            painter.setPen(theme.color("text"))
            painter.drawText(QRectF(0, y, LABEL, 20), Qt.AlignmentFlag.AlignVCenter, bar.name)
            painter.drawText(
                QRectF(LABEL + wide, y, VALUE, 20),
                Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight,
                bar.value,
            )
            painter.setFont(theme.font("small"))
            painter.setPen(theme.color("muted"))
            note = QFontMetrics(painter.font()).elidedText(
                bar.note, Qt.TextElideMode.ElideRight, wide + VALUE - 8
            )
            painter.drawText(QRectF(LABEL, y + 17, wide + VALUE, 16), Qt.AlignmentFlag.AlignVCenter, note)
            middle = y + 10
            painter.fillRect(QRectF(LABEL, middle - 4, wide - 12, 8), theme.color("line", 0.5))
            if bar.p99_s is not None:
                painter.fillRect(
                    QRectF(LABEL, middle - 4, (wide - 12) * bar.p99_s / top, 8), theme.color("accent", 0.35)
                )
            if bar.p50_s is not None:
                painter.fillRect(
                    QRectF(LABEL, middle - 4, (wide - 12) * bar.p50_s / top, 8), theme.color("accent")
                )
