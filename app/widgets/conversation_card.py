"""One connected peer: who and by which way, the six digits, the chat, files to and fro, and why it is not direct."""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.presenters.peer_talk import PREFERENCES, TalkView
from app.widgets.buttons import Button
from app.widgets.chat_view import ChatView
from app.widgets.choice_box import ChoiceBox
from app.widgets.file_list import FileCalls, FileList
from app.widgets.ladder_card import LadderCard
from app.widgets.load_question import LoadQuestion
from app.widgets.payload_row import PayloadRow
from app.widgets.text import Card, Columns, Text
from app.widgets.theme import Theme
from netstack.model.chat import Payload

STACK_BELOW = 820
MAX_TYPED = 4000


class TalkCalls(NamedTuple):
    """What a conversation starts, each with its number first."""

    say: Callable[[int, str], object]
    pour: Callable[[int, Payload], object]
    choose_files: Callable[[int], object]
    send_files: Callable[[int, tuple[str, ...]], object]
    answer: Callable[[int, int, bool], object]
    pause: Callable[[int, int, bool], object]
    cancel: Callable[[int, int], object]
    reveal: Callable[[str], object]
    disconnect: Callable[[int], object]
    load: Callable[[int, bool], object]
    prefer: Callable[[str, str], object]
    again: Callable[[str], object]
    stop_calling: Callable[[], object]


class ConversationCard(QWidget):
    """Files may be dropped anywhere on it."""

    def __init__(self, theme: Theme, number: int, calls: TalkCalls) -> None:
        super().__init__()
        self._theme = theme
        self._number = number
        self._calls = calls
        self._view: TalkView | None = None
        self._ordered: list[int] = []
        unit = theme.measure.unit
        self.setAcceptDrops(True)

        self._dot = Text(theme, "●")
        self._headline = Text(theme, strong=True, wrap=True)
        self._headline.setObjectName("talk-headline")
        self._path = Text(theme, size="small", role="muted", wrap=True)
        self.chat = ChatView(theme)
        self.entry = QLineEdit()
        self.entry.setObjectName("say")
        self.entry.setMaxLength(MAX_TYPED)
        self.entry.returnPressed.connect(self._say)
        self._send = Button(theme, "Send", self._say, role="primary", hint="Send it (Enter)")
        self._file = Button(
            theme,
            "Files…",
            lambda: calls.choose_files(number),
            icon="export",
            hint="Send files; or drop them here",
        )
        self._bytes = Button(
            theme, "Bytes…", self._toggle_bytes, hint="Send bytes and measure how they travel"
        )
        self._payload = PayloadRow(theme, lambda payload: calls.pour(number, payload))
        self._payload.hide()
        row = QHBoxLayout()
        row.setSpacing(unit)
        row.addWidget(self.entry, 1)
        for button in (self._send, self._file, self._bytes):
            row.addWidget(button)
        talk = Card(theme)
        words = QVBoxLayout()
        words.setSpacing(2)
        title = QHBoxLayout()
        title.setSpacing(unit)
        title.addWidget(self._dot, 0, Qt.AlignmentFlag.AlignTop)
        title.addWidget(self._headline, 1)
        words.addLayout(title)
        words.addWidget(self._path)
        talk.body.addLayout(words)
        talk.body.addWidget(self.chat, 1)
        talk.body.addLayout(row)
        talk.body.addWidget(self._payload)
        self._talk = talk

        self._digits = Text(theme, size="headline", strong=True)
        self._digits.setObjectName("digits")
        self._digits.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._compare = Text(theme, size="small", role="muted", wrap=True)
        self._leave = Button(theme, "Disconnect", lambda: calls.disconnect(number))
        same = Card(theme, "Is it really them?")
        same.body.addWidget(self._digits)
        same.body.addWidget(self._compare)
        same.body.addWidget(self._leave, 0, Qt.AlignmentFlag.AlignLeft)
        self._same = same
        self._over_hint = Text(theme, size="small", role="muted", wrap=True)
        self._again = Button(theme, "Connect again", self._call, role="primary", hint="No code is needed")
        self._stop = Button(theme, "Cancel", calls.stop_calling, icon="stop", hint="Stop calling (Esc)")
        self._put_away = Button(theme, "Put away", lambda: calls.disconnect(number))
        ways_on = QHBoxLayout()
        ways_on.setSpacing(unit)
        for button in (self._again, self._stop, self._put_away):
            ways_on.addWidget(button)
        ways_on.addStretch(1)
        self._over = Card(theme, "And now?")
        self._over.body.addWidget(self._over_hint)
        self._over.body.addLayout(ways_on)
        self._files = FileList(
            theme,
            FileCalls(
                lambda file, accept: calls.answer(number, file, accept),
                lambda file, paused: calls.pause(number, file, paused),
                lambda file: calls.cancel(number, file),
                calls.reveal,
            ),
        )
        self._no_files = Text(theme, "Drop files here to send them.", role="muted", size="small", wrap=True)
        self._files_card = Card(theme, "Files")
        self._files_card.body.addWidget(self._no_files)
        self._files_card.body.addWidget(self._files)
        self._ladder = LadderCard(theme, opened=False)
        self._prefers = ChoiceBox(theme)
        self._prefers.setObjectName("prefers")
        self._prefers.setAccessibleName("Preferred way")
        for value, word in PREFERENCES:
            self._prefers.addItem(word, value)
        self._prefers.activated.connect(self._prefer)
        self._prefers_hint = Text(theme, size="small", role="muted", wrap=True)
        self._way = Card(theme, "Which way first?")
        self._way.body.addWidget(self._prefers, 0, Qt.AlignmentFlag.AlignLeft)
        self._way.body.addWidget(self._prefers_hint)
        self._load = LoadQuestion(theme, lambda yes: calls.load(number, yes))
        side = QWidget()
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2 * unit)
        for card in (self._load, self._over, same, self._files_card, self._way, self._ladder):
            column.addWidget(card)
        column.addStretch(1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(Columns(theme, ((talk, 3), (side, 2)), STACK_BELOW))
        theme.changed.connect(self._dress)

    def show_view(self, view: TalkView) -> None:
        """Shows the conversation as it stands."""
        if view == self._view:
            return
        first = self._view is None or bool(self._view.ended) != bool(view.ended)
        self._view = view
        self._headline.setText(view.ended or view.way)
        self._path.setText(view.path)
        self._digits.setText(view.digits)
        self._digits.setVisible(bool(view.digits))
        self._compare.setText(view.sure)
        self.chat.show_lines(view.lines)
        self._files.show_files(view.files)
        if first or [file.number for file in view.files] != self._ordered:
            self._ordered = [file.number for file in view.files]
            for one, following in pairwise(self.focus_chain()):
                QWidget.setTabOrder(one, following)
        self._no_files.setVisible(not view.files)
        self._ladder.show_view(view.ladder)
        self._load.show_view(view.load)
        self._way.setVisible(bool(view.peer) and not view.ended)
        self._show_over(view)
        self._prefers.setCurrentIndex(self._prefers.findData(view.prefers))
        self._prefers_hint.setText(view.prefers_hint)
        say = f"Say something to {view.name}"  # a guest's name comes after the guest
        self.entry.setPlaceholderText("" if view.ended else say)
        self.entry.setAccessibleName(say)
        self.setAccessibleName(f"Conversation with {view.name}")
        if first:
            over = bool(view.ended)
            for widget in (self.entry, self._send, self._file, self._bytes, self._payload):
                widget.setEnabled(not over)
        self._dress()

    def focus_chain(self) -> list[QWidget]:
        """What the Tab key may stop at, in the order of reading."""
        head: list[QWidget] = [self.entry, self._send, self._file, self._bytes, *self._payload.focus_chain()]
        ways_on = [self._again, self._stop, self._put_away, self._leave]
        return [*head, *ways_on, *self._files.focus_chain(), self._prefers, *self._ladder.focus_chain()]

    def _show_over(self, view: TalkView) -> None:
        """What may be done once it is over."""
        self._over.setVisible(bool(view.ended))
        self._same.setVisible(not view.ended)
        hint = f"Without a code, while {view.name} has the window open, too." if view.again else ""
        self._over_hint.setText(view.calling or hint)
        self._over_hint.setVisible(bool(view.calling or hint))
        self._again.setVisible(view.again and not view.calling)
        self._stop.setVisible(bool(view.calling))

    def _call(self) -> None:
        if self._view is not None:
            self._calls.again(self._view.peer)

    def _prefer(self, _index: int) -> None:
        if self._view is not None:
            self._calls.prefer(self._view.peer, self._prefers.currentData())

    def clear_entry(self) -> None:
        """Takes back what was typed."""
        self.entry.clear()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Takes files, while somebody is there to get them."""
        if self._droppable(event) and self._view is not None and not self._view.ended:
            event.acceptProposedAction()
            self._mark_drop(True)

    def dragLeaveEvent(self, _event: QDragLeaveEvent) -> None:  # noqa: N802
        """The files went elsewhere."""
        self._mark_drop(False)

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Offers what was dropped."""
        self._mark_drop(False)
        paths = tuple(url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile())
        if paths:
            event.acceptProposedAction()
            self._calls.send_files(self._number, paths)

    @staticmethod
    def _droppable(event: QDropEvent) -> bool:
        return any(url.isLocalFile() for url in event.mimeData().urls())

    def _mark_drop(self, marked: bool) -> None:
        for card in (self._talk, self._files_card):
            card.setProperty("role", "drop" if marked else "card")
            card.style().polish(card)

    def _say(self) -> None:
        text = self.entry.text().strip()
        if text:
            self._calls.say(self._number, text)
            self.entry.clear()

    def _toggle_bytes(self) -> None:
        self._payload.setVisible(not self._payload.isVisible())

    def _dress(self) -> None:
        color = self._view.color if self._view is not None else "text"
        self._dot.setStyleSheet(f"color: {self._theme.color(color).name()}")
