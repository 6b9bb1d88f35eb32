"""A diagnosis of an earlier day as it was told then: its text, and what is saved of it."""

from typing import Final, NamedTuple

import msgspec

from app.presenters.doctor_text import doctor_text
from app.presenters.load import load_text
from app.presenters.nat_text import report_json, report_text
from app.presenters.turn_text import turn_report_text
from app.presenters.veil import Veil
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
OLD: Final = "It was kept by another version of Peerscope, and is shown as it was written."


class _Named(msgspec.Struct):
    schema: str = ""


class PastReport(NamedTuple):
    """`text` is for reading, `json` for a file; `note` is empty or a sentence."""

    text: str
    json: str
    note: str = ""


def past_report(kind: RunKind, body: str, veil: Veil) -> PastReport:
    """What is under the veil stays hidden in both."""
    shape = _SHAPES[kind]
    try:
        report = msgspec.json.decode(body, type=shape)
        told = msgspec.json.decode(body, type=_Named).schema
    except msgspec.DecodeError:
        return PastReport(veil(body), veil(body), OLD)
    if told != next((each.default for each in msgspec.structs.fields(shape) if each.name == "schema"), ""):
        return PastReport(veil(body), veil(body), OLD)
    match report:
        case DoctorReport():
            text = doctor_text(report, veil)
        case NatReport():
            text = report_text(report, veil)
        case TurnReport():
            text = veil(turn_report_text(report))
        case LoadReport():
            text = load_text(report)
        case _:
            text = veil(body)
    return PastReport(text.strip(), report_json(report, veil))
