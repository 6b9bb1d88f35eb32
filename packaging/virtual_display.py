"""A screen where there is none: Xvfb with a window manager, started and ended by process id."""

import os
import select
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_S = 15.0


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _read_line(descriptor: int, deadline: float) -> str:
    text = b""
    while not text.endswith(b"\n"):
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        part = os.read(descriptor, 64) if ready else b""
        if not part:
            raise RuntimeError("Xvfb did not start")
        text += part
    return text.decode().strip()


@contextmanager
def virtual_display(width: int = 1600, height: int = 1000) -> Iterator[dict[str, str]]:
    """Yields the environment variables that put a Qt program on the new screen (96 dpi, 24 bit).

    Raises RuntimeError when the screen does not come up, FileNotFoundError when a program is not installed.
    """
    deadline = time.monotonic() + START_S
    read, write = os.pipe()
    screen = ["-screen", "0", f"{width}x{height}x24", "-dpi", "96", "-nolisten", "tcp", "-noreset"]
    try:
        server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), *screen], pass_fds=(write,), stderr=subprocess.DEVNULL
        )
    except OSError:
        os.close(read)
        raise
    finally:
        os.close(write)
    try:
        try:
            display = f":{_read_line(read, deadline)}"
        finally:
            os.close(read)
        with tempfile.TemporaryDirectory(prefix="peerscope-display-") as folder:
            ready = Path(folder) / "ready"
            manager = subprocess.Popen(
                ["openbox", "--sm-disable", "--startup", f"touch {ready}"],
                env={**os.environ, "DISPLAY": display},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                while not ready.exists():
                    if manager.poll() is not None or time.monotonic() > deadline:
                        raise RuntimeError("openbox did not start")
                    time.sleep(0.02)
                yield {"DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}
            finally:
                _end(manager)
    finally:
        _end(server)
