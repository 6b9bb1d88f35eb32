"""`peerscope history`: what the commands found out before."""

import json
import subprocess
import sys

import pytest


def peerscope(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments], capture_output=True, text=True, timeout=50, check=False
    )


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("XDG_DATA_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))


def test_checks_in_the_terminal_are_remembered_and_compared(home) -> None:
    empty = peerscope("history")
    assert (empty.returncode, empty.stdout.strip()) == (
        0,
        "Nothing has been kept yet: run a check, or meet somebody.",
    )
    assert peerscope("nat", "--lab", "home").returncode == 0
    assert peerscope("nat", "--lab", "strict-router").returncode in {0, 1}
    assert json.loads(peerscope("history", "--format", "json").stdout)["runs"] == []  # the lab is apart
    report = json.loads(peerscope("history", "--lab", "--format", "json").stdout)
    assert (report["schema"], report["network"], report["failure"]) == ("peerscope.history/1", "lab", None)
    strict, home_run = report["runs"]
    assert (home_run["network"], strict["network"]) == ("home", "strict-router")
    assert (home_run["standing"], strict["standing"]) == ("fine", "problem")
    done = peerscope("history", "--lab", "--since-fine")
    assert done.returncode == 1
    assert "Verdict: moderate -> strict" in done.stdout
    same = peerscope("history", "--lab", "--compare", str(strict["id"]), str(strict["id"]))
    assert (same.returncode, "Nothing that is compared has changed." in same.stdout) == (0, True)

    told = peerscope("history", "--lab", "--show", str(strict["id"]))
    assert (told.returncode, "What to do" in told.stdout) == (0, True)
    whole = json.loads(peerscope("history", "--lab", "--show", str(strict["id"]), "--format", "json").stdout)
    assert (whole["schema"], whole["network"]) == ("peerscope.nat/1", "strict-router")


def test_wrong_use_is_a_sentence(home) -> None:
    for arguments, said in (
        (("--compare", "1", "2"), "there is no diagnosis 1"),
        (("--show", "7"), "there is no diagnosis 7"),
        (("--since-fine",), "there is no earlier diagnosis"),
    ):
        done = peerscope("history", *arguments)
        assert done.returncode == 2
        assert said in done.stderr
    done = peerscope("history", "--since-fine", "--format", "json")
    assert json.loads(done.stdout)["failure"] == "wrong-use"
