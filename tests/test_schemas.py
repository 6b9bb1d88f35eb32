"""The JSON schemas in `resources` say what the commands print."""

import json

import msgspec
import pytest

from netstack.config import RESOURCES
from netstack.model.bench import BenchReport
from netstack.model.bluetooth import BleReport
from netstack.model.doctor import DoctorReport
from netstack.model.history import ComparisonReport, HistoryReport
from netstack.model.lab import LabRun, Matrix, ScenarioList
from netstack.model.nat import NatReport
from netstack.model.turn import TurnReport

SCHEMAS = {
    "peerscope.bench-1.json": BenchReport,
    "peerscope.ble-1.json": BleReport,
    "peerscope.comparison-1.json": ComparisonReport,
    "peerscope.history-1.json": HistoryReport,
    "peerscope.lab-list-1.json": ScenarioList,
    "peerscope.lab-matrix-1.json": Matrix,
    "peerscope.lab-run-1.json": LabRun,
    "peerscope.nat-1.json": NatReport,
    "peerscope.turn-1.json": TurnReport,
    "peerscope.report-1.json": DoctorReport,
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schema_is_the_models(name: str) -> None:
    """To renew one: `msgspec.json.schema(Model)`, indented by 1, into the file."""
    kept = json.loads((RESOURCES / "schemas" / name).read_text("utf-8"))
    assert kept == json.loads(json.dumps(msgspec.json.schema(SCHEMAS[name])))


def test_every_schema_is_guarded() -> None:
    assert {path.name for path in (RESOURCES / "schemas").iterdir()} == set(SCHEMAS)
