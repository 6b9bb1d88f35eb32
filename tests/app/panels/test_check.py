"""The Check page: what can be pressed, what it starts, and that every state can be painted."""

import asyncio
import json

import msgspec
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QPushButton

from app.actions import Actions
from app.panels.check import CheckActions, CheckPage
from app.widgets.check_list import CheckRow
from app.widgets.finding_card import FindingCard
from app.widgets.text import Card
from app.widgets.theme import Choice, Theme
from netstack.errors import InputError
from netstack.model.doctor import Check, DoctorState, Outcome, PortReport
from netstack.model.pair import PairCause, PairRoute, PairSide, PairVerdict
from netstack.model.peers import Conversation, PeersState
from netstack.model.snapshot import Snapshot
from tests.app.presenters.test_check import CHECKS, ILL, NAT, SEGMENTS, WELL_REPORT

DONE = Snapshot(doctor=DoctorState(report=ILL, checks=CHECKS))
WELL = Snapshot(doctor=DoctorState(report=WELL_REPORT, checks=CHECKS))
RUNNING = Snapshot(
    doctor=DoctorState(
        running=True, checks=(CHECKS[0], Check("loss", "Loss", Outcome.RUNNING, "asked 25 times")), nat=NAT
    )
)


class Bench:
    """A page whose actions write down what they were asked, and wait until they are let go."""

    def __init__(self, qapp: QApplication) -> None:
        self.asked: list[object] = []
        self.said: list[str] = []
        self.gate = asyncio.Event()
        self.actions = Actions()
        self.theme = Theme(qapp, Choice.LIGHT)
        self.page = CheckPage(
            self.theme,
            CheckActions(
                self.actions.add("examine", lambda: self.work("examine")),
                self.actions.add("retest", self.work),
                self.actions.add("port", self.work),
                self.actions.add("knock", self.work),
                self.actions.add("load", self.work),
            ),
        )
        self.page.said.connect(self.said.append)
        self.page.resize(1100, 900)

    async def work(self, name: str) -> None:
        self.asked.append(name)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.asked.append(f"{name} cancelled")
            raise

    def buttons(self, name: str) -> list[QPushButton]:
        found = self.page.findChildren(QPushButton)
        return [b for b in found if b.isVisible() and (b.accessibleName() or b.text()).strip() == name]

    def press(self, name: str) -> None:
        found = self.buttons(name)
        assert len(found) == 1, name
        found[0].click()

    def text(self, name: str) -> str:
        return self.page.findChild(QLabel, name).text()

    def words(self) -> list[str]:
        return [label.text() for label in self.page.findChildren(QLabel) if label.isVisible()]


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
def bench(qapp, qtbot):
    bench = Bench(qapp)
    qtbot.addWidget(bench.page)
    bench.page.show()
    return bench


def test_the_empty_page_has_one_big_button_and_promises(bench):
    bench.page.show_snapshot(Snapshot(), 0)
    assert [b.accessibleName() for b in bench.page.findChildren(QPushButton) if b.isVisible()] == [
        "Check my connection"
    ]
    assert any("Nothing is uploaded" in text for text in bench.words())
    bench.page.setFocus()
    assert bench.page.focusProxy().accessibleName() == "Check my connection"


async def test_the_big_button_starts_and_the_other_cancels(bench):
    bench.page.show_snapshot(Snapshot(), 0)
    bench.press("Check my connection")
    await settle()
    bench.page.show_snapshot(RUNNING, 0)
    assert bench.asked == ["examine"]
    bench.page.start()
    await settle()
    assert bench.asked == ["examine"]
    bench.press("Cancel")
    await settle()
    assert bench.asked == ["examine", "examine cancelled"]
    await bench.actions.stop()


def test_rows_come_one_by_one_and_stay_the_same_widgets(bench):
    bench.page.show_snapshot(RUNNING, 0)
    assert bench.page.summary == "Check: looking"
    rows = bench.page.findChildren(CheckRow)
    assert [row.accessibleName() for row in rows] == [
        "Network: eth0 (cable, MTU 1500) (good)",
        "Loss: asked 25 times (being measured)",
    ]
    checks = (CHECKS[0], CHECKS[4])
    bench.page.show_snapshot(Snapshot(doctor=msgspec.structs.replace(RUNNING.doctor, checks=checks)), 0)
    assert bench.page.findChildren(CheckRow) == rows
    assert rows[1].accessibleName() == "Loss: 0 %, none of 200 (good)"


def test_a_row_tells_why_it_is_unknown(bench):
    bench.page.show_snapshot(DONE, 0)
    row = bench.page.findChildren(CheckRow)[-1]
    assert row.accessibleName() == "Packet size: not measured (unknown)"
    assert row.toolTip() == "The server does not answer. Took 1.00\N{NARROW NO-BREAK SPACE}s."


def test_the_arrows_move_among_the_rows(bench, qtbot):
    bench.page.show_snapshot(DONE, 0)
    first, second, *_ = bench.page.findChildren(CheckRow)
    qtbot.keyClick(first, Qt.Key.Key_Down)
    assert second.focusPolicy() is Qt.FocusPolicy.StrongFocus
    assert first.focusPolicy() is Qt.FocusPolicy.ClickFocus
    qtbot.keyClick(second, Qt.Key.Key_Space)
    qtbot.mouseClick(second, Qt.MouseButton.LeftButton, pos=QPoint(3, 3))


def test_findings_are_cards_with_why_how_and_a_text(bench):
    bench.page.show_snapshot(DONE, 0)
    cards = bench.page.findChildren(FindingCard)
    assert [card.accessibleName() for card in cards] == [
        "Problem: The router is strict.",
        "Problem: Slow.",
        "Hint: No loopback.",
    ]
    assert "Mapping: address-dependent." in bench.words()
    assert "Nothing came." not in bench.words()
    bench.press("A text for your friend")
    assert "I am (hidden)." in bench.words()
    bench.press("Copy this text")
    assert QApplication.clipboard().text() == "I am 203.0.113.7."
    assert bench.said == ["Copied: a text for your friend"]


def test_what_was_folded_out_stays_so_while_time_passes(bench):
    bench.page.show_snapshot(DONE, 0)
    bench.press("A text for your friend")
    bench.page.show_snapshot(DONE, 60)
    assert "I am (hidden)." in bench.words()


async def test_one_finding_is_looked_at_again_and_the_outcome_is_told(bench):
    bench.page.show_snapshot(DONE, 0)
    bench.press("Look again: Slow.")
    await settle()
    assert bench.asked == ["latency.high"]
    retesting = msgspec.structs.replace(DONE.doctor, running=True, retesting="latency.high")
    bench.page.show_snapshot(Snapshot(doctor=retesting), 0)
    again = bench.buttons("Look again: The router is strict.")[0]
    assert not again.isEnabled()
    assert bench.buttons("Cancel")
    left = msgspec.structs.replace(ILL, findings=(ILL.findings[0],))
    bench.page.tell_retest("latency.high", left)
    bench.page.tell_retest("latency.high", ILL)
    assert bench.said == ["No longer found: Slow.", "Still so: Slow."]
    bench.page.show_snapshot(Snapshot(doctor=DoctorState(report=left, checks=CHECKS)), 0)
    bench.gate.set()
    await settle()
    assert not bench.buttons("Look again: Slow.")
    assert bench.buttons("Look again: The router is strict.")[0].isEnabled()


def test_copy_and_export_hide_the_public_address_until_it_is_shown(bench, tmp_path):
    bench.page.show_snapshot(DONE, 0)
    bench.page.copy()
    assert "(hidden)" in QApplication.clipboard().text()
    assert "203.0.113.7" not in QApplication.clipboard().text()
    file = tmp_path / "report.json"
    bench.page.export_to(str(file))
    assert json.loads(file.read_text("utf-8"))["schema"] == "peerscope.report/1"
    assert "203.0.113.7" not in file.read_text("utf-8")
    bench.press("Show addresses")
    bench.page.copy()
    assert "203.0.113.7" in QApplication.clipboard().text()
    bench.page.export_to(str(file))
    assert "203.0.113.7" in file.read_text("utf-8")
    assert len(bench.said) == 4


def test_a_file_that_cannot_be_written_is_one_sentence(bench, tmp_path):
    bench.page.show_snapshot(DONE, 0)
    bench.page.export_to(str(tmp_path / "nowhere" / "report.json"))
    assert "could not be written" in bench.text("notice")


def test_there_is_nothing_to_copy_before_the_first_check(bench):
    QApplication.clipboard().setText("before")
    bench.page.copy()
    bench.page.export()
    assert QApplication.clipboard().text() == "before"


def test_nothing_wrong_is_calm(bench):
    bench.page.show_snapshot(WELL, 0)
    assert bench.text("headline") == "Nothing is wrong on your side."
    assert bench.text("message") == "Open and Moderate networks reach you directly."
    assert not [card for card in bench.page.findChildren(FindingCard) if card.isVisible()]


@pytest.mark.parametrize("choice", [Choice.LIGHT, Choice.DARK, Choice.HIGH_CONTRAST])
@pytest.mark.parametrize("width", [500, 1100])
def test_every_state_can_be_painted(bench, choice, width):
    bench.theme.choose(choice)
    bench.page.resize(width, 900)
    whole = msgspec.structs.replace(ILL, segments=SEGMENTS, bad_from="line")
    states = (Snapshot(), RUNNING, DONE, WELL, Snapshot(doctor=DoctorState(report=whole, checks=CHECKS)))
    for state in states:
        bench.page.show_snapshot(state, 0)
        image = bench.page.grab().toImage()
        colors = {image.pixelColor(x, y).name() for x in range(0, width, 7) for y in range(0, 800, 7)}
        assert len(colors) > 3
    for card in bench.page.findChildren(Card):
        assert not card.isVisible() or card.width() <= width


async def test_a_game_is_chosen_or_a_port_typed(bench, qtbot):
    port = PortReport("udp/7777", "", None, "denied", None, "the router does not tell")
    state = msgspec.structs.replace(DONE.doctor, games=("Chess", "Draughts"), ports=(port,))
    bench.page.show_snapshot(Snapshot(doctor=state), 0)
    field = bench.page.findChild(QComboBox)
    assert field.currentText() == ""
    assert [field.itemText(i) for i in range(field.count())] == ["Chess", "Draughts"]
    bench.press("Look")
    await settle()
    assert bench.asked == []
    qtbot.keyClicks(field.lineEdit(), "udp/7777")
    qtbot.keyClick(field.lineEdit(), Qt.Key.Key_Return)
    await settle()
    assert bench.asked == ["udp/7777"]
    assert not bench.buttons("Look")[0].isEnabled()
    bench.page.show_snapshot(Snapshot(doctor=state), 1)
    assert field.currentText() == "udp/7777"
    assert any(
        row.accessibleName().startswith("udp/7777 router") for row in bench.page.findChildren(CheckRow)
    )
    await bench.actions.stop()


async def test_a_port_that_is_none_is_told_beneath_it(bench, expected_logs):
    expected_logs("port failed")

    async def refuse(text):
        raise InputError(InputError.Reason.USAGE, text)

    bench.page._actions.port._work = refuse
    bench.page.show_snapshot(DONE, 0)
    bench.page.findChild(QComboBox).setCurrentText("draughts")
    bench.press("Look")
    await settle()
    assert any("draughts" in text for text in bench.words())


async def test_somebody_connected_can_be_asked_to_knock(bench):
    ports = (PortReport("udp/7777", "", False, "free", None, "not told"),)
    doctor = msgspec.structs.replace(DONE.doctor, ports=ports)
    alone = msgspec.structs.replace(DONE, doctor=doctor)
    bench.page.show_snapshot(alone, 0)
    assert any("connect to somebody" in words for words in bench.words())
    ben = Conversation(
        number=4,
        peer="k",
        name="Ben",
        transport="udp",
        kind="direct",
        remote="",
        path="",
        digits="",
        connect_s=0.0,
        since_s=0.0,
    )
    bench.page.show_snapshot(msgspec.structs.replace(alone, peers=PeersState(conversations=(ben,))), 0)
    bench.press("Ask Ben to knock")
    await settle()
    assert bench.asked == [4]
    await bench.actions.stop()


def test_whoever_is_connected_is_judged_as_a_pair_with_us(bench):
    verdict = PairVerdict(
        PairRoute.RELAY,
        PairRoute.RELAY,
        PairCause.MAPS_PER_DESTINATION,
        PairSide.THEIRS,
        "Moderate + Strict",
        "Moderate + Strict: a relay expected; got a relay; Ben's router maps per destination.",
        "Turn on UPnP on Ben's router, or forward a port there.",
    )
    ben = Conversation(
        number=4,
        peer="k",
        name="Ben",
        transport="turn",
        kind="relay",
        remote="",
        path="",
        digits="",
        connect_s=0.0,
        since_s=0.0,
        verdict=verdict,
    )
    bench.page.show_snapshot(msgspec.structs.replace(DONE, peers=PeersState(conversations=(ben,))), 0)
    assert {"You and Ben: relay (TURN)", verdict.sentence, verdict.remedy} <= set(bench.words())
    bench.page.show_snapshot(DONE, 0)
    assert verdict.sentence not in bench.words()
