"""Reports of earlier days, each kind as text and as JSON."""

import json

import msgspec
import pytest

from app.presenters.past_report import OLD, past_report
from app.presenters.veil import Veil
from netstack.model.history import RunKind
from netstack.model.nat import Evidence
from netstack.model.turn import TurnReport
from tests.app.presenters.test_check import WELL_REPORT
from tests.app.presenters.test_load import report as load_report
from tests.app.presenters.test_nat import MODERATE

HIDES = Veil(("203.0.113.7",))


@pytest.mark.parametrize(
    ("kind", "report", "words"),
    [
        (RunKind.DOCTOR, WELL_REPORT, WELL_REPORT.verdict),
        (RunKind.NAT, MODERATE, MODERATE.headline),
        (RunKind.TURN, TurnReport(server="turn:192.0.2.9"), "turn:192.0.2.9"),
        (RunKind.LOAD, load_report(0.02, 0.2, 0.1), "Latency under load with"),
    ],
)
def test_each_kind_is_read_as_it_was_kept(kind, report, words) -> None:
    past = past_report(kind, msgspec.json.encode(report).decode(), HIDES)
    assert words in past.text
    assert past.note == ""
    assert msgspec.json.decode(past.json, type=type(report)) is not None
    assert "203.0.113.7" not in past.text + past.json


def test_addresses_that_no_fact_names_are_hidden_too() -> None:
    body = msgspec.json.encode(
        msgspec.structs.replace(
            MODERATE,
            public_addresses=("2001:db8::7",),
            evidence=(Evidence("mapping", "seen as 2001:db8::7"),),
        )
    ).decode()
    hidden = past_report(RunKind.NAT, body, Veil(()))
    assert "2001:db8::7" not in hidden.text + hidden.json
    assert "2001:db8::7" in past_report(RunKind.NAT, body, Veil(()), lifted=True).text


@pytest.mark.parametrize("body", ['{"verdict": 3, "at": "203.0.113.7"}', "[1, 2]"])
def test_what_cannot_be_read_is_shown_as_it_is(body) -> None:
    past = past_report(RunKind.DOCTOR, body, HIDES)
    assert past.note == OLD
    assert json.loads(past.text) == json.loads(body.replace("203.0.113.7", "(hidden)"))
