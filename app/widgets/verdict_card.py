"""The verdict: a glyph and a word in one colour, what it means, who is reached, and how sure it is."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from app.presenters.nat import Reach, VerdictView
from app.presenters.tone import Tone
from app.widgets.text import Card, Text
from app.widgets.theme import Theme

GLYPH = 56
CHIP_GLYPH = 18
LEAST = 236  # what the longest verdict needs, so that nothing moves when it comes
_SAYS = {True: (Tone.GOOD, "direct"), False: (Tone.BAD, "needs a relay"), None: (Tone.UNKNOWN, "not known")}


class VerdictCard(Card):
    """Shows one `VerdictView`."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._theme = theme
        self._view: VerdictView | None = None
        self.setMinimumHeight(LEAST)
        unit = theme.measure.unit
        self.whole.setContentsMargins(3 * unit, 3 * unit, 3 * unit, 3 * unit)
        self._glyph = QLabel()
        self._glyph.setFixedSize(GLYPH, GLYPH)
        self._word = Text(theme, size="headline", strong=True)
        self._word.setObjectName("verdict")
        self._sure = Text(theme, size="small", role="muted")
        self._sure.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._meter = Meter(theme)
        self._meaning = Text(theme, wrap=True)
        self._term = Text(theme, size="small", role="muted", wrap=True)
        self._term.setToolTip("Mapping and filtering behaviour in the words of RFC 4787")
        self._term.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._settle = Text(theme, size="small", role="muted", wrap=True)
        self._reach = [ReachChip(theme) for _ in range(3)]

        first = QHBoxLayout()
        first.addWidget(self._word)
        first.addStretch(1)
        first.addWidget(self._sure)
        first.addWidget(self._meter)
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addLayout(first)
        words.addWidget(self._meaning)
        words.addWidget(self._term)
        top = QHBoxLayout()
        top.setSpacing(2 * unit)
        top.addWidget(self._glyph, 0, Qt.AlignmentFlag.AlignTop)
        top.addLayout(words, 1)
        chips = QHBoxLayout()
        chips.setSpacing(unit)
        for chip in self._reach:
            chips.addWidget(chip, 1)
        self.body.addLayout(top)
        self.body.addStretch(1)
        self.body.addWidget(self._settle)
        self.body.addWidget(Text(theme, "Whom you reach directly", size="small", role="muted"))
        self.body.addLayout(chips)
        theme.changed.connect(self._dress)

    def show_view(self, view: VerdictView) -> None:
        """Shows the verdict."""
        if view == self._view:
            return
        self._view = view
        self._word.setText(view.word)
        self._meaning.setText(view.meaning)
        self._term.setText(view.term)
        self._term.setVisible(bool(view.term))
        self._settle.setText(view.settle)
        self._settle.setVisible(bool(view.settle))
        self._sure.setText(view.confidence_text)
        self._meter.show_share(view.confidence)
        for chip, reach in zip(self._reach, view.reach, strict=True):
            chip.show_view(reach)
        self.setAccessibleName(f"Verdict: {view.word}. {view.meaning}")
        self._dress()

    def _dress(self) -> None:
        if self._view is not None:
            tone = self._view.tone
            self._glyph.setPixmap(self._theme.pixmap(tone, tone, GLYPH))
            self._word.setStyleSheet(f"color: {self._theme.color(tone).name()}")


class ReachChip(QFrame):
    """A kind of network, and whether it is reached directly."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._reach = Reach("", None)
        self._glyph = QLabel()
        self._glyph.setFixedSize(CHIP_GLYPH, CHIP_GLYPH)
        self._who = Text(theme, strong=True)
        self._how = Text(theme, size="small", role="muted")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(8)
        row.addWidget(self._glyph)
        row.addWidget(self._who)
        row.addStretch(1)
        row.addWidget(self._how)
        theme.changed.connect(self._dress)

    def show_view(self, reach: Reach) -> None:
        """Shows one line of the reach."""
        self._reach = reach
        self._who.setText(reach.who)
        self._how.setText(_SAYS[reach.direct][1])
        self.setAccessibleName(f"To {reach.who} networks: {_SAYS[reach.direct][1]}")
        self._dress()

    def _dress(self) -> None:
        tone = _SAYS[self._reach.direct][0]
        self._glyph.setPixmap(self._theme.pixmap(tone, tone, CHIP_GLYPH))
        self.setStyleSheet(
            f"ReachChip {{ background: {self._theme.color(tone, 0.09).name()};"
            f" border: 1px solid {self._theme.color(tone, 0.35).name()}; border-radius: 6px; }}"
        )


class Meter(QWidget):
    """A share of one in five steps, told in words beside it."""

    STEPS = 5

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._share: float | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_share(self, share: float | None) -> None:
        """None hides it."""
        self._share = share
        self.setVisible(share is not None)
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Five small bars."""
        return QSize(self.STEPS * 10 - 2, 12)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Full steps in ink, the one under way in part, the rest in outline."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        for step in range(self.STEPS):
            full = min(1.0, max(0.0, (self._share or 0.0) * self.STEPS - step))
            place = QRectF(step * 10, 0, 8, self.height())
            painter.setBrush(self._theme.color("muted", 0.22))
            painter.drawRoundedRect(place, 2, 2)
            if full:
                painter.setBrush(self._theme.color("muted"))
                painter.drawRoundedRect(place.adjusted(0, place.height() * (1 - full), 0, 0), 2, 2)
