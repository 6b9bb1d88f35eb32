"""Meeting by Bluetooth from the command line, where there is none: one sentence, the next step, exit code 2."""

import json

import pytest

import app.cli
import app.cli.meeting
from netstack.model.ble import Preflight
from netstack.model.bluetooth_error import BluetoothError

OFF = BluetoothError(BluetoothError.Reason.POWERED_OFF)


class _Radio:
    closed = 0

    async def preflight(self) -> Preflight:
        return Preflight(failure=OFF.reason.value, failure_text=OFF.sentence, next_step=OFF.remedy)

    async def close(self) -> None:
        self.closed += 1


@pytest.fixture
def radio(monkeypatch: pytest.MonkeyPatch) -> _Radio:
    radio = _Radio()

    async def opened() -> _Radio:
        return radio

    monkeypatch.setattr(app.cli.meeting, "open_system_radio", opened)
    return radio


@pytest.mark.parametrize(
    "arguments",
    [
        ("host", "--via", "ble"),
        ("host", "--transport", "ble"),
        ("join", "482913-amber-walnut-kayak", "--via", "ble"),
        ("join", "482913-amber-walnut-kayak", "--transport", "ble"),
    ],
)
def test_without_bluetooth_it_says_why_and_ends(radio, arguments, capsys) -> None:
    assert app.cli.run([*arguments, "--format", "jsonl"]) == 2
    out = capsys.readouterr()
    event = json.loads(out.out)
    assert (event["event"], event["failure"]) == ("error", "powered-off")
    assert "Turn Bluetooth on" in event["text"]
    assert out.err.count("\n") == 1
    assert radio.closed == 1
