"""The real program on a real screen: a session is watched, drawn, and remembered over a restart."""

import sys
import time
from pathlib import Path

import pytest
from environment import ROOT
from shown_window import ShownWindow, shown_window

pytestmark = [pytest.mark.window, pytest.mark.timeout(90)]

PATIENCE_S = 25.0
COMMAND = [sys.executable, "-m", "app"]


def wait_for_title(window: ShownWindow, part: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while part not in window.title():
        assert time.monotonic() < deadline, f"{part!r} never came: {window.title()!r}, {window.said()!r}"
        time.sleep(0.05)


def on_page(folder: Path, page: str) -> dict[str, str]:
    """Variables that open the window on a page, in a home of its own."""
    (folder / "peerscope").mkdir(exist_ok=True)
    (folder / "peerscope" / "window.ini").write_text(f"[window]\npage={page}\n", "utf-8")
    homes = {f"XDG_{name}_HOME": str(folder) for name in ("CONFIG", "DATA", "STATE")}
    return {**homes, "PYTHONPATH": str(ROOT)}


def test_what_is_watched_is_drawn_and_remembered(screen: dict[str, str], tmp_path: Path) -> None:
    with shown_window(COMMAND, screen, **on_page(tmp_path, "metrics")) as window:
        wait_for_title(window, "Metrics: Nothing is connected.")
        window.press("F5")
        wait_for_title(window, "to this computer: ")
        time.sleep(1.5)
        window.close()
        assert window.said() == ""
    with shown_window(COMMAND, screen, **on_page(tmp_path, "history")) as window:
        wait_for_title(window, "History: No check has been kept yet.")  # but sessions have
        window.close()
        assert window.said() == ""
    import sqlite3

    with sqlite3.connect(tmp_path / "peerscope" / "history.db") as database:
        sessions = database.execute("SELECT peer, ended_s IS NOT NULL FROM session").fetchall()
        (points,) = database.execute("SELECT sum(n) FROM point WHERE step_s = 60 AND metric = 0").fetchone()
    database.close()
    assert sessions == [("this computer", 1), ("this computer", 1)]
    assert points > 20
