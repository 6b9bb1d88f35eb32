"""A diagnosis of an earlier day as it was told then: its text, and what is saved of it."""

import ipaddress
import re
from typing import Final, NamedTuple

import msgspec

from app.presenters.doctor_text import doctor_text
from app.presenters.load import load_text
from app.presenters.nat_text import report_json, report_text
from app.presenters.turn_text import turn_report_text
from app.presenters.veil import Veil, of_report
from netstack.model.address import Scope, scope
from netstack.model.doctor import DoctorReport
from netstack.model.history import RunKind
from netstack.model.load import LoadReport
from netstack.model.nat import NatReport
from netstack.model.turn import TurnReport

_SHAPES: Final[dict[RunKind, type[msgspec.Struct]]] = {
    RunKind.DOCTOR: DoctorReport,
    RunKind.NAT: NatReport,
    RunKind.TURN: TurnReport,
    RunKind.LOAD: LoadReport,
}
_ADDRESSES: Final = re.compile(r"[0-9a-fA-F:.]{3,45}")
OLD: Final = "It was kept by another version of Peerscope, and is shown as it was written."


class _Named(msgspec.Struct):
    schema: str = ""


class PastReport(NamedTuple):
    """`text` is for reading, `json` for a file; `note` is empty or a sentence."""

    text: str
    json: str
    note: str = ""


def past_report(kind: RunKind, body: str, veil: Veil, *, lifted: bool = False) -> PastReport:
    """What is under the veil stays hidden in both, and this computer's other public addresses too, unless it is lifted."""
    shape = _SHAPES[kind]
    try:
        report = msgspec.json.decode(body, type=shape)
        told = msgspec.json.decode(body, type=_Named).schema
    except msgspec.DecodeError:
        return _as_written(body, lifted=lifted)
    if told != next((each.default for each in msgspec.structs.fields(shape) if each.name == "schema"), ""):
        return _as_written(body, lifted=lifted)
    own = Veil(())
    match report:
        case DoctorReport():
            own = of_report(report.nat, lifted=lifted)
            text = doctor_text(report, own)
        case NatReport():
            own = of_report(report, lifted=lifted)
            text = report_text(report, own)
        case TurnReport():
            text = turn_report_text(report)
        case LoadReport():
            text = load_text(report)
        case _:
            text = body
    return PastReport(veil(text.strip()), veil(report_json(report, own)))


def _as_written(body: str, *, lifted: bool) -> PastReport:
    """Nobody knows which of its addresses are whose: all public ones are hidden."""
    found = (each.strip(":.") for each in _ADDRESSES.findall(body))
    text = Veil((host for host in found if _is_public(host)), lifted=lifted)(body)
    return PastReport(text, text, OLD)


def _is_public(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return scope(host) is Scope.PUBLIC
