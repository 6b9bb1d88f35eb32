"""A program with a window on an X display: started, waited for until its window shows, and closed as a user would."""

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from environment import PYTHON

GRAB = """
import sys
from PySide6.QtGui import QGuiApplication
app = QGuiApplication(sys.argv)
sys.exit(not app.primaryScreen().grabWindow(int(sys.argv[1])).save(sys.argv[2]))
"""


class WindowError(RuntimeError):
    """The program did not show a window, or did not end when that was closed."""


class ShownWindow:
    """A running program; `shown_after_s` is the time from the command to its first visible window."""

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], output: Path, timeout_s: float
    ) -> None:
        self._env = dict(env)
        self._output = output
        began = time.monotonic()
        with output.open("wb") as file:
            self.process = subprocess.Popen(command, env=self._env, stdout=file, stderr=subprocess.STDOUT)
        while not (
            windows := self._xdotool(
                "search", "--all", "--onlyvisible", "--pid", str(self.process.pid), "--name", "."
            )
        ):
            if self.process.poll() is not None:
                raise WindowError(f"it ended with exit code {self.process.returncode}: {self.said()}")
            if time.monotonic() - began > timeout_s:
                self.kill()
                raise WindowError(f"no window within {timeout_s:.0f} s: {self.said()}")
            time.sleep(0.005)
        self.shown_after_s = time.monotonic() - began
        self.window = windows.split()[-1]

    def _xdotool(self, *arguments: str) -> str:
        run = subprocess.run(
            ["xdotool", *arguments], env=self._env, capture_output=True, text=True, check=False
        )
        return run.stdout.strip()

    def said(self) -> str:
        """What it printed so far."""
        return self._output.read_text("utf-8", "replace").strip()

    def title(self) -> str:
        """What the title bar says."""
        return self._xdotool("getwindowname", self.window)

    def press(self, *keys: str) -> None:
        """Presses keys, such as "ctrl+1", in the window."""
        self._xdotool("windowactivate", "--sync", self.window, "key", "--clearmodifiers", *keys)

    def type(self, text: str) -> None:
        """Types text where the window's focus is."""
        self._xdotool("windowactivate", "--sync", self.window, "type", "--clearmodifiers", text)

    def click(self, x: int, y: int) -> None:
        """Clicks at a place of the window; negative counts from the right or the bottom."""
        size = dict(
            line.split("=") for line in self._xdotool("getwindowgeometry", "--shell", self.window).split()
        )
        place = [str(at if at >= 0 else int(size[side]) + at) for at, side in ((x, "WIDTH"), (y, "HEIGHT"))]
        self._xdotool("mousemove", "--sync", "--window", self.window, *place, "click", "1")

    def close(self, timeout_s: float = 15.0) -> int:
        """Closes the window through the window manager and returns the program's exit code."""
        subprocess.run(["wmctrl", "-i", "-c", str(int(self.window))], env=self._env, check=True)
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise WindowError(f"it still ran {timeout_s:.0f} s after its window was closed") from None

    def wait_for_title(self, pattern: str, timeout_s: float = 30.0) -> str:
        """Waits until the title matches, and returns it."""
        until = time.monotonic() + timeout_s
        while not re.search(pattern, title := self.title()):
            if time.monotonic() > until:
                raise WindowError(f"after {timeout_s:.0f} s the title is still {title!r}")
            time.sleep(0.05)
        return title

    def save_image(self, path: Path) -> None:
        """Saves what the window shows, without its frame."""
        subprocess.run([str(PYTHON), "-c", GRAB, self.window, str(path)], env=self._env, check=True)

    def kill(self) -> None:
        """Ends the program without asking; does nothing when it has ended."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@contextmanager
def shown_window(
    command: Sequence[str], screen: Mapping[str, str], timeout_s: float = 30.0, **more: str
) -> Iterator[ShownWindow]:
    """Starts `command` on `screen` (from `virtual_display`) with a home of its own; kills it at the end if need be."""
    with tempfile.TemporaryDirectory(prefix="peerscope-window-") as folder:
        homes = {f"XDG_{name}_HOME": folder for name in ("CONFIG", "CACHE", "DATA", "STATE")}
        env = {**os.environ, **screen, **homes, "HOME": folder, **more}
        window = ShownWindow(command, env, Path(folder) / "output", timeout_s)
        try:
            yield window
        finally:
            window.kill()
