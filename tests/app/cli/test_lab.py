"""`peerscope lab`: text and JSON, exit codes, the same bytes every time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import app.cli
from netstack.lab.kinds import KINDS
from netstack.lab.scenario import NAMES

ROOT = Path(__file__).parents[3]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = app.cli.run(["lab", *arguments])
    out = capsys.readouterr()
    return code, out.out, out.err


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    code, text, _ = run(capsys, "list")
    assert code == 0
    assert [line.split()[0] for line in text.splitlines()] == list(NAMES)
    code, text, _ = run(capsys, "list", "--format", "json")
    said = json.loads(text)
    assert said["schema"] == "peerscope.lab-list/1"
    assert [scenario["name"] for scenario in said["scenarios"]] == list(NAMES)
    assert all(scenario["title"] for scenario in said["scenarios"])


def test_run(capsys: pytest.CaptureFixture[str]) -> None:
    code, text, _ = run(capsys, "run", "home")
    assert code == 0
    assert "Two ordinary homes" in text
    assert "Anna's laptop: Moderate" in text
    assert "They connected directly" in text
    code, text, _ = run(capsys, "run", "home", "--format", "json", "--seed", "4")
    said = json.loads(text)
    assert (said["schema"], said["scenario"], said["seed"]) == ("peerscope.lab-run/1", "home", 4)
    assert said["nat"]["anna"]["schema"] == "peerscope.nat/1"
    assert said["nat"]["anna"]["network"] == "home"
    assert said["connection"]["direct"] is True
    assert said["as_expected"] is True
    assert said["failure"] is None


def test_a_pair_that_cannot_connect_is_a_problem_found(capsys: pytest.CaptureFixture[str]) -> None:
    code, text, _ = run(capsys, "run", "turn-down")
    assert code == 1
    assert "They could not connect." in text


def test_an_unknown_scenario_gets_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    code, text, error = run(capsys, "run", "hoem", "--format", "json")
    assert code == 2
    assert json.loads(text)["failure"] == "unknown-scenario"
    assert "did you mean home?" in error


def test_matrix(capsys: pytest.CaptureFixture[str]) -> None:
    code, text, _ = run(capsys, "matrix", "--tries", "1", "--seed", "3", "--format", "json")
    assert code == 0
    said = json.loads(text)
    assert (said["schema"], said["tries"], said["seed"]) == ("peerscope.lab-matrix/1", 1, 3)
    assert said["method"] == "peerscope"
    assert len(said["cells"]) == 55
    assert said["cells"][0].keys() >= {"a", "b", "tries", "direct", "connected", "connect_p50_s"}
    code, text, _ = run(capsys, "matrix", "--tries", "1", "--seed", "3")
    assert code == 0
    assert "relay first, then direct" in text
    assert all(kind in text for kind in KINDS)


@pytest.mark.timeout(240)
def test_the_failover_drill(capsys: pytest.CaptureFixture[str]) -> None:
    code, text, _ = run(capsys, "run", "failover", "--format", "json")
    assert code == 0
    said = json.loads(text)
    assert [(row["cause"], row["warm"]) for row in said["drill"]] == [
        (cause, warm)
        for cause in ("dead", "data-blackhole", "one-way-loss", "loss-30", "latency-jump")
        for warm in (True, False)
    ]
    for row in said["drill"]:
        assert row.keys() >= {"cause", "warm", "blackout_s", "lost", "duplicated", "late"}
        assert (row["lost"], row["duplicated"]) == (0, 0)
    assert [each["system"] for each in said["published"]] == ["iroh", "tailscale", "aioice"]


def test_wrong_use_is_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "matrix", "--tries", "0")[0] == 2
    assert run(capsys, "run")[0] == 2


@pytest.mark.parametrize(
    "arguments", [("matrix", "--tries", "2"), ("run", "bursty-wifi"), ("run", "vpn", "--seed", "2")]
)
def test_every_process_and_every_number_of_workers_prints_the_same_bytes(arguments: tuple[str, ...]) -> None:
    printed = set()
    for hash_seed, workers in (("1", "1"), ("2", "2")):
        extra = ("--workers", workers) if arguments[0] == "matrix" else ()
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "app", "lab", *arguments, *extra, "--format", "json"],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            timeout=50,
            check=False,
        )
        assert done.returncode in {0, 1}, done.stderr
        printed.add(done.stdout)
    assert len(printed) == 1


def test_a_nat_check_in_the_lab_says_so_and_repeats(capsys: pytest.CaptureFixture[str]) -> None:
    printed = set()
    for _ in range(2):
        assert app.cli.run(["nat", "--lab", "cgnat", "--lifetime", "--format", "json"]) == 0
        printed.add(capsys.readouterr().out)
    said = json.loads(printed.pop())
    assert not printed
    assert (said["network"], said["verdict"], said["cgnat"]) == ("cgnat", "moderate", True)
    assert said["lifetime"]["alive_s"] < 120 <= said["lifetime"]["gone_s"]
    assert app.cli.run(["nat", "--lab", "udp-blocked"]) == 1
    assert "This is the lab" in capsys.readouterr().out
    assert app.cli.run(["nat", "--lab", "nowhere"]) == 2
    assert "The lab has no scenario of that name" in capsys.readouterr().err


def test_every_command_of_the_lab_reads_the_configuration(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "peerscope.toml"
    file.write_text("stnu = []")
    for arguments in (("list",), ("run", "home"), ("matrix", "--tries", "1")):
        code, text, error = run(capsys, *arguments, "--format", "json", "--config", str(file))
        assert code == 2
        assert json.loads(text)["failure"] == "malformed-config"
        assert "did you mean stun?" in error


def test_a_failure_has_the_keys_of_a_result(capsys: pytest.CaptureFixture[str]) -> None:
    def document(*arguments: str) -> dict[str, object]:
        app.cli.run([*arguments, "--format", "json"])
        return json.loads(capsys.readouterr().out)

    for good, bad in (
        (("nat", "--lab", "home"), ("nat", "--lab", "nowhere")),
        (("nat", "--lab", "home"), ("nat", "--lab", "home", "--server", "stun:a b")),
        (("lab", "run", "home"), ("lab", "run", "nowhere")),
    ):
        fine, failed = document(*good), document(*bad)
        assert failed.keys() == fine.keys()
        assert failed["schema"] == fine["schema"]
        assert fine["failure"] is None
        assert failed["failure"]
        assert failed["failure_text"]
