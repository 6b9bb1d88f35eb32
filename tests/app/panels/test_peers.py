"""The Peers page: what its buttons start, what it asks first, and that what a peer says is only shown."""

import asyncio
import time
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent, QImage, QKeySequence, QPainter
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QLabel, QLineEdit, QPushButton, QWidget

from app.actions import Actions
from app.panels.peers import PeersActions, PeersPage
from app.widgets.conversation_card import ConversationCard
from app.widgets.qr_code import QrCode
from app.widgets.theme import Choice, Theme
from netstack.core.paste_invitation import PasteInvitation
from netstack.errors import NetError
from netstack.model.chat import ChatLine, FileReport, FileState, LineKind, Mark, Pattern, Payload
from netstack.model.guest import GuestInvitation, GuestState
from netstack.model.meeting import Way, WayHealth, WayState
from netstack.model.network_cost import NetworkCost, ToldBy
from netstack.model.peers import (
    CallState,
    Conversation,
    InvitationState,
    KnownPeer,
    MailboxesState,
    PeersState,
    Stage,
)
from netstack.model.session import Mode, Priority, TransportKind
from netstack.model.snapshot import Snapshot

CODE = "482915-amber-walnut-kayak"
LINK = f"peerscope:join?code={CODE}"
BROKER = "mqtts://broker.example:8883"
OPEN = PeersState(
    ways=("lan",),
    invitation=InvitationState(
        Stage.FINDING, CODE, LINK, 600, 0, (WayHealth(Way.LAN, "lan", WayState.READY, "ready"),)
    ),
)


def line(number: int, text: str, *, mine: bool = False) -> ChatLine:
    mark = Mark.DELIVERED if mine else Mark.RECEIVED
    return ChatLine(number=number, at_s=0.0, kind=LineKind.TEXT, mine=mine, text=text, mark=mark)


def talk(number: int = 1, **changes: object) -> Conversation:
    values: dict[str, object] = {
        "number": number,
        "peer": "0123 4567 89ab cdef",
        "name": "Ana",
        "transport": "udp",
        "kind": "direct",
        "remote": "203.0.113.7:4000",
        "path": "1/0",
        "digits": "482193",
        "connect_s": 0.25,
        "since_s": 0.0,
    }
    return Conversation(**(values | changes))  # type: ignore[arg-type]


class Bench:
    """A page whose actions write down what they were asked; `gate` holds invitations open."""

    def __init__(self, qapp: QApplication) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.gate = asyncio.Event()
        self.refusal: Exception | None = None
        self.actions = Actions()
        self.page = PeersPage(
            Theme(qapp, Choice.LIGHT),
            PeersActions(**{name: self.actions.add(name, self.work(name)) for name in PeersActions._fields}),
        )
        self.page.resize(1100, 1000)

    def work(self, name: str):
        async def run(*arguments: object) -> None:
            self.asked.append((name, *arguments))
            if self.refusal is not None:
                raise self.refusal
            if name in {"invite", "by_hand", "join", "reconnect"}:
                try:
                    await self.gate.wait()
                except asyncio.CancelledError:
                    self.asked.append((f"{name} cancelled",))
                    raise

        return run

    def show(self, state: PeersState) -> None:
        self.page.show_snapshot(Snapshot(version=1, peers=state), time.monotonic())

    def button(self, name: str) -> QPushButton:
        found = [
            b for b in self.page.findChildren(QPushButton) if b.accessibleName() == name and b.isVisible()
        ]
        assert len(found) == 1, (name, [b.accessibleName() for b in self.page.findChildren(QPushButton)])
        return found[0]

    def shown(self) -> list[str]:
        return [
            label.text() for label in self.page.findChildren(QLabel) if label.isVisible() and label.text()
        ]


async def settle() -> None:
    for _ in range(8):
        await asyncio.sleep(0)


@pytest.fixture
def bench(qapp, qtbot) -> Bench:
    bench = Bench(qapp)
    qtbot.addWidget(bench.page)
    bench.page.show()
    return bench


async def test_the_first_invitation_asks_how_to_meet_and_goes_on(bench: Bench) -> None:
    bench.show(PeersState(brokers=(BROKER,)))
    bench.button("Make a code").click()
    await settle()
    assert bench.asked == []
    assert "How do you want to meet?" in bench.shown()
    bench.button("Use it").click()
    await settle()
    assert bench.asked == [("ways", (BROKER, "lan")), ("invite",)]
    assert "How do you want to meet?" not in bench.shown()
    bench.page.stop()
    await settle()
    assert bench.asked[-1] == ("invite cancelled",)
    await bench.actions.stop()


async def test_an_own_server_that_is_none_is_told_there(bench: Bench, qtbot) -> None:
    bench.show(PeersState(brokers=(BROKER,)))
    bench.page.start()
    own = bench.page.findChild(QLineEdit, "own-server")
    qtbot.keyClicks(own, "https://meet.example")
    qtbot.keyClick(own, Qt.Key.Key_Return)
    await settle()
    assert bench.asked == []
    assert any("no way to meet" in text for text in bench.shown())
    own.clear()
    qtbot.keyClicks(own, "wss://meet.example")
    qtbot.keyClick(own, Qt.Key.Key_Return)
    await settle()
    assert bench.asked == [("ways", ("wss://meet.example:443",)), ("invite",)]
    await bench.actions.stop()


async def test_an_open_invitation_is_read_copied_and_withdrawn(bench: Bench) -> None:
    bench.show(PeersState(ways=("lan",)))
    bench.page.start()
    await settle()
    bench.show(OPEN)
    shown = bench.shown()
    assert "482 915" in shown
    assert "amber  walnut  kayak" in shown
    assert "This network" in shown
    bench.page.copy()
    assert QApplication.clipboard().text() == CODE
    bench.button("Copy link").click()
    assert QApplication.clipboard().text() == LINK
    bench.button("Cancel").click()
    await settle()
    assert bench.asked == [("invite",), ("invite cancelled",)]
    bench.show(PeersState(ways=("lan",)))
    assert "482 915" not in bench.shown()
    await bench.actions.stop()


def drop(on: QWidget, data: QMimeData) -> None:
    for make in (QDragEnterEvent, QDropEvent):
        place = QPointF(5, 5) if make is QDropEvent else QPoint(5, 5)
        event = make(
            place, Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        )
        QApplication.sendEvent(on, event)


async def test_an_invitation_without_a_server_is_made_saved_and_answered(
    bench: Bench, tmp_path: Path
) -> None:
    text = PasteInvitation.make(b"k" * 16, b"addresses", time.time()).text
    bench.show(PeersState())
    bench.button("Without any server").click()
    await settle()
    assert bench.asked == [("by_hand",)]  # no way to meet was asked for
    bench.show(PeersState(invitation=InvitationState(stage=Stage.FINDING, paste=text, left_s=500)))
    assert "Good for 8:20 minutes more" in bench.shown()
    bench.button("Copy invitation").click()
    assert QApplication.clipboard().text() == text
    bench.page.invite._slip.save(str(tmp_path / "invitation.txt"))
    assert (tmp_path / "invitation.txt").read_text() == text + "\n"
    assert not bench.button("Connect").isEnabled()
    data = QMimeData()
    data.setText("peerscope-reply. abc\ndef")
    drop(bench.page.invite, data)
    await settle()
    assert bench.asked[-1] == ("reply", "peerscope-reply. abc def")
    bench.button("Cancel").click()
    await settle()
    assert bench.asked[-1] == ("by_hand cancelled",)
    await bench.actions.stop()


async def test_an_invitation_is_dropped_as_a_file_joined_and_answered(bench: Bench, tmp_path: Path) -> None:
    text = PasteInvitation.make(b"k" * 16, b"addresses", time.time()).text
    place = tmp_path / "invitation.txt"
    place.write_text(text + "\n")
    said: list[str] = []
    bench.page.said.connect(said.append)
    bench.show(PeersState())
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(place))])
    drop(bench.page.join, data)
    assert bench.asked == []
    bench.button("Join").click()
    await settle()
    assert bench.asked == [("join", text, ())]
    bench.show(PeersState(joining=CallState(stage=Stage.CONNECTING, reply="peerscope-reply.abc")))
    bench.button("Copy reply").click()
    assert QApplication.clipboard().text() == "peerscope-reply.abc"
    place.write_bytes(b"x" * 5000)
    drop(bench.page.join, data)
    assert said[-1].startswith("invitation.txt holds no invitation")
    await bench.actions.stop()


def photo_of(code: QrCode) -> QImage:
    """As a phone takes it: larger, askew, with a frame around it, not quite sharp."""
    picture = QImage(900, 700, QImage.Format.Format_RGB32)
    picture.fill(QColor("#7a6a55"))
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.translate(250, 60)
    painter.rotate(11)
    painter.drawPixmap(0, 0, code.grab().scaledToWidth(430, Qt.TransformationMode.SmoothTransformation))
    painter.end()
    return picture.scaledToWidth(700, Qt.TransformationMode.SmoothTransformation)


async def test_a_picture_of_a_code_fills_in_the_form_and_starts_nothing(
    bench: Bench, qtbot, tmp_path: Path
) -> None:
    bench.show(OPEN)
    picture = photo_of(bench.page.invite._qr)
    entry, said = bench.page.join.entry, []
    bench.page.said.connect(said.append)
    place = tmp_path / "photo.jpg"
    assert picture.save(str(place))

    def dropped_file() -> None:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(place))])
        drop(bench.page.join, data)

    def dropped_picture() -> None:
        data = QMimeData()
        data.setImageData(picture)
        drop(bench.page.join, data)

    def pasted() -> None:
        QApplication.clipboard().setImage(picture)
        qtbot.keySequence(entry, QKeySequence.StandardKey.Paste)

    for how in (dropped_file, dropped_picture, pasted, lambda: bench.page.join._drop.take_file(str(place))):
        entry.clear()
        how()
        assert entry.text() == LINK
        assert bench.page.join.button.isEnabled()
    assert (bench.asked, said) == ([], [])
    picture.fill(QColor("white"))
    entry.clear()
    pasted()
    assert entry.text() == ""
    assert said[-1].startswith("The picture holds no invitation")
    QApplication.clipboard().setText("a text is pasted as ever")
    qtbot.keySequence(entry, QKeySequence.StandardKey.Paste)
    assert entry.text() == "a text is pasted as ever"
    await bench.actions.stop()


async def test_a_code_is_typed_corrected_and_joined_by_keys(bench: Bench, qtbot) -> None:
    bench.show(PeersState(ways=("lan",)))
    entry = bench.page.join.entry
    assert not bench.page.join.button.isEnabled()
    qtbot.keyClicks(entry, "482915 amber walnut kayk")
    bench.button(f"Did you mean {CODE}?").click()
    assert entry.text() == CODE
    qtbot.keyClick(entry, Qt.Key.Key_Return)
    await settle()
    assert bench.asked == [("join", CODE, ())]
    await bench.actions.stop()


async def test_a_link_only_fills_in_the_form(bench: Bench) -> None:
    bench.show(PeersState())
    bench.page.fill_in(f"{LINK}&via=wss://meet.example:443")
    await settle()
    assert bench.asked == []
    assert any("Nothing happens before you press Join" in text for text in bench.shown())
    bench.button("Join").click()
    await settle()
    assert bench.asked == [("join", CODE, ("wss://meet.example:443",))]
    await bench.actions.stop()


async def test_what_fails_is_one_sentence_on_the_page(bench: Bench, expected_logs) -> None:
    expected_logs("invite failed")
    bench.show(PeersState(ways=("lan",)))
    bench.refusal = NetError(NetError.Reason.UNREACHABLE)
    bench.page.start()
    await settle()
    assert NetError(NetError.Reason.UNREACHABLE).sentence in bench.shown()
    await bench.actions.stop()


async def test_words_bytes_and_files_go_to_the_peer_in_front(bench: Bench, qtbot, tmp_path: Path) -> None:
    bench.show(PeersState(ways=("lan",), conversations=(talk(1), talk(2, name="Ben", path="2/0"))))
    cards = [card for card in bench.page.findChildren(ConversationCard) if card.isVisible()]
    assert len(cards) == 1
    card = cards[0]
    qtbot.keyClicks(card.entry, " hello ")
    qtbot.keyClick(card.entry, Qt.Key.Key_Return)
    assert card.entry.text() == ""
    bench.button("Bytes…").click()
    card._payload.size_box.setCurrentText("1.5 MB")
    bench.button("Send bytes").click()
    path = tmp_path / "a.txt"
    path.write_text("a", "utf-8")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)), QUrl("https://example.org/x")])
    action, nothing = Qt.DropAction.CopyAction, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(5, 5), action, data, Qt.MouseButton.LeftButton, nothing)
    card.dragEnterEvent(enter)
    assert enter.isAccepted()
    card.dropEvent(QDropEvent(QPoint(5, 5), action, data, Qt.MouseButton.LeftButton, nothing))
    await settle()
    assert bench.asked == [
        ("say", 2, "hello"),
        ("pour", 2, Payload(1_500_000, Pattern.COUNTING, Priority.REALTIME, Mode.ORDERED, True)),
        ("send_files", 2, (str(path),)),
    ]
    poured = bench.asked[1][2]
    assert isinstance(poured, Payload)
    assert [type(value) for value in (poured.pattern, poured.priority, poured.mode)] == [
        Pattern,
        Priority,
        Mode,
    ]
    await bench.actions.stop()


async def test_a_file_is_asked_about_paused_and_cancelled(bench: Bench) -> None:
    offered = FileReport(number=5, name="a.pdf", size_bytes=10, mine=False, state=FileState.OFFERED)
    bench.show(PeersState(ways=("lan",), conversations=(talk(files=(offered,)),)))
    bench.button("Accept a.pdf").click()
    await settle()
    moving = msgspec.structs.replace(offered, state=FileState.MOVING, moved_bytes=5)
    bench.show(PeersState(ways=("lan",), conversations=(talk(files=(moving,)),)))
    bench.button("Pause a.pdf").click()
    await settle()
    paused = msgspec.structs.replace(moving, state=FileState.PAUSED)
    bench.show(PeersState(ways=("lan",), conversations=(talk(files=(paused,)),)))
    bench.button("Resume a.pdf").click()
    bench.button("Cancel a.pdf").click()
    await settle()
    assert bench.asked == [
        ("answer", 1, 5, True),
        ("pause", 1, 5, True),
        ("pause", 1, 5, False),
        ("cancel", 1, 5),
    ]
    await bench.actions.stop()


async def test_what_a_peer_says_is_plain_text_and_never_markup(bench: Bench) -> None:
    evil = "<img src='http://example.org/x'><b>bold</b>"
    files = (FileReport(number=5, name="<b>a</b>", size_bytes=1, mine=False, state=FileState.OFFERED),)
    conversation = talk(name="<h1>Eve</h1>", lines=(line(1, evil), line(2, "mine", mine=True)), files=files)
    bench.show(
        PeersState(ways=("lan",), conversations=(conversation,), known=(KnownPeer("ab", "<i>Eve</i>"),))
    )
    card = bench.page.findChild(ConversationCard)
    assert card.chat.texts() == [evil, "mine"]
    rich = [
        label
        for label in bench.page.findChildren(QLabel)
        if label.text() and label.textFormat() is not Qt.TextFormat.PlainText and "<" in label.text()
    ]
    assert rich == []
    await bench.actions.stop()


async def test_lines_change_in_place_and_the_oldest_go(bench: Bench) -> None:
    lines = tuple(line(number, f"line {number}") for number in range(250))
    bench.show(PeersState(ways=("lan",), conversations=(talk(lines=lines),)))
    card = bench.page.findChild(ConversationCard)
    texts = card.chat.texts()
    assert len(texts) == 200
    assert texts[-1] == "line 249"
    first = card.chat._bubbles[100]
    changed = tuple(msgspec.structs.replace(each, mine=False) for each in lines)
    bench.show(PeersState(ways=("lan",), conversations=(talk(lines=(*changed, line(250, "new"))),)))
    assert card.chat._bubbles[100] is first
    await bench.actions.stop()


async def test_known_peers_are_called_forgotten_and_brought_back(bench: Bench) -> None:
    bench.show(PeersState(ways=("lan",), known=(KnownPeer("ab", "Ana", 0.0),)))
    await settle()
    bench.page.activateWindow()
    bench.button("Connect to Ana").setFocus()
    bench.button("Connect to Ana").click()
    await settle()
    calling = CallState("ab", name="Ana", stage=Stage.FINDING)
    bench.show(PeersState(ways=("lan",), known=(KnownPeer("ab", "Ana", 0.0),), calls=(calling,)))
    assert QApplication.focusWidget() is bench.button("Stop calling Ana")
    bench.show(PeersState(ways=("lan",), known=(KnownPeer("ab", "Ana", 0.0),)))
    bench.page.stop()
    await settle()
    bench.button("Forget Ana").click()
    await settle()
    bench.show(PeersState(ways=("lan",), undo="Ana"))
    bench.button("Undo").click()
    await settle()
    assert bench.asked == [("reconnect", "ab"), ("reconnect cancelled",), ("forget", "ab"), ("undo",)]
    await bench.actions.stop()


async def test_mailboxes_are_kept_in_the_window_and_their_address_is_copied(bench: Bench) -> None:
    bench.show(PeersState())
    box = bench.page.findChild(QCheckBox, "mailboxes")
    box.click()
    await settle()
    assert bench.asked == [("mailboxes", True)]
    bench.show(PeersState(mailboxes=MailboxesState(21_080, ("ws://192.168.1.5:21080",))))
    assert box.isChecked()
    bench.button("Copy address").click()
    assert QApplication.clipboard().text() == "ws://192.168.1.5:21080"
    bench.button("Make a code").click()  # without asking how to meet
    await settle()
    assert bench.asked[-1] == ("invite",)
    bench.show(PeersState(hidden=True))
    assert not box.isEnabled()
    await bench.actions.stop()


async def test_a_conversation_that_ended_stays_until_it_is_put_away(bench: Bench) -> None:
    bench.show(PeersState(ways=("lan",), conversations=(talk(lines=(line(1, "bye"),)),)))
    bench.show(
        PeersState(ways=("lan",), conversations=(talk(lines=(line(1, "bye"),), ended="Ana has left."),))
    )
    card = bench.page.findChild(ConversationCard)
    assert not card.entry.isEnabled()
    assert "Ana has left." in bench.shown()
    assert not [
        each
        for each in bench.page.findChildren(QPushButton)
        if each.text() == "Connect again" and each.isVisible()
    ]
    ana = KnownPeer(talk().peer, "Ana")
    bench.show(PeersState(ways=("lan",), conversations=(talk(ended="Ana has left."),), known=(ana,)))
    assert "Is it really them?" not in bench.shown()
    bench.button("Connect again").click()
    await settle()
    calling = CallState(ana.peer, name="Ana", stage=Stage.FINDING)
    bench.show(
        PeersState(
            ways=("lan",), conversations=(talk(ended="Ana has left."),), known=(ana,), calls=(calling,)
        )
    )
    bench.button("Cancel").click()
    bench.button("Put away").click()
    await settle()
    assert bench.asked == [("reconnect", ana.peer), ("reconnect cancelled",), ("disconnect", 1)]
    bench.show(PeersState(ways=("lan",)))
    assert not card.isVisible()
    await bench.actions.stop()


@pytest.mark.parametrize("choice", [Choice.DARK, Choice.HIGH_CONTRAST])
@pytest.mark.parametrize("width", [520, 1280])
async def test_every_theme_and_width_holds_it(qapp, qtbot, bench: Bench, choice: Choice, width: int) -> None:
    bench.page._theme.choose(choice)
    bench.page.resize(width, 800)
    bench.show(
        msgspec.structs.replace(
            OPEN, conversations=(talk(lines=(line(1, "x" * 400),)),), known=(KnownPeer("ab", "Ana"),)
        )
    )
    await asyncio.sleep(0.05)
    inner = bench.page.invite.parentWidget()
    assert inner.width() <= bench.page.width()
    assert bench.page.invite.width() > 0
    assert bench.page.findChild(ConversationCard).width() <= bench.page.width()
    await bench.actions.stop()


GUEST_LINK = "http://192.0.2.7:21118/guest#" + "A" * 64


async def test_a_guest_is_invited_by_one_button_and_the_link_is_copied(bench: Bench) -> None:
    bench.show(PeersState(ways=("lan",)))
    bench.page.guests.begin.click()
    await asyncio.sleep(0)
    assert bench.asked == [("guest", "")]
    bench.show(PeersState(ways=("lan",), guest_invitation=GuestInvitation(GUEST_LINK)))
    bench.button("Copy link").click()
    assert QApplication.clipboard().text() == GUEST_LINK
    assert GUEST_LINK not in " ".join(label.text() for label in bench.page.findChildren(QLabel))
    bench.show(PeersState(ways=("lan",)))
    assert bench.page.guests.begin.isVisible()


async def test_where_no_guest_can_come_nothing_is_offered(bench: Bench) -> None:
    bench.show(PeersState(ways=("lan",), hidden=True))
    assert not bench.page.guests.isVisible()


async def test_a_conversation_with_a_guest_shows_no_digits(bench: Bench) -> None:
    bench.show(PeersState(ways=("lan",), conversations=(talk(digits="", guest=GuestState("Chrome 156")),)))
    digits = bench.page.findChild(QLabel, "digits")
    assert digits is not None
    assert not digits.isVisible()


async def test_a_guest_is_named_as_soon_as_it_has_told(bench: Bench) -> None:
    for name in ("Guest", "Ben"):
        guest = talk(name=name, digits="", guest=GuestState("Chrome 156"))
        bench.show(PeersState(ways=("lan",), conversations=(guest,)))
    card = bench.page.findChild(ConversationCard)
    assert card.entry.placeholderText() == "Say something to Ben"


async def test_the_way_to_prefer_is_chosen_and_told(bench) -> None:
    ana = talk()
    bench.show(PeersState(ways=("lan",), conversations=(ana,), known=(KnownPeer(ana.peer, "Ana"),)))
    [card] = bench.page.findChildren(ConversationCard)
    box = card.findChild(QComboBox, "prefers")
    assert box.currentText() == "The best"
    box.activated.emit(0)
    await settle()
    box.setCurrentIndex(box.findText("TCP"))
    box.activated.emit(box.currentIndex())
    await settle()
    assert bench.asked[-2:] == [("prefer", ana.peer, ""), ("prefer", ana.peer, "tcp")]
    ben = KnownPeer("ffff 4567 89ab cdef", "Ben", prefers=TransportKind.TURN)
    known = (KnownPeer(ana.peer, "Ana", prefers=TransportKind.TCP), ben)
    bench.show(PeersState(ways=("lan",), conversations=(ana,), known=known))
    assert box.currentText() == "TCP"
    words = [each.text() for each in bench.page.findChildren(QLabel)]
    assert "by TURN first" in words
    assert any("TCP first, where it is open. It is not now" in each for each in words)


async def test_a_network_where_data_costs_is_told_by_a_click(bench) -> None:
    here = NetworkCost("wlan0", "192.0.2.0/24", ("192.0.2.7",), leads=True)
    box = bench.page.findChild(QCheckBox, "metered")
    bench.show(PeersState(ways=("lan",)))
    assert not box.isVisible()
    bench.page.show_snapshot(Snapshot(version=2, networks=(here,)), time.monotonic())
    assert (box.text(), box.isChecked(), box.isVisible()) == ("Data costs money here (wlan0)", False, True)
    box.click()
    await settle()
    assert bench.asked[-1] == ("metered", "192.0.2.0/24", True)
    told = msgspec.structs.replace(here, metered=True, told_by=ToldBy.SYSTEM)
    bench.page.show_snapshot(Snapshot(version=3, networks=(told,)), time.monotonic())
    assert (box.isChecked(), box.isEnabled()) == (True, False)
