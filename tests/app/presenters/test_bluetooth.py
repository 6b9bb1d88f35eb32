"""The Bluetooth page in words: every obstacle with its next step, a list that does not jump, values with a meaning."""

import json

import msgspec
import pytest

from app.presenters.bluetooth import answer_problem, present, question_view
from app.presenters.bluetooth_rows import (
    Filter,
    arranged,
    device_row,
    distance,
    export_csv,
    export_json,
    row_text,
    sorted_keys,
)
from app.presenters.tone import Tone
from netstack.model.ble import (
    Bond,
    ConnectionParameters,
    Preflight,
    PreflightCheck,
    PreflightStep,
    QuestionKind,
)
from netstack.model.bluetooth import (
    BleDevice,
    BleState,
    CharacteristicState,
    LinkPhase,
    LinkState,
    Named,
    NotifyLine,
    PairingQuestion,
    ServiceState,
)
from netstack.wire.ble_peer import nameplate_uuid

FINE = Preflight(stack="BlueZ", adapter="hci0", can_join=True, can_host=True)
HEART = "0000180d-0000-1000-8000-00805f9b34fb"
BATTERY = "00002a19-0000-1000-8000-00805f9b34fb"


def device(address: str = "F0:00:00:00:00:01", **more: object) -> BleDevice:
    return BleDevice(**{"address": address, "rssi_dbm": -61, "age_s": 1.0, "heard": 3} | more)  # type: ignore[arg-type]


LAMP = device(
    name="Lamp", services=(Named(HEART, "Heart Rate"),), company="Acme", company_id=1, history=((1.0, -60.0),)
)


def test_before_anything_is_known() -> None:
    view = present(BleState())
    assert view.headline == "Can this computer use Bluetooth?"
    assert not view.known
    assert view.checks == ()


def test_an_obstacle_is_the_headline_and_its_step_says_what_to_do() -> None:
    failed = PreflightCheck(
        PreflightStep.POWER, False, "", "powered-off", "Bluetooth is turned off.", "Turn it on."
    )
    preflight = Preflight(
        checks=(PreflightCheck(PreflightStep.SERVICE, ok=True), failed, PreflightCheck(PreflightStep.JOIN)),
        failure="powered-off",
        failure_text="Bluetooth is turned off.",
        next_step="Turn it on.",
    )
    view = present(BleState(preflight=preflight))
    assert (view.headline, view.subline, view.usable) == ("Bluetooth is turned off.", "Turn it on.", False)
    assert [line.tone for line in view.checks] == [Tone.GOOD, Tone.BAD, Tone.UNKNOWN]
    assert view.checks[1].next_step == "Turn it on."
    assert view.failure == ""


def test_a_computer_that_can_only_join_says_so() -> None:
    view = present(BleState(preflight=Preflight(stack="Windows", can_join=True, can_host=False)))
    assert "can join over Bluetooth, not host" in view.subline


@pytest.mark.parametrize(
    ("state", "headline"),
    [
        (BleState(preflight=FINE), "Bluetooth is ready"),
        (BleState(preflight=FINE, scanning=True), "Listening for devices"),
        (BleState(preflight=FINE, devices=(LAMP,)), "One device is nearby"),
        (
            BleState(preflight=FINE, devices=(LAMP, device("B")), crowded=2),
            "2 devices are nearby, and 2 more",
        ),
        (BleState(preflight=FINE, link=LinkState(address="A", name="Lamp")), "Connecting to Lamp"),
        (
            BleState(preflight=FINE, link=LinkState(address="A", phase=LinkPhase.LOST)),
            "The connection to A was lost",
        ),
    ],
)
def test_headlines(state: BleState, headline: str) -> None:
    assert present(state).headline.startswith(headline)


def test_a_row() -> None:
    row = device_row(LAMP)
    assert row.cells[0] == "Lamp"
    assert row.cells[1].startswith("−61")
    assert row.cells[3:5] == ("Heart Rate", "Acme")
    assert row.note == "F0:00:00:00:00:01"
    assert "Heart Rate" in row_text(row)


def test_another_peerscope_is_called_by_its_name() -> None:
    uuid = nameplate_uuid("482913", host=True)
    row = device_row(device(services=(Named(uuid, "Peerscope, waiting for somebody"),)))
    assert (row.cells[0], row.note) == ("Peerscope", "F0:00:00:00:00:01")


def test_a_row_that_tells_nothing() -> None:
    row = device_row(device(rssi_dbm=None, age_s=90.0))
    assert row.cells[:5] == ("F0:00:00:00:00:01", "not told", "not known", "nothing told", "")
    assert row.faded


@pytest.mark.parametrize(
    ("company_id", "name", "words"),
    [
        (None, "", ""),
        (0x0059, "Acme", "Acme"),
        (0xFFFF, "", "test use"),
        (0x1234, "", "unknown maker (0x1234)"),
    ],
)
def test_the_maker_in_words(company_id: int | None, name: str, words: str) -> None:
    row = device_row(device(company_id=company_id, company=name))
    assert row.cells[4] == words
    assert (f"Maker: {words}" in row.hint) is bool(words)


@pytest.mark.parametrize(
    ("dbm", "tx", "words"),
    [
        (-45, None, "at hand"),
        (-65, None, "within reach"),
        (-78, None, "in the room"),
        (-95, None, "far"),
        (-61, 0, "within reach"),
        (-61, 12, "in the room"),
    ],
)
def test_distance_in_words(dbm: float, tx: int | None, words: str) -> None:
    assert distance(device(history=((0.5, dbm),) * 3, tx_power_dbm=tx)) == words


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (Filter(text="heart acme"), 1),
        (Filter(text="HEART"), 1),
        (Filter(text="nobody"), 0),
        (Filter(least_dbm=-60), 0),
        (Filter(least_dbm=-75), 1),
        (Filter(hide_known=True), 1),
        (Filter(hide_known=True, hidden=frozenset({LAMP.address})), 0),
    ],
)
def test_filters(wanted: Filter, shown: int) -> None:
    view = present(BleState(preflight=FINE, devices=(LAMP,)), wanted)
    assert len(view.rows) == shown
    assert view.empty.startswith("The filter hides all 1") is not bool(shown)


def test_rows_keep_their_places_until_another_order_is_asked_for() -> None:
    weak, strong = device("A", rssi_dbm=-90, name="b"), device("B", rssi_dbm=-40, name="a")
    order = sorted_keys((weak, strong), "signal")
    assert order == ("B", "A")
    turned = (device("A", rssi_dbm=-30), device("B", rssi_dbm=-99), device("C"))
    assert [each.address for each in arranged(turned, order)] == ["B", "A", "C"]
    assert sorted_keys((weak, strong), "name") == ("B", "A")
    assert sorted_keys((weak, strong), "came") == ("A", "B")


def test_exports() -> None:
    told = json.loads(export_json((LAMP,)))
    assert told["schema"] == "peerscope.ble-scan/1"
    assert told["devices"][0]["services"][0]["name"] == "Heart Rate"
    evil = device("X", name='=cmd("x")')
    lines = export_csv((LAMP, evil)).splitlines()
    assert lines[1] == 'F0:00:00:00:00:01,"Lamp",1.00,-60'
    assert '"=' not in lines[2]


def test_a_device_is_shown_with_values_that_mean_something() -> None:
    battery = CharacteristicState(
        handle=7, uuid=BATTERY, name="Battery Level", properties=("read", "notify"), value="57", notified=2
    )
    link = LinkState(
        address="A",
        phase=LinkPhase.CONNECTED,
        mtu_bytes=247,
        services=(ServiceState(5, HEART, "", (battery,)),),
        notifications=(
            NotifyLine(1000.0, 7, "Battery Level", "56"),
            NotifyLine(1001.0, 7, "Battery Level", "57"),
        ),
    )
    view = present(BleState(preflight=FINE, link=link)).link
    assert view is not None
    row = view.services[0].rows[0]
    assert (row.value, row.readable, row.writable, row.notifies) == ("57", True, False, True)
    assert row.note == "87 % · 2 notifications"
    assert view.services[0].name == "Service of its maker"
    assert view.log[0].endswith("57  87 %")
    assert dict(view.facts)["Interval"] == "this system does not tell"
    told = msgspec.structs.replace(link, parameters=ConnectionParameters(0.015, 2, 4.0), left_out=40)
    view = present(BleState(preflight=FINE, link=told)).link
    assert view is not None
    assert " ".join(dict(view.facts)["Interval"].split()) == "15.0 ms, may miss 2, lost after 4.00 s"
    assert view.left_out.startswith("40 more values")


@pytest.mark.parametrize(
    ("kind", "passkey", "agree", "digits"),
    [
        (QuestionKind.CONFIRM, None, "Pair", ""),
        (QuestionKind.COMPARE, "012345", "They are the same", "012\N{NARROW NO-BREAK SPACE}345"),
        (QuestionKind.ENTER, None, "Pair", ""),
        (QuestionKind.SHOW, "000007", "", "000\N{NARROW NO-BREAK SPACE}007"),
    ],
)
def test_questions(kind: QuestionKind, passkey: str | None, agree: str, digits: str) -> None:
    view = question_view(PairingQuestion(1, "A", "Lamp", kind, passkey))
    assert "Lamp" in view.headline
    assert (view.agree, view.digits) == (agree, digits)


@pytest.mark.parametrize(
    ("text", "fine"), [("123456", True), ("123 456", True), ("1234567", False), ("12a", False), ("", False)]
)
def test_a_passkey_has_up_to_six_digits(text: str, fine: bool) -> None:
    assert (answer_problem(text) == "") is fine


def test_bonds() -> None:
    view = present(BleState(preflight=FINE, bonds=(Bond("A", "Lamp", connected=True), Bond("B"))))
    assert [(row.name, row.note) for row in view.bonds] == [("Lamp", "A · connected"), ("B", "")]
