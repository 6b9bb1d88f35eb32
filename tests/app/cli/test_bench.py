"""`peerscope bench`: the JSON that programs read, the table that people read, and what cannot be measured."""

import json
from pathlib import Path

import msgspec
import pytest

import app.cli
from app.presenters.bench_text import bench_text
from netstack.model.bench import BenchReport
from tests.coturn import needs_coturn

ALWAYS = {
    "connect_p50_s": "s",
    "rtt_p50_s": "s",
    "rtt_p99_s": "s",
    "throughput_bps": "bit/s",
    "datagram_bytes": "B",
    "sealed_overhead_bytes": "B",
    "fragment_efficiency": "1",
    "rss_bytes": "B",
}


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = app.cli.run(["bench", *arguments])
    out = capsys.readouterr()
    return code, out.out, out.err


def figures(said: dict, transport: str) -> dict[str, dict]:
    return {each["metric"]: each for each in said["results"] if each["transport"] == transport}


@pytest.mark.timeout(120)
def test_two_processes_over_loopback(capsys: pytest.CaptureFixture[str]) -> None:
    code, text, _ = run(capsys, "--megabytes", "2", "--exchanges", "20", "--format", "json")
    assert code == 0
    said = json.loads(text)
    assert (said["schema"], said["network"], said["failure"]) == ("peerscope.bench/1", "loopback", None)
    for transport in ("udp", "tcp"):
        found = figures(said, transport)
        assert {metric: each["unit"] for metric, each in found.items() if metric in ALWAYS} == ALWAYS
        assert all(each["n"] >= 1 for each in found.values())
        assert found["rtt_p50_s"]["n"] == 20
        assert found["throughput_bps"]["value"] > 0
        assert found["sealed_overhead_bytes"]["value"] == 28
    assert 1200 < figures(said, "udp")["datagram_bytes"]["value"] <= 1472


@pytest.mark.parametrize("server", [pytest.param("coturn", marks=needs_coturn), "peerscope"])
@pytest.mark.timeout(120)
def test_through_a_relay(
    server: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if server == "peerscope":
        monkeypatch.setattr("netstack.service.bench_relay.PROGRAM", "no-such-program")
    arguments = ("--transport", "turn", "--megabytes", "1", "--exchanges", "20")
    code, text, _ = run(capsys, *arguments, "--format", "json")
    assert code == 0
    said = json.loads(text)
    assert (said["relay"], said["failure"]) == (server, None)
    found = figures(said, "turn")
    assert {metric: each["unit"] for metric, each in found.items() if metric in ALWAYS} == ALWAYS
    assert found["rtt_p50_s"]["n"] == 20
    assert found["throughput_bps"]["value"] > 0
    assert 1200 <= found["datagram_bytes"]["value"] <= 1468
    assert "Each side has a relay of" in bench_text(msgspec.json.decode(text, type=BenchReport))


def test_bluetooth_on_the_labs_radio(capsys: pytest.CaptureFixture[str]) -> None:
    """Virtual time here too."""
    arguments = ("--transport", "ble", "--megabytes", "1", "--exchanges", "20")
    code, text, _ = run(capsys, *arguments, "--format", "json")
    assert code == 0
    found = figures(json.loads(text), "ble")
    assert found["kilobyte_efficiency"]["value"] >= 0.895
    assert found["kilobyte_fragments"]["value"] == 5
    assert (found["datagram_bytes"]["value"], found["sealed_overhead_bytes"]["value"]) == (244, 22)
    assert found["lost_packets"]["value"] == 0
    assert 4e5 < found["throughput_bps"]["value"] < 8e5
    table = bench_text(msgspec.json.decode(text, type=BenchReport))
    assert table.startswith("BLE\n")
    assert "Two processes" not in table


def test_a_lossy_link_of_the_lab(capsys: pytest.CaptureFixture[str]) -> None:
    """Virtual time: these figures do not depend on the computer, so they may be asserted."""
    arguments = ("--transport", "udp", "--loss", "0.01", "--rtt", "0.02", "--megabytes", "16")
    code, text, _ = run(capsys, *arguments, "--format", "json")
    assert code == 0
    said = json.loads(text)
    assert (said["network"], said["loss"], said["rtt_s"], said["link_bps"]) == ("lab", 0.01, 0.02, 100e6)
    found = figures(said, "udp")
    assert 0.02 <= found["rtt_p50_s"]["value"] < 0.0205
    assert 0.8e8 < found["throughput_bps"]["value"] < 1e8
    assert found["lost_packets"]["value"] > 0
    assert found["datagram_bytes"]["value"] == 1472


def test_a_table_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    code, text, _ = run(capsys, "--transport", "tcp", "--rtt", "0.05", "--megabytes", "1", "--exchanges", "5")
    assert code == 0
    assert "A virtual link: 0.05 s round trip" in text
    assert "TCP" in text
    assert "UDP" not in text
    assert "Throughput, reliable and sealed" in text


@pytest.mark.timeout(120)
def test_many_sessions_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--transport", "udp", "--megabytes", "1", "--exchanges", "1", "--sessions", "40")
    code, text, _ = run(capsys, *arguments, "--format", "json")
    assert code == 0
    found = figures(json.loads(text), "udp")
    assert found["sessions"]["value"] == 40
    assert found["sessions_opened_per_s"]["value"] > 0


@pytest.mark.parametrize(
    "arguments",
    [("--transport", "turn", "--rtt", "0.1"), ("--sessions", "5", "--rtt", "0.1", "--megabytes", "1")],
)
def test_what_is_not_measured_gets_a_sentence(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    code, text, error = run(capsys, *arguments, "--transport", "udp", "--exchanges", "1", "--format", "json")
    assert code == 2
    assert json.loads(text)["failure"] == "wrong-use"
    assert "cannot be measured" in error


@pytest.mark.timeout(120)
def test_a_race_of_all_transports(capsys: pytest.CaptureFixture[str]) -> None:
    code, text, _ = run(capsys, "--race", "1", "--format", "json")
    assert code == 0
    lanes = json.loads(text)["race"]["lanes"]
    assert {"udp", "tcp", "turn", "ble"} <= {lane["transport"] for lane in lanes}
    assert all(lane["sent"] == 60 for lane in lanes if lane["failure"] is None)
    code, text, _ = run(capsys, "--race", "1")
    assert code == 0
    assert "won" in text


def test_figures_need_the_projects_folder(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, errors = run(capsys, "--all")
    assert code == 2
    assert "project's folder" in errors
