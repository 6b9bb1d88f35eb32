"""A page: a headline that answers its question, what can be pressed beside it, and the detail beneath."""

from typing import ClassVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QScrollArea, QVBoxLayout, QWidget

from app.widgets.text import Text
from app.widgets.theme import Theme
from netstack.model.snapshot import Snapshot

SCROLL_BAR = 12
STACK_BELOW = 720
WORDS_LEAST = 330


class Page(QWidget):
    """What the window asks of every page. `said`: a short word for the status bar; `titled`: `summary` changed."""

    key: ClassVar[str]
    title: ClassVar[str]
    icon: ClassVar[str]
    said = Signal(str)
    titled = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.summary = self.title
        self.setProperty("role", "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(self.title)
        unit = theme.measure.unit
        self.headline = Text(theme, size="headline", strong=True, wrap=True)
        self.headline.setObjectName("headline")
        self.subline = Text(theme, role="muted", wrap=True)
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(unit)
        self._progress = QProgressBar()
        self._progress.setRange(0, 1000)
        self._progress.setTextVisible(False)
        self._progress.setAccessibleName("Progress")
        keep = self._progress.sizePolicy()
        keep.setRetainSizeWhenHidden(True)
        self._progress.setSizePolicy(keep)
        self._progress.hide()

        self._words = QWidget()
        words = QVBoxLayout(self._words)
        words.setContentsMargins(0, 0, 0, 0)
        words.setSpacing(2)
        words.addWidget(self.headline)
        words.addWidget(self.subline)
        words.addStretch(1)
        self._head = QHBoxLayout()
        self._head.setSpacing(2 * unit)
        self._head.addWidget(self._words, 1)
        self._head.addLayout(self.buttons)
        self._head.setAlignment(self.buttons, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        top = QVBoxLayout()
        top.setContentsMargins(0, 0, 0, 0)
        top.setSpacing(unit)
        top.addLayout(self._head)
        top.addWidget(self._progress)

        self.content = QVBoxLayout()
        self.content.setSpacing(2 * unit)
        self.content.setContentsMargins(0, 0, 0, 3 * unit)
        inner = QWidget()
        inner.setProperty("role", "page")
        inner.setLayout(self.content)
        scroll = QScrollArea()
        scroll.setProperty("role", "page")
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # Its place is always kept, or the page would jump when it comes; disabled it is not seen.
        scroll.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        bar = scroll.verticalScrollBar()
        bar.rangeChanged.connect(lambda least, most: bar.setEnabled(most > least))
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(_centred(inner, theme, left=3 * unit, right=3 * unit - SCROLL_BAR))
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 2 * unit, 0, 0)
        whole.setSpacing(unit)
        box = QWidget()
        box.setLayout(top)
        whole.addWidget(_centred(box, theme, left=3 * unit, right=3 * unit))
        whole.addWidget(scroll, 1)
        self.titled.connect(self._arrange_head)

    def keep_headline_lines(self, lines: int) -> None:
        """Keeps the place of so many lines, so that another sentence moves nothing."""
        below = self.subline.sizeHint().height() + 2
        self._words.setMinimumHeight(lines * self.headline.fontMetrics().lineSpacing() + below)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Puts the buttons below the headline when there is little room."""
        self._arrange_head()
        super().resizeEvent(event)

    def _arrange_head(self) -> None:
        """Also when other buttons are shown: none may be cut off."""
        narrow = self.width() < max(STACK_BELOW, self.buttons.sizeHint().width() + WORDS_LEAST)
        direction = QHBoxLayout.Direction.TopToBottom if narrow else QHBoxLayout.Direction.LeftToRight
        if self._head.direction() is not direction:
            self._head.setDirection(direction)

    def show_progress(self, share: float | None) -> None:
        """None hides the bar and keeps its place."""
        self._progress.setVisible(share is not None)
        self._progress.setValue(round(1000 * (share or 0.0)))

    def show_snapshot(self, snapshot: Snapshot, now_s: float) -> None:
        """Shows the state at `now_s` (monotonic seconds). Called often: change only what changed."""
        raise NotImplementedError

    def start(self) -> None:
        """What F5 does."""

    def stop(self) -> None:
        """What Escape does."""

    def copy(self) -> None:
        """What Ctrl+C does."""

    def export(self) -> None:
        """What Ctrl+S does."""


def _centred(inner: QWidget, theme: Theme, *, left: int, right: int) -> QWidget:
    inner.setMaximumWidth(theme.measure.content_max)
    outer = QWidget()
    outer.setProperty("role", "page")
    row = QHBoxLayout(outer)
    row.setContentsMargins(left, 0, right, 0)
    row.addWidget(inner, 1000)
    row.addStretch(1)
    return outer
