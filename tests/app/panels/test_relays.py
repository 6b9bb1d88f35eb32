"""The Relays page: what is typed is what is asked, and nothing jumps or leaks."""

import asyncio

import msgspec
import pytest
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QLineEdit, QPushButton

from app.actions import Actions
from app.panels.relays import RelaysActions, RelaysPage
from app.widgets.figure_row import FigureRow
from app.widgets.text import Card
from app.widgets.theme import Choice, Theme
from netstack.model.snapshot import Snapshot
from netstack.model.turn import KnownServer, RelayPhase, RelayState, TurnState
from tests.app.presenters.test_relays import REPORT


@pytest.fixture
def page(qtbot, qapp) -> RelaysPage:
    asked: list[tuple[object, ...]] = []
    gate = asyncio.Event()

    async def check(*arguments: object) -> None:
        asked.append(("check", *arguments))
        await gate.wait()

    async def allocate(*arguments: object) -> None:
        asked.append(("allocate", *arguments))

    async def speed() -> None:
        asked.append(("speed",))
        await gate.wait()

    def noted(name: str):
        async def work(*arguments: object) -> None:
            asked.append((name, *arguments))

        return actions.add(name, work)

    actions = Actions()
    page = RelaysPage(
        Theme(qapp, Choice.LIGHT),
        RelaysActions(
            actions.add("check", check),
            actions.add("speed", speed),
            actions.add("allocate", allocate),
            noted("release"),
            noted("renew"),
            noted("let_in"),
        ),
    )
    page.asked, page.all_actions, page.gate = asked, actions, gate  # type: ignore[attr-defined]
    qtbot.addWidget(page)
    page.resize(1000, 800)
    page.show()
    return page


def _button(page: RelaysPage, name: str) -> QPushButton:
    return next(b for b in page.findChildren(QPushButton) if b.text().strip() == name and b.isVisible())


def _type(page: RelaysPage, uri: str, user: str, password: str) -> None:
    page.findChild(QComboBox).setEditText(uri)
    fields = {field.accessibleName(): field for field in page.findChildren(QLineEdit)}
    fields["Username"].setText(user)
    fields["Password"].setText(password)


async def test_check_asks_for_what_was_typed_and_can_be_cancelled(page) -> None:
    _type(page, " turn:relay.example ", "ana", "geheim")
    _button(page, "Check").click()
    await asyncio.sleep(0.02)
    assert page.asked == [("check", "turn:relay.example", "ana", "geheim")]
    _button(page, "Cancel").click()
    await asyncio.sleep(0.02)
    assert _button(page, "Check").isEnabled()
    await page.all_actions.stop()


async def test_without_a_server_it_says_what_to_type(page) -> None:
    said: list[str] = []
    page.said.connect(said.append)
    page.start()
    assert not page.asked
    assert "Name a server" in said[0]
    await page.all_actions.stop()


async def test_a_report_is_shown_and_copied_without_the_password(page) -> None:
    _type(page, "turn:relay.example", "ana", "geheim")
    page.show_snapshot(Snapshot(turn=TurnState(report=REPORT)), 0.0)
    assert page.headline.text() == "The relay works."
    page.copy()
    text = QApplication.clipboard().text()
    assert "Get a relay" in text
    assert "geheim" not in text
    assert not page.grab().isNull()
    await page.all_actions.stop()


async def test_relays_come_are_given_back_and_go(page) -> None:
    relay = RelayState(relay_id=7, uri="turn:relay.example", phase=RelayPhase.ALLOCATED)
    page.show_snapshot(Snapshot(turn=TurnState(relays=(relay,))), 0.0)
    _button(page, "Give back").click()
    await asyncio.sleep(0.02)
    assert page.asked == [("release", 7)]
    page.show_snapshot(Snapshot(), 0.0)
    assert not page._boxes[0].isVisible()
    await page.all_actions.stop()


async def test_a_relay_is_renewed_and_lets_peers_in(page) -> None:
    relay = RelayState(relay_id=7, uri="turn:relay.example", phase=RelayPhase.ALLOCATED, remaining_s=9.0)
    page.show_snapshot(Snapshot(turn=TurnState(relays=(relay,))), 0.0)
    await asyncio.sleep(0.02)
    _button(page, "Renew now").click()
    box = next(each for each in page.findChildren(QLineEdit) if each.accessibleName() == "Let a peer in")
    box.setText(" 203.0.113.7:4000 ")
    _button(page, "Let in").click()
    await asyncio.sleep(0.02)
    assert page.asked == [("renew", 7), ("let_in", 7, "203.0.113.7:4000")]
    assert box.text() == ""
    await page.all_actions.stop()


async def test_what_is_typed_stays_when_servers_change(page) -> None:
    _type(page, "turn:typed.example", "", "")
    page.show_snapshot(
        Snapshot(turn=TurnState(servers=(KnownServer("turn:a.example"), KnownServer("turn:b.example")))), 0.0
    )
    assert page.findChild(QComboBox).currentText() == "turn:typed.example"
    assert page.findChild(QComboBox).count() == 2
    await page.all_actions.stop()


async def test_the_speed_is_asked_for_first_and_can_be_cancelled(page) -> None:
    report = msgspec.structs.replace(REPORT, relayed_address="203.0.113.40:50000", throughput_relay_bps=None)
    page.show_snapshot(Snapshot(turn=TurnState(report=report)), 0.0)
    speed = page.findChild(QLabel, "speed")
    _button(page, "Measure the speed").click()
    assert "5 MB" in speed.text()
    _button(page, "Not now").click()
    await asyncio.sleep(0.02)
    assert page.asked == []
    _button(page, "Measure the speed").click()
    _button(page, "Send up to 5 MB").click()
    await asyncio.sleep(0.02)
    assert page.asked == [("speed",)]
    page.show_snapshot(Snapshot(turn=TurnState(report=report, measuring=0.25)), 0.0)
    assert "25" in speed.text()
    cancel = next(b for b in page.findChildren(QPushButton) if b.text().strip() == "Cancel" and b.isVisible())
    cancel.click()
    await asyncio.sleep(0.02)
    page.show_snapshot(Snapshot(turn=TurnState(report=report)), 0.0)
    assert _button(page, "Measure the speed").isEnabled()
    await page.all_actions.stop()


async def test_a_narrow_window_cuts_nothing_off(page) -> None:
    long = msgspec.structs.replace(
        REPORT, jitter_relay_s=0.0123, loss_relay=0.123, throughput_relay_n=4167, throughput_relay_loss=0.123
    )
    page.show_snapshot(Snapshot(turn=TurnState(report=long)), 0.0)
    QApplication.processEvents()
    figures = page.findChild(FigureRow)
    assert figures.minimumSizeHint().width() < 500 < figures.width()
    for _ in range(5):  # what is turned from a row into a column lets the rest be narrower
        page.resize(500, 800)
        QApplication.processEvents()
    cards = [card for card in page.findChildren(Card) if card.isVisible()]
    assert len(cards) >= 6
    assert max(card.mapTo(page, card.rect().topRight()).x() for card in cards) < 500
    await page.all_actions.stop()


async def test_a_known_user_is_named_in_the_empty_fields(page) -> None:
    known = KnownServer("turn:a.example", "ana", password_known=True)
    page.show_snapshot(Snapshot(turn=TurnState(servers=(known,))), 0.0)
    fields = {field.accessibleName(): field for field in page.findChildren(QLineEdit)}
    assert fields["Username"].placeholderText() == "ana (settings)"
    page.findChild(QComboBox).setEditText("turn:b.example")
    assert fields["Username"].placeholderText() == "username"
    await page.all_actions.stop()
