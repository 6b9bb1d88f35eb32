"""A link that is opened a second time reaches the window that is there already."""

import os
import sys
from pathlib import Path

import pytest
from environment import ROOT
from PySide6.QtCore import QProcess
from PySide6.QtNetwork import QLocalServer

from app.link_door import LinkDoor

LINK = "peerscope:join?code=482915-amber-walnut-kayak"


@pytest.fixture
def name(tmp_path: Path) -> str:
    return str(tmp_path / "door")


CALL = "import sys; from app.link_door import hand_over; sys.exit(not hand_over(*sys.argv[1:]))"


def call(qtbot, link: str, name: str) -> bool:
    """Another program, which waits for the answer."""
    other = QProcess()
    other.setWorkingDirectory(str(ROOT))
    with qtbot.waitSignal(other.finished, timeout=10_000):
        other.start(sys.executable, ["-c", CALL, link, name])
    return other.exitCode() == 0


def test_a_link_goes_to_the_open_window(qtbot, name: str) -> None:
    opened: list[str] = []
    door = LinkDoor(name, opened.append)
    assert door.listening
    assert call(qtbot, LINK, name)
    assert opened == [LINK]
    door.close()
    assert not call(qtbot, LINK, name)


def test_too_long_a_link_is_cut_to_what_the_form_refuses(qtbot, name: str) -> None:
    opened: list[str] = []
    door = LinkDoor(name, opened.append)
    call(qtbot, LINK + "x" * 5000, name)
    assert all(len(link) <= 512 for link in opened)
    door.close()


def test_a_second_window_leaves_the_door_to_the_first(qtbot, name: str) -> None:
    first, second = LinkDoor(name, print), LinkDoor(name, print)
    assert first.listening
    assert not second.listening
    first.close()


@pytest.mark.skipif(os.name == "nt", reason="pipes leave nothing behind on Windows")
def test_what_a_crash_left_behind_is_taken_over(qtbot, name: str) -> None:
    Path(name).write_bytes(b"")
    door = LinkDoor(name, print)
    assert door.listening
    door.close()
    QLocalServer.removeServer(name)
