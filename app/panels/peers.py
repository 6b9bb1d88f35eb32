"""The Peers page: meet somebody by a code, see by which way, talk, and send files."""

import time
from typing import NamedTuple

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.actions import Action
from app.presenters.peer_code import is_invitation
from app.presenters.peer_talk import talk_text
from app.presenters.peers import PeersView, present
from app.widgets.conversation_card import ConversationCard, TalkCalls
from app.widgets.guest_card import GuestCalls, GuestCard
from app.widgets.invite_card import InviteCalls, InviteCard
from app.widgets.join_card import JoinCard
from app.widgets.known_list import KnownCalls, KnownList
from app.widgets.ladder_card import LadderCard
from app.widgets.meeting_settings import MeetingSettings, SettingsCalls
from app.widgets.notice import Notice
from app.widgets.page import Page
from app.widgets.text import Columns
from app.widgets.theme import Theme
from app.widgets.way_question import WayQuestion
from netstack.model.peers import PeersState
from netstack.model.snapshot import Snapshot

STACK_BELOW = 860


class PeersActions(NamedTuple):
    """What the page can start.

    `by_hand` invites without a server, `reply` takes the text that came back. `guest` makes a link
    for a browser and takes the server that serves the page, `guest_page` writes that to a path. `join` takes a code and
    ways; `reconnect` and `forget` a peer; `ways` the ways to meet; `name` ours; `hide` whether our address is,
    `open_ports` whether the router may open some, `mailboxes` whether we keep some, `metered` a network and whether it costs, `reachable` whether known peers may call, `prefer` a peer and a
    transport (empty: the best). The others
    take a conversation's number first, then: `say` a text, `pour` a payload, `send_files` paths, `answer` a file
    and whether, `pause` a file and whether, `cancel` a file, `load` whether it may measure.
    """

    invite: Action
    by_hand: Action
    reply: Action
    guest: Action
    guest_page: Action
    join: Action
    reconnect: Action
    ways: Action
    name: Action
    hide: Action
    open_ports: Action
    mailboxes: Action
    metered: Action
    reachable: Action
    say: Action
    pour: Action
    send_files: Action
    answer: Action
    pause: Action
    cancel: Action
    disconnect: Action
    load: Action
    prefer: Action
    forget: Action
    undo: Action


class PeersPage(Page):
    """Whoever is connected comes first; beneath, how to meet somebody else. `first`: before the engine tells."""

    key = "peers"
    title = "Peers"
    icon = "peers"

    def __init__(self, theme: Theme, actions: PeersActions, first: PeersState | None = None) -> None:
        super().__init__(theme)
        self._theme = theme
        self._actions = actions
        self._snapshot = Snapshot(peers=first or PeersState())
        self._view: PeersView | None = None
        self._asking = False
        self._front: int | None = None
        self._cards: dict[int, ConversationCard] = {}
        self._choosers: dict[int, QPushButton] = {}
        self._dialog: QFileDialog | None = None
        unit = theme.measure.unit

        self._notice = Notice(theme)
        self._choosing = QWidget()
        self._chooser_row = QHBoxLayout(self._choosing)
        self._chooser_row.setContentsMargins(0, 0, 0, 0)
        self._chooser_row.setSpacing(unit)
        self._chooser_row.addStretch(1)
        self._talks = QVBoxLayout()
        self.invite = InviteCard(
            theme,
            InviteCalls(self.start, actions.by_hand.run, actions.reply.run, self._withdraw, self.said.emit),
        )
        self.join = JoinCard(theme, self._join, actions.join.cancel, self.said.emit)
        self._question = WayQuestion(theme, self._answered, self._not_now)
        self._settings = MeetingSettings(
            theme,
            SettingsCalls(
                actions.name.run,
                actions.hide.run,
                actions.open_ports.run,
                actions.mailboxes.run,
                self._ask_again,
                actions.metered.run,
            ),
        )
        self._meet = Columns(theme, ((self.invite, 1), (self.join, 1)), STACK_BELOW)
        self.guests = GuestCard(
            theme,
            GuestCalls(actions.guest.run, actions.guest.cancel, self._save_guest_page, self.said.emit),
        )
        self._failed = LadderCard(theme, opened=True)
        self._known = KnownList(
            theme,
            KnownCalls(
                actions.reconnect.run,
                actions.reconnect.cancel,
                actions.forget.run,
                actions.undo.run,
                actions.reachable.run,
            ),
        )
        self._calls = TalkCalls(
            say=actions.say.run,
            pour=actions.pour.run,
            choose_files=self._choose_files,
            send_files=actions.send_files.run,
            answer=actions.answer.run,
            pause=actions.pause.run,
            cancel=actions.cancel.run,
            reveal=self._reveal,
            disconnect=actions.disconnect.run,
            load=actions.load.run,
            prefer=actions.prefer.run,
            again=actions.reconnect.run,
            stop_calling=actions.reconnect.cancel,
        )
        for widget in (self._notice, self._choosing):
            self.content.addWidget(widget)
        self.content.addLayout(self._talks)
        for widget in (
            self._question,
            self._meet,
            self._settings,
            self._failed,
            self.guests,
            self._known,
        ):
            self.content.addWidget(widget)
        self.content.addStretch(1)
        self._question.hide()
        for action in actions:
            action.changed.connect(self._refresh)
        theme.changed.connect(self._redress)
        self._refresh()
        self.setFocusProxy(self.invite.begin)

    def show_snapshot(self, snapshot: Snapshot, now_s: float) -> None:
        """Presents the state anew; widgets change what changed."""
        if snapshot.version:  # else the engine is not up yet
            self._snapshot = snapshot
        snapshot = self._snapshot
        self.show_view(present(snapshot, time.time()))

    def show_view(self, view: PeersView) -> None:
        """Shows the page as presented."""
        actions = self._actions
        self._notice.say(next((action.failure for action in actions if action.failure), ""))
        self._known.show_known(view.known, view.undo, busy=actions.reconnect.busy, reachable=view.reachable)
        if view == self._view:
            return
        if self.headline.text() != view.headline or self._view is None:
            self.summary = view.title
            self.titled.emit()
        self._view = view
        self.headline.setText(view.headline)
        self.subline.setText(view.subline)
        self.invite.show_view(view.invite)
        self.join.show_view(view.joining, view.partner, view.partner_code)
        self._failed.show_view(view.failed)
        self.guests.show_view(view.guests)
        self._show_talks(view)
        self._settings.show_view(
            view,
            changing=any(
                each.busy for each in (actions.hide, actions.open_ports, actions.mailboxes, actions.metered)
            ),
        )

    def start(self) -> None:
        """Makes a code; the first time it asks how to meet."""
        if self._actions.invite.busy or self._actions.by_hand.busy or self._asking:
            return
        if self._view is not None and not self._view.asked:
            self._ask()
        else:
            self._actions.invite.run()

    def stop(self) -> None:
        """Cancels what runs; otherwise takes back what was typed."""
        actions = self._actions
        cancellable = (actions.invite, actions.by_hand, actions.guest, actions.join, actions.reconnect)
        running = [action for action in cancellable if action.busy]
        for action in running:
            action.cancel()
        if self._asking:
            self._not_now()
        elif not running:
            self.join.clear()

    def copy(self) -> None:
        """Copies the code while there is one, else the conversation in front."""
        talk = (
            None
            if self._view is None
            else next((t for t in self._view.talks if t.number == self._front), None)
        )
        if self._view is not None and (self._view.invite.code or self._view.invite.paste):
            self.invite.copy()
        elif talk is not None:
            QApplication.clipboard().setText(talk_text(talk))
            self.said.emit("Copied the conversation")

    def fill_in(self, text: str) -> None:
        """A link that somebody opened: fills in the form, and starts nothing."""
        self._not_now()
        self.join.fill_in(text)

    def _withdraw(self) -> None:
        self._actions.invite.cancel()
        self._actions.by_hand.cancel()

    def _show_talks(self, view: PeersView) -> None:
        wanted = {talk.number for talk in view.talks}
        for number in [number for number in self._cards if number not in wanted]:
            for widget in (self._cards.pop(number), self._choosers.pop(number)):
                widget.hide()
                widget.deleteLater()
        for talk in view.talks:
            if talk.number not in self._cards:
                card = self._cards[talk.number] = ConversationCard(self._theme, talk.number, self._calls)
                self._talks.addWidget(card)
                self._choosers[talk.number] = self._chooser(talk.number)
                self._front = talk.number
                self.join.clear()
                card.entry.setFocus()
            self._cards[talk.number].show_view(talk)
            chooser = self._choosers[talk.number]
            chooser.setText(f"  {talk.name}{' (left)' if talk.ended else ''}  ")
            chooser.setAccessibleName(talk.headline)
        if self._front not in self._cards:
            self._front = max(self._cards, default=None)
        self._bring_to_front()

    def _chooser(self, number: int) -> QPushButton:
        button = QPushButton()
        button.setProperty("role", "nav")
        button.setCheckable(True)
        button.setAutoExclusive(True)
        button.clicked.connect(lambda: self._choose(number))
        self._chooser_row.insertWidget(self._chooser_row.count() - 1, button)
        return button

    def _choose(self, number: int) -> None:
        self._front = number
        self._bring_to_front()

    def _bring_to_front(self) -> None:
        self._choosing.setVisible(len(self._cards) > 1)
        for number, card in self._cards.items():
            card.setVisible(number == self._front)
            self._choosers[number].setChecked(number == self._front)

    def _join(self, code: str, ways: tuple[str, ...]) -> None:
        if not ways and not is_invitation(code) and self._view is not None and not self._view.asked:
            self._ask()
        else:
            self._actions.join.run(code, ways)

    def _ask(self) -> None:
        if self._view is not None:
            self._asking = True
            self._question.ask(self._view.choice)
            self._question.show()
            self._meet.hide()

    def _ask_again(self) -> None:
        self._ask()

    def _not_now(self) -> None:
        self._asking = False
        self._question.hide()
        self._meet.show()

    def _answered(self, ways: tuple[str, ...]) -> None:
        first = self._view is not None and not self._view.asked
        self._not_now()
        self._actions.ways.run(ways)
        if first and not self.join.entry.text():
            self._actions.invite.run()

    def _save_guest_page(self) -> None:
        if self._dialog is not None:
            return
        self._dialog = QFileDialog(self, "Save the guest's page", "join-me.html", "Web page (*.html)")
        self._dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        self._dialog.fileSelected.connect(self._actions.guest_page.run)
        self._dialog.finished.connect(self._forget_dialog)
        self._dialog.open()

    def _choose_files(self, number: int) -> None:
        if self._dialog is not None:
            return
        self._dialog = QFileDialog(self, "Send files")
        self._dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        self._dialog.filesSelected.connect(lambda paths: self._actions.send_files.run(number, tuple(paths)))
        self._dialog.finished.connect(self._forget_dialog)
        self._dialog.open()

    def _forget_dialog(self) -> None:
        if self._dialog is not None:
            self._dialog.deleteLater()
            self._dialog = None

    def _reveal(self, place: str) -> None:
        """Opens the folder, never the file: what came is not run by a click."""
        folder = place.replace("\\", "/").rpartition("/")[0]
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(folder)):
            QApplication.clipboard().setText(place)
            self.said.emit(f"Copied {place}")

    def _refresh(self) -> None:
        self.show_snapshot(self._snapshot, 0.0)

    def _redress(self) -> None:
        self._view = None
        self._refresh()
