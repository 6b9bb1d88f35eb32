"""The screen that tests and pictures are made on comes up, says what is wrong, and goes away."""

import os
import sys
from pathlib import Path

import pytest
from shown_window import WindowError, shown_window
from virtual_display import virtual_display

from app.display import has_display

pytestmark = [pytest.mark.window, pytest.mark.skipif(sys.platform != "linux", reason="only on Linux")]


def test_it_answers_while_it_is_used_and_no_longer() -> None:
    with virtual_display() as first, virtual_display() as second:
        assert first["DISPLAY"] != second["DISPLAY"]
        assert has_display(first)
        assert has_display(second)
    assert not has_display(first)
    assert not has_display(second)


def test_an_error_inside_takes_it_down_too() -> None:
    def fail() -> None:
        with virtual_display() as screen:
            displays.append(screen)
            raise KeyError("inside")

    displays: list[dict[str, str]] = []
    with pytest.raises(KeyError):
        fail()
    assert not has_display(displays[0])


@pytest.mark.parametrize("missing", ["Xvfb", "openbox"])
def test_a_program_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    for name in {"Xvfb", "openbox"} - {missing}:
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=missing), virtual_display():
        pass


def test_a_program_without_a_window_is_quoted(screen: dict[str, str]) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no window today')"]
    with pytest.raises(WindowError, match="exit code 1: no window today"), shown_window(command, screen):
        pass


def test_a_program_that_never_shows_one_is_ended(screen: dict[str, str], tmp_path: Path) -> None:
    wait = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    with (
        pytest.raises(WindowError, match="no window within 1 s"),
        shown_window([sys.executable, "-c", wait], screen, 1.0),
    ):
        pass
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
