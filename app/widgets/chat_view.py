"""What two people said: bubbles with a mark beneath each, the newest in sight."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.presenters.peer_talk import LineView
from app.presenters.tone import Tone
from app.widgets.text import Text
from app.widgets.theme import Theme

MAX_BUBBLES = 200
WIDEST = 0.78
PADDING = 12
LEAST = 260


class ChatView(QScrollArea):
    """Shows lines; those that stay are changed in place."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._bubbles: dict[int, _Bubble] = {}
        self._inner = QWidget()
        self._column = QVBoxLayout(self._inner)
        self._column.setContentsMargins(PADDING, PADDING, PADDING, PADDING)
        self._column.setSpacing(8)
        self._empty = Text(theme, "Say something.", role="muted")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._column.addWidget(self._empty)
        self._column.addStretch(1)
        self.setWidget(self._inner)
        self.setWidgetResizable(True)
        self.setMinimumHeight(LEAST)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Conversation")
        self.setProperty("role", "chat")
        self._inner.setProperty("role", "chat")
        self.verticalScrollBar().rangeChanged.connect(self._follow)
        self._at_end = True
        self.verticalScrollBar().valueChanged.connect(self._moved)

    def show_lines(self, lines: tuple[LineView, ...]) -> None:
        """Shows the last 200."""
        shown = lines[-MAX_BUBBLES:]
        wanted = {line.number for line in shown}
        for number in [number for number in self._bubbles if number not in wanted]:
            bubble = self._bubbles.pop(number)
            self._column.removeWidget(bubble)
            bubble.deleteLater()
        for line in shown:
            known = self._bubbles.get(line.number)
            if known is None:
                known = self._bubbles[line.number] = _Bubble(self._theme, line.side)
                self._column.insertWidget(self._column.count() - 1, known)
            known.show_line(line, self._room())
        self._empty.setVisible(not shown)

    def texts(self) -> list[str]:
        """The words in sight, oldest first."""
        return [bubble.words.text() for bubble in self._bubbles.values()]

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Bubbles grow and shrink with the room."""
        super().resizeEvent(event)
        for bubble in self._bubbles.values():
            bubble.fit(self._room())

    def _room(self) -> int:
        return max(120, round((self.viewport().width() - 2 * PADDING) * WIDEST))

    def _moved(self, value: int) -> None:
        bar = self.verticalScrollBar()
        self._at_end = value >= bar.maximum() - 4

    def _follow(self) -> None:
        """Whoever reads further up is not pulled away."""
        if self._at_end:
            QTimer.singleShot(
                0, self, lambda: self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())
            )


class _Bubble(QWidget):
    """One line: mine on the right, theirs on the left, notes in the middle."""

    def __init__(self, theme: Theme, side: str) -> None:
        super().__init__()
        self._theme = theme
        self._side = side
        self._line: LineView | None = None
        self._tone = Tone.PLAIN
        self._frame = QFrame()
        self._frame.setObjectName("bubble")
        self.words = Text(theme, wrap=True)
        self.words.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.words.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._mark = Text(theme, size="small", wrap=True)
        inner = QVBoxLayout(self._frame)
        inner.setContentsMargins(PADDING, 8, PADDING, 8)
        inner.setSpacing(2)
        inner.addWidget(self.words)
        inner.addWidget(self._mark)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        if side != "theirs":
            row.addStretch(1)
        row.addWidget(self._frame)
        if side != "mine":
            row.addStretch(1)
        theme.changed.connect(self._dress)
        self._dress()

    def show_line(self, line: LineView, room: int) -> None:
        if line == self._line:
            return
        self._line = line
        self.words.setText(line.text)
        self._mark.setText(line.mark)
        self._mark.setVisible(bool(line.mark))
        self.setToolTip(line.exact)
        who = {"mine": "You", "theirs": "They", "note": ""}[line.side]
        self.setAccessibleName(f"{who}: {line.text}. {line.mark}")
        if line.tone is not self._tone:
            self._tone = line.tone
            self._dress()
        self.fit(room)

    def fit(self, room: int) -> None:
        """As wide as the longest line, and no wider than the room."""
        room -= 2 * PADDING + 2
        widest = 1
        for label in (self.words, self._mark):
            metrics = label.fontMetrics()
            widest = max(
                widest, *(metrics.horizontalAdvance(part) for part in (label.text() or " ").split("\n"))
            )
        width = min(room, widest + 4)
        for label in (self.words, self._mark):
            label.setFixedWidth(width)

    def _dress(self) -> None:
        theme = self._theme
        ground = theme.color("accent", 0.13) if self._side == "mine" else theme.color("text", 0.06)
        edge = theme.color("accent", 0.3) if self._side == "mine" else theme.color("line")
        if self._side == "note":
            style = "border: none; background: transparent;"
        else:
            style = f"border: 1px solid {edge.name()}; border-radius: 10px; background: {ground.name()};"
        self._frame.setStyleSheet(f"#bubble {{ {style} }}")
        tone = "muted" if self._tone in {Tone.PLAIN, Tone.UNKNOWN} else self._tone
        self._mark.setStyleSheet(f"color: {theme.color(tone).name()}")
