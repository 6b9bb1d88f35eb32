"""The Linux installation: what it leaves, and that it takes all of it away again."""

import configparser
import subprocess
from pathlib import Path

import linux_install
import pytest
from linux_install import ENTRY, main


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "a home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr(linux_install, "_tell_desktop", lambda *_: None)
    return home


def test_it_is_found_started_by_links_and_removed(home: Path, tmp_path: Path) -> None:
    built = tmp_path / "dist"
    built.mkdir()
    program = built / "peerscope"
    program.write_text('#!/bin/sh\necho "started with $1"\n')
    program.chmod(0o755)
    assert main(["install", "--from", str(built)]) == 0
    assert main(["install", "--from", str(built)]) == 0  # again, over itself
    entry = configparser.ConfigParser(interpolation=None)
    entry.optionxform = str  # type: ignore[assignment]
    entry.read(home / ".local/share/applications/peerscope.desktop", "utf-8")
    desktop = entry["Desktop Entry"]
    assert desktop["MimeType"] == "x-scheme-handler/peerscope;"
    command, _, field = desktop["Exec"].rpartition(" ")
    assert field == "%u"
    done = subprocess.run([command.strip('"'), "peerscope:x"], capture_output=True, text=True, check=True)
    assert done.stdout == "started with peerscope:x\n"
    assert (home / ".local/bin/peerscope").resolve().is_file()
    assert (home / ".local/share/icons/hicolor/scalable/apps/peerscope.svg").is_file()
    assert main(["remove"]) == 0
    assert [path for path in home.rglob("*") if not path.is_dir()] == []


def test_without_a_build_it_says_what_to_do(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["install", "--from", str(tmp_path)]) == 2
    assert "dev.py build" in capsys.readouterr().out


def test_the_shipped_entry_starts_the_command_with_the_link() -> None:
    assert "Exec=peerscope %u\n" in ENTRY.read_text("utf-8")
