"""Two people with two windows meet over our own rendezvous on loopback, say a line each, and send a file."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from environment import ROOT
from shown_window import ShownWindow, shown_window

pytestmark = [pytest.mark.window, pytest.mark.timeout(120)]

PATIENCE_S = 30.0
COMMAND = [sys.executable, "-m", "app"]


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.fixture
def rendezvous(tmp_path: Path) -> Iterator[str]:
    """Our own mailbox server; no other way to meet is used."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [*COMMAND, "serve", "--rendezvous", f"127.0.0.1:{port}"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        server.stdout.readline()
        yield f"ws://127.0.0.1:{port}"
        server.terminate()


def opened(stack: ExitStack, screen: dict[str, str], folder: Path, name: str, rendezvous: str) -> ShownWindow:
    """A window of somebody called `name`, on the Peers page, whose home is `folder / name`."""
    home = folder / name
    (home / "peerscope").mkdir(parents=True)
    config = home / "config.toml"
    config.write_text(f'stun = ["stun:127.0.0.1:9"]\nrendezvous = ["{rendezvous}"]\n', "utf-8")
    settings = home / "peerscope" / "window.ini"
    settings.write_text(f"[window]\npage=peers\n[peers]\nname={name}\n", "utf-8")
    homes = {f"XDG_{kind}_HOME": str(home) for kind in ("CONFIG", "CACHE", "DATA", "STATE")}
    more = {**homes, "HOME": str(home), "PEERSCOPE_CONFIG": str(config), "PYTHONPATH": str(ROOT)}
    more["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
    window = stack.enter_context(shown_window(COMMAND, screen, **more))
    until(lambda: window.title().startswith("Peers"), f"{name} sees no Peers page: {window.said()!r}")
    return window


def copied(window: ShownWindow, screen: dict[str, str]) -> str:
    """What Ctrl+C puts on the clipboard, pressed beside the entry, which has a use of its own for it."""
    window.press("Tab", "ctrl+c", "shift+Tab")
    time.sleep(0.2)
    paste = "from PySide6.QtGui import QGuiApplication as A; a = A([]); print(a.clipboard().text())"
    done = subprocess.run(
        [sys.executable, "-c", paste],
        env={**os.environ, **screen},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_two_windows_meet_talk_and_send_a_file(
    screen: dict[str, str], tmp_path: Path, rendezvous: str
) -> None:
    sent = tmp_path / "notes.bin"
    sent.write_bytes(bytes(range(256)) * 1000)
    with ExitStack() as stack:
        ana = opened(stack, screen, tmp_path, "Ana", rendezvous)
        ben = opened(stack, screen, tmp_path, "Ben", rendezvous)
        ana.press("F5")
        until(lambda: "inviting" in ana.title(), f"no invitation: {ana.title()!r} {ana.said()!r}")
        code = copied(ana, screen)
        ben.press("Tab", "Tab")
        ben.type(code)
        ben.press("Return")
        until(lambda: ana.title().startswith("Peers: Ben"), f"they do not meet: {ana.title()!r}")
        until(lambda: ben.title().startswith("Peers: Ana"), f"they do not meet: {ben.title()!r}")
        ana.type("hello Ben")
        ana.press("Return")
        ben.type("hello Ana")
        ben.press("Return")
        until(lambda: "Ben: hello Ana" in copied(ana, screen), "Ana did not hear Ben")
        said = copied(ben, screen)
        assert "Ana: hello Ben" in said
        assert "You: hello Ana (delivered in" in said
        ana.press("Tab", "Tab", "space")
        time.sleep(1.0)
        ana._xdotool("type", str(sent))
        ana._xdotool("key", "Return")
        until(lambda: "offers a file" in ben.title(), f"nothing is offered: {ben.title()!r} {ana.said()!r}")
        ben.press("Tab", "Tab", "Tab", "Tab", "Tab", "space")
        arrived = tmp_path / "Ben" / "Downloads" / "Peerscope" / "notes.bin"
        until(arrived.exists, "the file did not arrive")
        assert arrived.read_bytes() == sent.read_bytes()
        for window in (ana, ben):
            assert window.close() == 0
            assert window.said() == ""
