"""The story's outcome: a card for each side, and one for how they meet."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.presenters.lab_story import MeetingView, SideView, StoryView
from app.presenters.tone import Tone
from app.widgets.path_strip import PathStrip
from app.widgets.text import Card, Columns, Text
from app.widgets.theme import Theme

GLYPH = 36
STACK_BELOW = 720


class StoryCards(QWidget):
    """Shows one `StoryView` once there is something to show."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        unit = theme.measure.unit
        self._sides = (_OutcomeCard(theme), _OutcomeCard(theme))
        self._meeting = _OutcomeCard(theme)
        self._way = PathStrip(theme)
        self._note = Text(theme, size="small", role="muted", wrap=True)
        self._meeting.body.addWidget(self._way)
        self._meeting.body.addWidget(self._note)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(2 * unit)
        whole.addWidget(self._meeting)
        whole.addWidget(Columns(theme, tuple((side, 1) for side in self._sides), STACK_BELOW))

    def show_view(self, view: StoryView) -> None:
        """Shows the cards."""
        for card, side in zip(self._sides, view.sides, strict=False):
            card.show_side(side)
        self._meeting.show_meeting(view.meeting)
        self._way.show_view(view.meeting.way)
        self._way.setVisible(bool(view.meeting.way))
        self._note.setText(view.meeting.note)
        self._note.setVisible(bool(view.meeting.note))


class _OutcomeCard(Card):
    """A glyph and a word in one colour, a sentence, a term and advice."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._theme = theme
        self._tone = Tone.UNKNOWN
        self._shown: SideView | MeetingView | None = None
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

    def show_side(self, side: SideView) -> None:
        """One person's diagnosis."""
        if side != self._shown:
            self._shown = side
            self._show(side.title, side.word, side.tone, side.sentence, side.term, side.advice)

    def show_meeting(self, meeting: MeetingView) -> None:
        """How they meet."""
        if meeting != self._shown:
            self._shown = meeting
            self._show("Between the two", meeting.word, meeting.tone, meeting.sentence, "", ())

    def _show(
        self, who: str, word: str, tone: Tone, sentence: str, term: str, advice: tuple[str, ...]
    ) -> None:
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
