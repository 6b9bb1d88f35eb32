"""Ways to find each other in plain words: the question of the first invitation, and how each way fares."""

from enum import StrEnum

import msgspec

from app.presenters.tone import Tone
from netstack.core.rendezvous_uri import parse_rendezvous
from netstack.model.meeting import MeetingError, Way, WayHealth, WayState

_TONES = {
    WayState.OPENING: Tone.UNKNOWN,
    WayState.READY: Tone.GOOD,
    WayState.HEARD: Tone.GOOD,
    WayState.FAILED: Tone.BAD,
    WayState.CLOSED: Tone.UNKNOWN,
}
_STATES = {
    WayState.OPENING: "opening",
    WayState.READY: "waiting there",
    WayState.HEARD: "the other side is there",
    WayState.CLOSED: "closed",
}


class WayChoice(StrEnum):
    """The answers to "how do you want to meet?"."""

    BROKER = "broker"
    OWN = "own"
    LAN = "lan"
    BLE = "ble"


class WayLine(msgspec.Struct, frozen=True):
    """One way's line: a glyph, its name, and how it fares."""

    tone: Tone
    name: str
    text: str


class ChoiceView(msgspec.Struct, frozen=True):
    """The question: which answer is marked, the brokers on offer, and the own server as it was written."""

    chosen: WayChoice
    brokers: tuple[str, ...]
    broker: str
    own: str


def way_lines(ways: tuple[WayHealth, ...]) -> tuple[WayLine, ...]:
    """A line for each way."""
    return tuple(_line(way) for way in ways)


def _line(way: WayHealth) -> WayLine:
    text = _STATES.get(way.state) or (way.text[:1].upper() + way.text[1:])
    return WayLine(_TONES[way.state], name_of(way.way, way.name), text)


def name_of(way: Way, name: str) -> str:
    """A way as people call it."""
    match way:
        case Way.LAN:
            return "This network"
        case Way.BLE:
            return "Bluetooth"
        case Way.MEMORY:
            return "The lab"
        case Way.MQTT:
            return f"Broker {_host(name)}"
        case Way.WEBSOCKET if _host(name) == "127.0.0.1":
            return "The mailboxes here"
        case Way.WEBSOCKET:
            return f"Server {_host(name)}"
        case Way.PASTE:
            return "By hand"


def choice(ways: tuple[str, ...], brokers: tuple[str, ...]) -> ChoiceView:
    """The question with the present answer marked; a public broker where there is none yet."""
    kinds = {way: _kind(way) for way in ways}
    own = next(
        (way for way, kind in kinds.items() if kind in {Way.WEBSOCKET, Way.MQTT} and way not in brokers), ""
    )
    broker = next((way for way in ways if way in brokers), brokers[0] if brokers else "")
    if own:
        chosen = WayChoice.OWN
    elif any(way in brokers for way in ways) or (not ways and brokers):
        chosen = WayChoice.BROKER
    elif Way.BLE in kinds.values():
        chosen = WayChoice.BLE
    else:
        chosen = WayChoice.LAN
    return ChoiceView(chosen, brokers, broker, own)


def chosen_ways(answer: WayChoice, broker: str, own: str) -> tuple[str, ...]:
    """What an answer means. Raises MeetingError where the own server is none."""
    match answer:
        case WayChoice.BROKER:
            return (broker, "lan")
        case WayChoice.LAN:
            return ("lan",)
        case WayChoice.BLE:
            return ("ble",)
        case WayChoice.OWN:
            uri = parse_rendezvous(own.strip())
            if uri.way not in {Way.WEBSOCKET, Way.MQTT}:
                raise MeetingError(MeetingError.Reason.MALFORMED_VIA, own.strip()[:60])
            return (str(uri),)


def summary(ways: tuple[str, ...]) -> str:
    """How it is met now, in half a sentence; empty before it was chosen."""
    names = []
    for way in ways:
        try:
            uri = parse_rendezvous(way)
        except MeetingError:
            continue
        names.append(
            name_of(uri.way, way).replace("This", "this", 1).replace("Broker ", "").replace("Server ", "")
        )
    return f"Meeting by {' and '.join(names)}" if names else ""


def host_of(way: str) -> str:
    """The host of a broker's address, for the question."""
    return _host(way)


def _kind(way: str) -> Way | None:
    try:
        return parse_rendezvous(way).way
    except MeetingError:
        return None


def _host(name: str) -> str:
    try:
        return parse_rendezvous(name).host or name
    except MeetingError:
        return name
