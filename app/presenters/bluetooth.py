"""The Bluetooth page in words: can this computer do it, who is nearby, what is inside a device, what a pairing asks."""

from datetime import datetime

import msgspec

from app.presenters.bluetooth_rows import DeviceRow, Filter, arranged, device_row, passes
from app.presenters.quantity import NOT_MEASURED, THIN, duration
from app.presenters.tone import Tone
from netstack.core.ble_value import hex_text, meaning, parse_value
from netstack.model.ble import (
    Bond,
    ConnectionParameters,
    Preflight,
    PreflightCheck,
    PreflightStep,
    QuestionKind,
)
from netstack.model.bluetooth import (
    BleState,
    CharacteristicState,
    LinkPhase,
    LinkState,
    PairingQuestion,
    ServiceState,
)

STEPS = {
    PreflightStep.SERVICE: "Bluetooth service",
    PreflightStep.PERMISSION: "Permission",
    PreflightStep.ADAPTER: "Adapter",
    PreflightStep.SWITCH: "Switch and flight mode",
    PreflightStep.POWER: "Power",
    PreflightStep.JOIN: "Can look and join",
    PreflightStep.HOST: "Can be found and host",
}
LINES_SHOWN = 200
EVERYTHING = Filter()


class CheckLine(msgspec.Struct, frozen=True):
    """One step of the preflight."""

    label: str
    tone: Tone
    text: str
    next_step: str
    hint: str = ""


class CharacteristicRow(msgspec.Struct, frozen=True):
    """One value of a device."""

    handle: int
    name: str
    uuid: str
    properties: str
    value: str
    note: str
    readable: bool
    writable: bool
    with_response: bool
    notifies: bool
    notifying: bool
    failure: str


class ServiceRow(msgspec.Struct, frozen=True):
    """A service and its values."""

    handle: int
    name: str
    uuid: str
    rows: tuple[CharacteristicRow, ...]


class LinkView(msgspec.Struct, frozen=True):
    """The device that is looked into."""

    address: str
    title: str
    phase: str
    tone: Tone
    facts: tuple[tuple[str, str], ...]
    services: tuple[ServiceRow, ...]
    left_out: str
    log: tuple[str, ...]
    history: tuple[tuple[float, float], ...]
    history_note: str
    open: bool
    bonded: bool
    pairing: bool


class QuestionView(msgspec.Struct, frozen=True):
    """What a pairing asks: a headline, what to do, digits to show, and the words of the button that agrees."""

    number: int
    kind: QuestionKind
    headline: str
    text: str
    digits: str
    agree: str


class BondRow(msgspec.Struct, frozen=True):
    """A paired device."""

    address: str
    name: str
    note: str


class BluetoothView(msgspec.Struct, frozen=True):
    """The whole page."""

    headline: str
    subline: str
    checks: tuple[CheckLine, ...]
    usable: bool
    known: bool
    scanning: bool
    rows: tuple[DeviceRow, ...]
    heard: int
    empty: str
    link: LinkView | None
    bonds: tuple[BondRow, ...]
    failure: str


def present(state: BleState, wanted: Filter = EVERYTHING, order: tuple[str, ...] = ()) -> BluetoothView:
    """The page as words."""
    preflight = state.preflight
    shown = tuple(device for device in arranged(state.devices, order) if passes(device, wanted))
    usable = preflight is not None and preflight.failure is None
    return BluetoothView(
        headline=_headline(state),
        subline=_subline(preflight),
        checks=() if preflight is None else tuple(map(_check, preflight.checks)),
        usable=usable,
        known=preflight is not None,
        scanning=state.scanning,
        rows=tuple(map(device_row, shown)),
        heard=len(state.devices),
        empty=_empty(state, usable=usable, filtered=bool(state.devices) and not shown),
        link=None if state.link is None else _link(state.link),
        bonds=tuple(map(_bond, state.bonds)),
        failure=" ".join(filter(None, (state.failure_text, state.next_step))) if usable else "",
    )


def question_view(question: PairingQuestion) -> QuestionView:
    """A pairing's question."""
    who = question.name or question.address
    digits = "" if question.passkey is None else f"{question.passkey[:3]}{THIN}{question.passkey[3:]}"
    headline, text, agree = {
        QuestionKind.CONFIRM: (
            f"Pair with {who}?",
            "It wants to pair with this computer. There is nothing to compare, so agree only if you began this.",
            "Pair",
        ),
        QuestionKind.COMPARE: (
            f"Does {who} show the same digits?",
            "If it shows others, somebody may be in between: refuse.",
            "They are the same",
        ),
        QuestionKind.ENTER: (
            f"Type the digits that {who} shows",
            "Six digits, on its display or in its papers."
            if question.displayed is None
            else f"In this lab its display shows {question.displayed[:3]} {question.displayed[3:]}.",
            "Pair",
        ),
        QuestionKind.SHOW: (
            f"Type these digits on {who}",
            "Then press its Enter key. This closes by itself when they were right.",
            "",
        ),
    }[question.kind]
    return QuestionView(question.number, question.kind, headline, text, digits, agree)


def typed_value(text: str, *, as_text: bool) -> bytes:
    """What was typed, as bytes. Raises InputError."""
    return parse_value(text, as_text=as_text)


def answer_problem(text: str) -> str:
    """What is wrong with a passkey as typed; empty: nothing."""
    digits = "".join(text.split())
    return "" if digits.isascii() and digits.isdigit() and len(digits) <= 6 else "It has up to six digits."


def _headline(state: BleState) -> str:
    preflight = state.preflight
    if preflight is None:
        return "Can this computer use Bluetooth?"
    if preflight.failure is not None:
        return preflight.failure_text
    if state.link is not None:
        name = state.link.name or state.link.address
        return {
            LinkPhase.CONNECTING: f"Connecting to {name}",
            LinkPhase.CONNECTED: f"Connected to {name}",
            LinkPhase.LOST: f"The connection to {name} was lost",
        }[state.link.phase]
    count = len(state.devices)
    if count:
        nearby = "One device is nearby" if count == 1 else f"{count} devices are nearby"
        return nearby + ("" if not state.crowded else f", and {state.crowded} more than this list holds")
    return "Listening for devices" if state.scanning else "Bluetooth is ready"


def _subline(preflight: Preflight | None) -> str:
    if preflight is None:
        return "Looking for an adapter"
    if preflight.failure is not None:
        return preflight.next_step
    role = "can join and host" if preflight.can_host else "can join over Bluetooth, not host"
    return " · ".join(filter(None, (preflight.stack, preflight.adapter, preflight.address, role)))


def _check(check: PreflightCheck) -> CheckLine:
    label = STEPS[check.step]
    if check.ok is None:
        return CheckLine(label, Tone.UNKNOWN, "not looked at", "", "Something before it stands in the way")
    if check.ok:
        return CheckLine(label, Tone.GOOD, check.detail or "fine", "")
    tone = Tone.WARN if check.step is PreflightStep.HOST else Tone.BAD
    return CheckLine(label, tone, check.text, check.next_step, check.detail and f"Seen: {check.detail}")


def _empty(state: BleState, *, usable: bool, filtered: bool) -> str:
    if filtered:
        return f"The filter hides all {len(state.devices)} devices."
    if not usable:
        return ""
    if state.scanning:
        return "Nothing heard yet. Wake the device, and bring it closer; many advertise only for a while."
    return "Press Scan to see which Bluetooth LE devices are nearby."


def _link(link: LinkState) -> LinkView:
    phase, tone = {
        LinkPhase.CONNECTING: ("connecting", Tone.UNKNOWN),
        LinkPhase.CONNECTED: ("connected", Tone.GOOD),
        LinkPhase.LOST: ("lost", Tone.BAD),
    }[link.phase]
    facts = (
        ("Address", link.address),
        (
            "MTU",
            "not told"
            if link.mtu_bytes is None
            else f"{link.mtu_bytes}{THIN}B, {link.mtu_bytes - 3} a packet",
        ),
        ("Interval", _parameters(link.parameters)),
        ("Paired", "yes" if link.bonded else "no"),
    )
    lines = link.notifications[-LINES_SHOWN:]
    uuids = {each.handle: each.uuid for service in link.services for each in service.characteristics}
    newest = link.rssi_history[-1] if link.rssi_history else None
    heard = NOT_MEASURED if newest is None else f"{newest[1]:.0f}{THIN}dBm".replace("-", "−")
    return LinkView(
        address=link.address,
        title=link.name or link.address,
        phase=phase,
        tone=tone,
        facts=facts,
        services=tuple(map(_service, link.services)),
        left_out=f"{link.left_out} more values than this page holds" if link.left_out else "",
        log=tuple(
            f"{datetime.fromtimestamp(line.at_s).astimezone():%H:%M:%S}  {line.name}  "
            f"{_value(uuids.get(line.handle, ''), line.value)}"
            for line in reversed(lines)
        ),
        history=link.rssi_history,
        history_note=f"{heard} from its advertisements; some devices stop them while connected",
        open=link.phase is LinkPhase.CONNECTED,
        bonded=link.bonded,
        pairing=link.pairing,
    )


def _parameters(told: ConnectionParameters | None) -> str:
    if told is None:
        return "this system does not tell"
    latency = f", may miss {told.peripheral_latency}" if told.peripheral_latency else ""
    return f"{duration(told.interval_s)}{latency}, lost after {duration(told.supervision_timeout_s)}"


def _service(service: ServiceState) -> ServiceRow:
    name = service.name or "Service of its maker"
    return ServiceRow(
        service.handle, name, service.uuid, tuple(map(_characteristic, service.characteristics))
    )


def _characteristic(each: CharacteristicState) -> CharacteristicRow:
    properties = set(each.properties)
    told = "" if each.value is None else meaning(each.uuid, bytes.fromhex(each.value))
    notes = (
        told,
        f"{each.notified} notifications" if each.notified else "listening" if each.notifying else "",
    )
    return CharacteristicRow(
        handle=each.handle,
        name=each.name or "Value of its maker",
        uuid=each.uuid,
        properties=", ".join(each.properties),
        value="" if each.value is None else hex_text(bytes.fromhex(each.value)) or "empty",
        note=" · ".join(filter(None, notes)),
        readable="read" in properties,
        writable=bool(properties & {"write", "write-without-response"}),
        with_response="write" in properties,
        notifies=bool(properties & {"notify", "indicate"}),
        notifying=each.notifying,
        failure=each.failure_text,
    )


def _value(uuid: str, value: str) -> str:
    data = bytes.fromhex(value)
    told = meaning(uuid, data)
    return f"{hex_text(data)}  {told}" if told else hex_text(data)


def _bond(bond: Bond) -> BondRow:
    note = " · ".join(
        filter(None, (bond.address if bond.name else "", "connected" if bond.connected else ""))
    )
    return BondRow(bond.address, bond.name or bond.address, note)
