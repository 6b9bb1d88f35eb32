"""`peerscope turn` as a program: exit codes, JSON, and where a password may and may not be."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.presenters.turn_text import turn_report_text
from netstack.model.turn import ServerTransport, Stage, StageName, TurnReport

ROOT = Path(__file__).parents[3]


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", "turn", *arguments],
        check=False,
        cwd=ROOT,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def document(done: subprocess.CompletedProcess[str]) -> dict:
    [line] = done.stdout.splitlines()
    return json.loads(line)


def test_a_relay_of_the_lab() -> None:
    done = run("--lab", "home", "--format", "json")
    report = document(done)
    assert done.returncode == 0, done.stderr
    assert report["schema"] == "peerscope.turn/1"
    assert report["network"] == "home"
    assert report["failure"] is None
    assert [stage["name"] for stage in report["stages"]] == [name.value for name in StageName]
    assert {"name", "ok", "failure", "detail", "duration_s"} <= set(report["stages"][0])
    assert report["throughput_relay_bps"] is None
    assert report["rtt_direct_p50_s"] is report["throughput_direct_bps"] is None


@pytest.mark.parametrize(
    ("arguments", "variables", "code", "failure"),
    [
        (("--lab", "turn-down"), {}, 2, "refused"),
        (("--lab", "home", "turn:nobody.example"), {}, 2, "unknown-host"),
        (("--lab", "home"), {"PEERSCOPE_TURN_PASSWORD": "opensesame"}, 1, "unauthorized"),
        (("turn://host",), {}, 2, "malformed-uri"),
        (("turns:host?transport=udp",), {}, 2, "dtls"),
        (("turn:ana:opensesame@turn.example.org",), {}, 2, "malformed-uri"),
        ((), {}, 2, "wrong-use"),
    ],
)
def test_what_goes_wrong(arguments, variables, code, failure) -> None:
    user = ("--username", "ana") if variables else ()
    done = run(*arguments, *user, "--format", "json", **variables)
    assert (done.returncode, document(done)["failure"]) == (code, failure)
    assert "opensesame" not in done.stdout + done.stderr


def test_there_is_no_option_for_a_password() -> None:
    assert "--password" not in run("--help").stdout
    assert run("turn:x", "--password", "opensesame").returncode == 2


def test_text() -> None:
    report = TurnReport(
        headline="The relay works.",
        transport=ServerTransport.UDP,
        stages=(
            Stage(StageName.DNS, None, detail="It is an address already."),
            Stage(StageName.REACH, True, detail="UDP", duration_s=0.1),
            Stage(StageName.QUOTA, False, "quota", "The quota is used up.", "Release some."),
        ),
        advice=("Release some.",),
        network="home",
    )
    text = turn_report_text(report)
    assert text.splitlines()[0].startswith("This is the lab")
    assert "  FAIL quota            The quota is used up." in text
    assert "  -    dns" in text
    assert "Throughput:         not measured" in text
    assert text.endswith("  - Release some.")
