"""What can be turned on a link: delay, loss and bandwidth, on the air the distance, as positions of a slider and as typed text."""

import math
import re
from collections.abc import Callable

import msgspec

from app.presenters.quantity import THIN, digits

STEPS = 100


class Knob(msgspec.Struct, frozen=True):
    """One property of a link. `field` is its name in the stack; values are in the stack's units, or None."""

    field: str
    label: str
    hint: str
    value: Callable[[int], float | None]
    position: Callable[[float | None], int]
    text: Callable[[float | None], str]
    parse: Callable[[str], float | None]


class Turned(msgspec.Struct, frozen=True):
    """How a knob stands."""

    field: str
    position: int
    text: str


def _nice(value: float) -> float:
    """Two significant digits."""
    if value <= 0:
        return 0.0
    power = math.floor(math.log10(value)) - 1
    return float(round(value, -power))


def _number(text: str, units: dict[str, float], example: str) -> float:
    """A number with one of the units, or none: the first one. Thousands may stand apart."""
    text = re.sub(r"(?<=[0-9])\s+(?=[0-9])", "", text.strip().lower())
    found = re.fullmatch(r"([0-9]+(?:[.,][0-9]+)?)\s*([a-zµ%/]*)", text)
    if found is None or (found[2] and found[2] not in units):
        raise ValueError(f"Write it like {example}.")
    return float(found[1].replace(",", ".")) * units[found[2] or next(iter(units))]


def _delay_value(position: int) -> float:
    return 0.0 if position <= 0 else _nice(0.001 * 1000 ** ((position - 1) / (STEPS - 1)))


def _delay_position(value: float | None) -> int:
    if not value or value < 0.0005:
        return 0
    return max(1, min(STEPS, round(1 + (STEPS - 1) * math.log(value / 0.001, 1000)) if value > 0.001 else 1))


def _delay_text(value: float | None) -> str:
    return f"{digits(1000 * (value or 0.0))}{THIN}ms"


def _delay_parse(text: str) -> float:
    value = _number(text, {"ms": 1e-3, "s": 1.0, "µs": 1e-6, "us": 1e-6}, "20 ms")
    if value > 60:
        raise ValueError("A link takes 60 s at most.")
    return value


def _loss_value(position: int) -> float:
    return round((max(0, min(STEPS, position)) / STEPS) ** 2, 4)


def _loss_position(value: float | None) -> int:
    return round(STEPS * math.sqrt(value or 0.0))


def _loss_text(value: float | None) -> str:
    return f"{digits(100 * (value or 0.0))}{THIN}%"


def _loss_parse(text: str) -> float:
    value = _number(text, {"%": 0.01}, "5 %")
    if value > 1:
        raise ValueError("No more than 100 % can be lost.")
    return value


_SLOWEST, _FASTEST = 64e3, 1e9


def _bandwidth_value(position: int) -> float | None:
    if position >= STEPS:
        return None
    return _nice(_SLOWEST * (_FASTEST / _SLOWEST) ** (max(0, position) / (STEPS - 1)))


def _bandwidth_position(value: float | None) -> int:
    if value is None:
        return STEPS
    place = round((STEPS - 1) * math.log(max(value, _SLOWEST) / _SLOWEST, _FASTEST / _SLOWEST))
    return max(0, min(STEPS - 1, place))


def _bandwidth_text(value: float | None) -> str:
    if value is None:
        return "no limit"
    for unit, scale in (("Gbit/s", 1e9), ("Mbit/s", 1e6), ("kbit/s", 1e3)):
        if value >= scale:
            return f"{digits(value / scale)}{THIN}{unit}"
    return f"{digits(value)}{THIN}bit/s"


def _bandwidth_parse(text: str) -> float | None:
    if text.strip().lower() in {"no limit", "none", "unlimited", "∞"}:
        return None
    value = _number(
        text,
        {"mbit/s": 1e6, "mbit": 1e6, "m": 1e6, "kbit/s": 1e3, "kbit": 1e3, "k": 1e3}
        | {"gbit/s": 1e9, "gbit": 1e9, "g": 1e9, "bit/s": 1.0},
        "50 Mbit/s or no limit",
    )
    if value < 1000:
        raise ValueError("A link carries 1 kbit/s at least.")
    return value


_NEAREST_M, _FARTHEST_M = 0.5, 200.0


def _distance_value(position: int) -> float:
    return _nice(_NEAREST_M * (_FARTHEST_M / _NEAREST_M) ** (max(0, min(STEPS, position)) / STEPS))


def _distance_position(value: float | None) -> int:
    place = math.log(max(value or 0.0, _NEAREST_M) / _NEAREST_M, _FARTHEST_M / _NEAREST_M)
    return min(STEPS, round(STEPS * place))


def _distance_text(value: float | None) -> str:
    return f"{digits(value or 0.0)}{THIN}m"


def _distance_parse(text: str) -> float:
    value = _number(text, {"m": 1.0, "cm": 0.01}, "10 m")
    if not 0.1 <= value <= 1000:
        raise ValueError("Two can be 0.1 m to 1 000 m apart.")
    return value


KNOBS = (
    Knob(
        "distance_m",
        "Distance",
        "How far the two are from each other; the farther, the more is lost",
        _distance_value,
        _distance_position,
        _distance_text,
        _distance_parse,
    ),
    Knob(
        "delay_s",
        "Delay",
        "How long a packet takes over this link, one way",
        _delay_value,
        _delay_position,
        _delay_text,
        _delay_parse,
    ),
    Knob(
        "loss",
        "Loss",
        "The share of packets that gets lost here, each for itself",
        _loss_value,
        _loss_position,
        _loss_text,
        _loss_parse,
    ),
    Knob(
        "bandwidth_bps",
        "Bandwidth",
        "How much fits through in a second, each way; what is too much waits, and then is lost",
        _bandwidth_value,
        _bandwidth_position,
        _bandwidth_text,
        _bandwidth_parse,
    ),
)


def turned(field: str, value: float | None) -> Turned:
    """How the knob of `field` stands at `value`."""
    knob = next(knob for knob in KNOBS if knob.field == field)
    return Turned(field, knob.position(value), knob.text(value))
