"""Two of our own programs, on two computers, talk over WebRTC because one of them wants nothing else."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.namespaces import Host
from tests.webrtc.lan import APP

pytestmark = [pytest.mark.webrtc, pytest.mark.timeout(120)]

ROOT = Path(__file__).parents[2]
MAILBOXES = f"{APP}:21080"


@contextmanager
def program(host: Host, home: Path, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text("stun = []\n", "utf-8")
    place = str(home)
    env = {**os.environ, "HOME": place, "XDG_DATA_HOME": place, "XDG_CONFIG_HOME": place}
    process = host.do(
        subprocess.Popen,
        [sys.executable, "-m", "app", *arguments, "--config", str(home / "config.toml")],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def events(process: "subprocess.Popen[str]") -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    for line in process.stdout:
        yield json.loads(line)


@pytest.mark.parametrize("who", ["guest", "host"])
def test_either_may_insist_on_webrtc(wire: tuple[Host, Host], tmp_path: Path, who: str) -> None:
    here, there = wire
    insist = ("--transport", "webrtc")
    with program(here, tmp_path / "server", "serve", "--rendezvous", MAILBOXES) as server:
        server.stdout.readline()
        options = ("--via", f"ws://{MAILBOXES}", "--format", "jsonl")
        with program(here, tmp_path / "a", "host", *options, *(insist if who == "host" else ())) as host:
            code = next(event["code"] for event in events(host) if event["event"] == "code")
            joining = ("join", code, *options, "--send", "hello", "--send-bytes", "300000")
            with program(there, tmp_path / "b", *joining, *(insist if who == "guest" else ())) as guest:
                told = list(events(guest))
                assert guest.wait(20) == 0, told
            theirs = list(events(host))
    connected = next(event for event in told if event["event"] == "connected")
    assert (connected["transport"], connected["kind"]) == ("webrtc", "local")
    assert connected["remote"].startswith(APP)
    said = [event for event in told if event["event"] == "message" and event["mine"]]
    assert [(event["bytes"], event["transport"]) for event in said] == [(5, "webrtc"), (300_000, "webrtc")]
    assert next(event for event in theirs if event["event"] == "connected")["transport"] == "webrtc"


def test_sessions_are_measured_beside_the_library_itself(wire: tuple[Host, Host], tmp_path: Path) -> None:
    options = ("--transport", "webrtc", "--megabytes", "2", "--exchanges", "10", "--format", "json")
    with program(wire[0], tmp_path / "bench", "bench", *options) as bench:
        assert bench.stdout is not None
        told = json.loads(bench.stdout.read())
        assert bench.wait(10) == 0
    figures = {result["metric"]: result["value"] for result in told["results"]}
    assert figures["datagram_bytes"] == 32_768
    assert figures["throughput_bps"] > 0
    assert figures["plain_throughput_bps"] > 0
    assert 0 < figures["plain_rtt_p50_s"] <= figures["plain_rtt_p99_s"]
    assert figures["lost_packets"] == 0
