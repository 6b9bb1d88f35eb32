"""One finding: what, what to do, and behind buttons why, how, and a text to send."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.presenters.check import FindingView
from app.presenters.tone import Tone
from app.widgets.text import Card, Text
from app.widgets.theme import Theme

GLYPH = 20
CHEVRON = 14


class FindingCard(Card):
    """`retest(str)`: look at this rule again. `copied(str, str)`: a text for the clipboard, and its name."""

    retest = Signal(str)
    copied = Signal(str, str)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._theme = theme
        self._view: FindingView | None = None
        self._glyph = QLabel()
        self._glyph.setFixedSize(GLYPH, GLYPH)
        self._title = Text(theme, strong=True, wrap=True)
        self._again = QPushButton("Look again")
        self._again.setProperty("role", "link")
        self._again.setAutoDefault(False)
        self._again.setToolTip("Measures only what settles this, and judges anew")
        self._again.clicked.connect(lambda: self._view and self.retest.emit(self._view.rule))
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(self._glyph, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(self._title, 1)
        head.addWidget(self._again, 0, Qt.AlignmentFlag.AlignTop)
        self._remedy = Text(theme, wrap=True)
        self._why = Fold(theme, "Why")
        self._how = Fold(theme, "Step by step")
        self._letter = Fold(theme, "A text to send")
        self._letter_text = Text(theme, wrap=True)
        self._letter_text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._copy = QPushButton(" Copy this text")
        self._copy.setAutoDefault(False)
        self._copy.clicked.connect(self._copy_letter)
        buttons = QHBoxLayout()
        buttons.addWidget(self._copy)
        buttons.addStretch(1)
        self._letter.body.addWidget(self._letter_text)
        self._letter.body.addLayout(buttons)
        words = QVBoxLayout()
        words.setContentsMargins(GLYPH + 12, 0, 0, 0)
        words.setSpacing(theme.measure.unit)
        words.addWidget(self._remedy)
        for fold in (self._why, self._how, self._letter):
            words.addWidget(fold)
        self.body.addLayout(head)
        self.body.addLayout(words)
        theme.changed.connect(self._dress)

    def show_view(self, view: FindingView, *, busy: bool) -> None:
        """Shows the finding; what was folded out stays so."""
        self._again.setText("Looking…" if view.retesting else "Look again")
        self._again.setEnabled(not busy)
        self._again.setAccessibleName(f"Look again: {view.title}")
        if view == self._view:
            return
        first, self._view = self._view is None, view
        self._title.setText(view.title)
        self._remedy.setText(view.remedy)
        self._why.show_lines(("", view.evidence))
        self._how.show_lines(*((steps.system, steps.lines) for steps in view.steps))
        self._letter.name(view.letter_title)
        self._letter.setVisible(bool(view.letter))
        self._letter_text.setText(view.letter)
        if first and view.tone is Tone.BAD:
            self._why.open(True)
        self.setAccessibleName(f"{view.kind}: {view.title}")
        self._dress()

    def _copy_letter(self) -> None:
        if self._view is not None:
            self.copied.emit(self._view.letter_whole, self._view.letter_title)

    def _dress(self) -> None:
        if self._view is None:
            return
        self._glyph.setPixmap(self._theme.pixmap(self._view.tone, self._view.tone, GLYPH))
        self._glyph.setToolTip(self._view.kind)
        self._copy.setIcon(self._theme.icon("copy", size=16))
        self._copy.setIconSize(QSize(16, 16))


class Fold(QWidget):
    """A button that shows and hides what stands in `body`."""

    def __init__(self, theme: Theme, title: str) -> None:
        super().__init__()
        self._theme = theme
        self._shown: tuple[tuple[str, tuple[str, ...]], ...] = ()
        self._button = QPushButton()
        self._button.setProperty("role", "link")
        self._button.setCheckable(True)
        self._button.setAutoDefault(False)
        self._button.setIconSize(QSize(CHEVRON, CHEVRON))
        self._button.toggled.connect(self._toggled)
        self._frame = QFrame()
        self._frame.setProperty("role", "sunken")
        self._frame.hide()
        self.body = QVBoxLayout(self._frame)
        self.body.setContentsMargins(12, 10, 12, 10)
        self.body.setSpacing(6)
        row = QHBoxLayout()
        row.addWidget(self._button)
        row.addStretch(1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(4)
        whole.addLayout(row)
        whole.addWidget(self._frame)
        self.name(title)
        theme.changed.connect(self._dress)
        self._dress()

    def name(self, title: str) -> None:
        """What the button says."""
        self._button.setText(f" {title}")
        self._button.setAccessibleName(title)

    def open(self, is_open: bool) -> None:
        """Shows or hides the body."""
        self._button.setChecked(is_open)

    def show_lines(self, *parts: tuple[str, tuple[str, ...]]) -> None:
        """Fills the body with lines, each part under its name; without lines, the fold is hidden."""
        parts = tuple(part for part in parts if part[1])
        self.setVisible(bool(parts))
        if parts == self._shown:
            return
        self._shown = parts
        while item := self.body.takeAt(0):
            if widget := item.widget():
                widget.hide()
                widget.deleteLater()
        for name, lines in parts:
            if name:
                self.body.addSpacing(6 if self.body.count() else 0)
                self.body.addWidget(Text(self._theme, name, size="small", strong=True))
            for number, line in enumerate(lines, 1):
                mark = f"{number}. " if name and len(lines) > 1 else ""
                text = Text(self._theme, mark + line, wrap=True)
                text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                self.body.addWidget(text)

    def _toggled(self, is_open: bool) -> None:
        self._frame.setVisible(is_open)
        self._dress()

    def _dress(self) -> None:
        icon = "chevron" if self._button.isChecked() else "chevron-right"
        self._button.setIcon(self._theme.icon(icon, "accent", CHEVRON))
