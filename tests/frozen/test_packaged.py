"""The packaged program works without Python, sources or this environment around it."""

import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest
from environment import ROOT, SUFFIX
from shown_window import shown_window

import app
import netstack

pytestmark = [pytest.mark.frozen, pytest.mark.timeout(120)]

PROGRAM = ROOT / "dist" / "peerscope" / f"peerscope{SUFFIX}"
BARE = {name: os.environ[name] for name in ("SYSTEMROOT", "TEMP", "HOME") if name in os.environ}


@pytest.fixture(scope="module")
def program() -> str:
    if not PROGRAM.exists():
        pytest.skip("it is not built: python3 packaging/dev.py build")
    return str(PROGRAM)


def run(program: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *arguments], cwd=folder, env=BARE, capture_output=True, text=True, timeout=60, check=False
    )


def test_it_tests_itself_whole(program: str, tmp_path: Path) -> None:
    result = run(program, "selftest", folder=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr == ""
    imported = re.search(r"(\d+) modules import", result.stdout)
    sources = [list(pkgutil.walk_packages(p.__path__, f"{p.__name__}.")) for p in (app, netstack)]
    assert imported is not None
    assert int(imported[1]) == sum(map(len, sources))
    # with no address but loopback, ICE has nothing to try
    assert re.search(
        r"^ok +webrtc +(a data channel opens|loads; this computer has no network)",
        result.stdout,
        re.MULTILINE,
    )
    assert not list((PROGRAM.parent / "_internal").glob("av*"))


def test_wrong_use_is_one_sentence(program: str, tmp_path: Path) -> None:
    result = run(program, "nat", "--server", "stun:", folder=tmp_path)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1


def test_it_knows_its_version(program: str, tmp_path: Path) -> None:
    assert re.fullmatch(r"peerscope \d+\.\d+\.\d+\n", run(program, "--version", folder=tmp_path).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux")
def test_without_a_display_it_says_so(program: str, tmp_path: Path) -> None:
    result = run(program, folder=tmp_path)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1


def test_its_window_opens_and_closes_without_a_word(program: str, screen: dict[str, str]) -> None:
    with shown_window([program], screen) as window:
        assert "Peerscope" in window.title()
        assert window.close() == 0
        assert window.said() == ""
