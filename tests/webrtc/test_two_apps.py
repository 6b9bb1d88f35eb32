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


def talk(here: Host, there: Host, address: str, home: Path, who: str) -> dict[str, Any]:
    """What the guest's connection was, once 5 bytes and 300 kB went over it; `who` insists on WebRTC."""
    insist = ("--transport", "webrtc")
    mailboxes = f"{address}:21080"
    with program(here, home / "server", "serve", "--rendezvous", mailboxes) as server:
        assert server.stdout is not None
        server.stdout.readline()
        options = ("--via", f"ws://{mailboxes}", "--format", "jsonl")
        with program(here, home / "a", "host", *options, *(insist if who == "host" else ())) as host:
            code = next(event["code"] for event in events(host) if event["event"] == "code")
            joining = ("join", code, *options, "--send", "hello", "--send-bytes", "300000")
            with program(there, home / "b", *joining, *(insist if who == "guest" else ())) as guest:
                told = list(events(guest))
                assert guest.wait(20) == 0, told
            theirs = list(events(host))
    said = [event for event in told if event["event"] == "message" and event["mine"]]
    assert [(event["bytes"], event["transport"]) for event in said] == [(5, "webrtc"), (300_000, "webrtc")]
    assert next(event for event in theirs if event["event"] == "connected")["transport"] == "webrtc"
    connected = next(event for event in told if event["event"] == "connected")
    assert (connected["transport"], connected["kind"]) == ("webrtc", "local")
    return connected


@pytest.mark.parametrize("who", ["guest", "host"])
def test_either_may_insist_on_webrtc(wire: tuple[Host, Host], tmp_path: Path, who: str) -> None:
    assert talk(*wire, APP, tmp_path, who)["remote"].startswith(APP)


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
