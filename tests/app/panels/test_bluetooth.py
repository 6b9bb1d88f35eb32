"""The Bluetooth page: what is pressed is what is asked, the list does not jump, and a pairing's dialog ends with it."""

import asyncio
import json

import pytest
from PySide6.QtWidgets import QApplication, QLabel

from app.actions import Actions
from app.panels.bluetooth import BluetoothActions, BluetoothPage
from app.widgets.theme import Choice, Theme
from netstack.model.ble import Bond, QuestionKind
from netstack.model.bluetooth import (
    BleState,
    CharacteristicState,
    LinkPhase,
    LinkState,
    PairingQuestion,
    ServiceState,
)
from netstack.model.path import PathReport, PathState
from netstack.model.session import FragmentStats
from netstack.model.snapshot import Snapshot
from tests.app.presenters.test_bluetooth import BATTERY, FINE, HEART, LAMP, device


@pytest.fixture
def page(qtbot, qapp):
    asked: list[tuple[object, ...]] = []
    actions = Actions()

    def note(name: str):
        async def work(*arguments: object) -> None:
            asked.append((name, *arguments))
            if name == "scan":
                await asyncio.Event().wait()

        return actions.add(name, work)

    page = BluetoothPage(Theme(qapp, Choice.LIGHT), BluetoothActions(*map(note, BluetoothActions._fields)))
    page.asked, page.all_actions = asked, actions
    qtbot.addWidget(page)
    page.resize(1000, 800)
    page.show()
    return page


def show(page: BluetoothPage, **state: object) -> None:
    page.show_snapshot(Snapshot(version=1, bluetooth=BleState(preflight=FINE, **state)), 0.0)  # type: ignore[arg-type]


async def settle() -> None:
    await asyncio.sleep(0.02)


async def test_it_looks_once_by_itself_and_scans_when_asked(page) -> None:
    show(page)
    show(page)
    await settle()
    assert page.asked == [("look",)]
    page.start()
    await settle()
    assert page.asked[-1] == ("scan",)
    assert page.run.text() == " Stop"
    page.stop()
    await settle()
    assert page.run.text() == " Scan"
    await page.all_actions.stop()


async def test_obstacles_take_the_place_of_the_list(page) -> None:
    page.show_snapshot(Snapshot(version=1, bluetooth=BleState(preflight=page_blocked())), 0.0)
    assert page.preflight.isVisible()
    assert not page.nearby.isVisible()
    assert not page.run.isEnabled()
    assert page.headline.text() == "Bluetooth is turned off."
    show(page, devices=(LAMP,))
    assert not page.preflight.isVisible()
    assert page.nearby.isVisible()
    await page.all_actions.stop()


def page_blocked():
    import msgspec

    return msgspec.structs.replace(
        FINE, failure="powered-off", failure_text="Bluetooth is turned off.", next_step="Turn it on."
    )


async def test_a_selection_stays_where_it_is_while_devices_come_and_change(page) -> None:
    show(page, devices=(LAMP, device("B", rssi_dbm=-90)))
    page.table.select("B")
    show(page, devices=(LAMP, device("B", rssi_dbm=-30), device("C")))
    assert page.table.selected() == "B"
    page.order.setCurrentIndex(2)
    page._sort()
    assert page.table.selected() == "B"
    assert page.table.model().rows[0].key == "B"
    page.connect_button.click()
    await settle()
    assert page.asked[-1] == ("connect", "B")
    await page.all_actions.stop()


async def test_filter_hide_known_and_export(page, tmp_path) -> None:
    show(page, devices=(LAMP, device("B", name="Pad")))
    page.search.setText("pad")
    assert [row.key for row in page.table.model().rows] == ["B"]
    page.search.clear()
    page.hide_known.setChecked(True)
    show(page, devices=(LAMP, device("B", name="Pad"), device("C", name="New")))
    assert [row.key for row in page.table.model().rows] == ["C"]
    page.save(str(tmp_path / "devices.json"))
    assert [each["address"] for each in json.loads((tmp_path / "devices.json").read_text())["devices"]] == [
        "C"
    ]
    page.save(str(tmp_path / "devices.csv"))
    assert '"New"' in (tmp_path / "devices.csv").read_text()
    page.copy()
    assert "New (C)" in QApplication.clipboard().text()
    await page.all_actions.stop()


def link(**more: object) -> LinkState:
    level = CharacteristicState(
        handle=7, uuid=BATTERY, name="Battery Level", properties=("read", "write", "notify")
    )
    return LinkState(
        **{
            "address": "A",
            "name": "Lamp",
            "phase": LinkPhase.CONNECTED,
            "services": (ServiceState(5, HEART, "Heart Rate", (level,)),),
        }  # type: ignore[arg-type]
        | more
    )


async def test_values_are_read_written_and_listened_to(page) -> None:
    show(page, link=link())
    gatt = page.link.gatt
    gatt.read.click()
    gatt.listen.click()
    gatt.entry.setText("zz")
    gatt.write.click()
    gatt.entry.setText("01 ff")
    gatt.write.click()
    await settle()
    assert page.asked[-3:] == [("read", 7), ("notify", 7, True), ("write", 7, b"\x01\xff", True)]
    page.link.leave.click()
    await settle()
    assert page.asked[-1] == ("disconnect",)
    show(page, link=link(phase=LinkPhase.LOST))
    assert not gatt.read.isEnabled()
    await page.all_actions.stop()


@pytest.mark.parametrize(
    ("kind", "typed", "answer"),
    [
        (QuestionKind.ENTER, "012 345", 12345),
        (QuestionKind.COMPARE, "", True),
        (QuestionKind.CONFIRM, "", True),
    ],
)
async def test_a_pairing_asks_in_a_dialog_and_gets_one_answer(page, kind, typed, answer) -> None:
    asked = PairingQuestion(3, "A", "Lamp", kind, "123456" if kind is QuestionKind.COMPARE else None)
    show(page, question=asked)
    dialog = page.dialog
    assert dialog.isVisible()
    if dialog.entry is not None:
        dialog.agree.click()
        assert dialog.isVisible(), "it wants digits first"
        dialog.entry.setText(typed)
    dialog.agree.click()
    show(page, question=asked)
    await settle()
    assert page.asked[-1] == ("answer", 3, answer)
    assert page.dialog is None, "the same question is not asked twice"
    await page.all_actions.stop()


async def test_escape_refuses_and_a_question_that_is_over_closes_by_itself(page) -> None:
    show(page, question=PairingQuestion(4, "A", "Lamp", QuestionKind.CONFIRM))
    page.dialog.reject()
    await settle()
    assert page.asked[-1] == ("answer", 4, False)
    count = len(page.asked)
    show(page, question=PairingQuestion(5, "A", "Lamp", QuestionKind.SHOW, "123456"))
    assert page.dialog is not None
    show(page)
    await settle()
    assert page.dialog is None
    assert len(page.asked) == count
    await page.all_actions.stop()


async def test_unpairing_asks_once_more(page) -> None:
    show(page, bonds=(Bond("A", "Lamp"),))
    await settle()
    buttons = {b.text(): b for b in page.bonds.findChildren(type(page.connect_button))}
    buttons["Unpair"].click()
    assert buttons["Keep"].isVisible()
    buttons["Keep"].click()
    buttons["Unpair"].click()
    buttons["Yes, unpair"].click()
    await settle()
    assert page.asked[-1] == ("unpair", "A")
    await page.all_actions.stop()


async def test_what_went_wrong_is_said_with_the_next_step(page) -> None:
    show(page, failure="lost", failure_text="The connection was lost.", next_step="Bring it closer.")
    assert page._notice.accessibleName() == "The connection was lost. Bring it closer."
    await page.all_actions.stop()


async def test_a_session_over_bluetooth_shows_its_fragments(page):
    page.show()
    page.show_snapshot(Snapshot(version=1), 0.0)
    assert not page.fragments.isVisible()
    stats = FragmentStats(sent_messages=10, sent_fragmented=4, sent_fragments=24)
    path = PathReport(
        key="1/2", peer="Ben", transport="ble", remote="", state=PathState.UP, fragmentation=stats
    )
    page.show_snapshot(Snapshot(version=2, paths=(path,)), 0.0)
    assert page.fragments.isVisible()
    words = {label.text() for label in page.fragments.findChildren(QLabel)}
    assert "Fragmented messages" in words
    page.show_snapshot(Snapshot(version=3), 0.0)
    assert not page.fragments.isVisible()
    await page.all_actions.stop()
