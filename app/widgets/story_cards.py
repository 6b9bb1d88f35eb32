"""The story's outcome: a card for each side, and one for how they meet."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout

from app.presenters.lab_story import MeetingView, SideView
from app.presenters.tone import Tone
from app.widgets.path_strip import PathStrip
from app.widgets.text import Card, Columns, Text
from app.widgets.theme import Theme

GLYPH = 36
STACK_BELOW = 720


class OutcomeCard(Card):
    """A glyph and a word in one colour, a sentence, a term and advice."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._theme = theme
        self._tone = Tone.UNKNOWN
        self._glyph = QLabel()
        self._glyph.setFixedSize(GLYPH, GLYPH)
        self._who = Text(theme, size="small", role="muted")
        self._word = Text(theme, size="headline", strong=True)
        self._sentence = Text(theme, wrap=True)
        self._term = Text(theme, size="small", role="muted", wrap=True)
        self._term.setToolTip("Mapping and filtering behaviour in the words of RFC 4787")
        self._advice = Text(theme, size="small", wrap=True)
        words = QVBoxLayout()
        words.setSpacing(3)
        for label in (self._who, self._word, self._sentence, self._term, self._advice):
            words.addWidget(label)
        row = QHBoxLayout()
        row.setSpacing(2 * theme.measure.unit)
        row.addWidget(self._glyph, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        self.body.addLayout(row)
        theme.changed.connect(self._dress)

    def show_outcome(
        self, who: str, word: str, tone: Tone, sentence: str, term: str = "", advice: tuple[str, ...] = ()
    ) -> None:
        """Shows it; what is empty takes no room."""
        self._tone = tone
        for label, text in (
            (self._who, who),
            (self._word, word),
            (self._sentence, sentence),
            (self._term, term),
            (self._advice, "\n".join(f"→ {line}" for line in advice)),
        ):
            label.setText(text)
            label.setVisible(bool(text))
        self.setAccessibleName(f"{who}: {word}. {sentence}")
        self._dress()

    def _dress(self) -> None:
        tone = self._tone
        self._glyph.setPixmap(self._theme.pixmap(tone if tone is not Tone.PLAIN else "unknown", tone, GLYPH))
        self._word.setStyleSheet(f"color: {self._theme.color(tone).name()}")


class MeetingCard(OutcomeCard):
    """How the two meet, and the way that they take."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._meeting: MeetingView | None = None
        self._way = PathStrip(theme)
        self._note = Text(theme, size="small", role="muted", wrap=True)
        self.body.addWidget(self._way)
        self.body.addWidget(self._note)
        self.body.addStretch(1)

    def show_view(self, meeting: MeetingView) -> None:
        """Shows one `MeetingView`."""
        if meeting == self._meeting:
            return
        self._meeting = meeting
        self.show_outcome("Between the two", meeting.word, meeting.tone, meeting.sentence)
        self._way.show_view(meeting.way)
        self._way.setVisible(bool(meeting.way))
        self._note.setText(meeting.note)
        self._note.setVisible(bool(meeting.note))


class SideCards(Columns):
    """What each side's check says."""

    def __init__(self, theme: Theme) -> None:
        self._cards = (OutcomeCard(theme), OutcomeCard(theme))
        self._sides: tuple[SideView, ...] = ()
        super().__init__(theme, tuple((card, 1) for card in self._cards), STACK_BELOW)

    def show_view(self, sides: tuple[SideView, ...]) -> None:
        """Shows both, or nothing."""
        if sides == self._sides:
            return
        self._sides = sides
        for card, side in zip(self._cards, sides, strict=False):
            card.show_outcome(side.title, side.word, side.tone, side.sentence, side.term, side.advice)
