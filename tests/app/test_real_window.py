"""The real program on a real screen, driven by keys and clicks, with another project's STUN server on loopback."""

import configparser
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from environment import ROOT
from shown_window import ShownWindow, shown_window

pytestmark = [pytest.mark.window, pytest.mark.timeout(90)]

PATIENCE_S = 20.0
COMMAND = [sys.executable, "-m", "app"]


def wait_for_title(window: ShownWindow, part: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while part not in window.title():
        assert time.monotonic() < deadline, f"{part!r} never came: {window.title()!r}, {window.said()!r}"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def stun_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """coturn on loopback."""
    folder = tmp_path_factory.mktemp("coturn")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    files = ["--pidfile", str(folder / "pid"), "-b", str(folder / "db"), "-l", "stdout"]
    options = ["-n", "--no-cli", "--stun-only", "--no-tls", "--no-dtls", "-L", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(
        ["turnserver", *options, *files], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    request = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.1)
        for _ in range(100):
            probe.sendto(request, ("127.0.0.1", port))
            try:
                probe.recv(1500)
                break
            except OSError:
                time.sleep(0.05)
        else:
            pytest.fail("coturn did not answer")
    yield f"stun:127.0.0.1:{port}"
    server.terminate()
    server.wait(5)


@pytest.fixture
def silent_server() -> Iterator[str]:
    """A port that swallows whatever comes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.2", 0))  # servers of one address count as one
        yield f"stun:127.0.0.2:{sink.getsockname()[1]}"


@pytest.fixture
def program(screen: dict[str, str], silent_server: str, tmp_path: Path) -> Iterator[ShownWindow]:
    """The window, with a server that never answers."""
    config = tmp_path / "servers.toml"
    config.write_text(f'stun = ["{silent_server}"]\n', encoding="utf-8")
    more = {"PEERSCOPE_CONFIG": str(config), "XDG_CONFIG_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    with shown_window(COMMAND, screen, **more) as window:
        wait_for_title(window, "Check")
        window.press("ctrl+2")
        wait_for_title(window, "NAT")
        yield window


def end(window: ShownWindow) -> None:
    assert window.close() == 0
    assert window.said() == ""


def kept(folder: Path) -> configparser.ConfigParser:
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(folder / "peerscope" / "window.ini", "utf-8")
    return settings


def test_a_server_is_typed_and_asked_by_keys_alone(
    program: ShownWindow, stun_server: str, tmp_path: Path
) -> None:
    program.press("Tab", "Tab", "Tab")
    program.type(stun_server)
    program.press("Return", "F5")
    wait_for_title(program, "moderate")
    end(program)
    assert stun_server in (tmp_path / "servers.toml").read_text("utf-8")


def test_escape_cancels_a_check(program: ShownWindow) -> None:
    program.press("F5")
    wait_for_title(program, "checking")
    program.press("Escape")
    wait_for_title(program, "cancelled")
    end(program)


def test_closing_in_the_middle_of_a_check_ends_well(program: ShownWindow) -> None:
    program.press("F5")
    wait_for_title(program, "checking")
    end(program)


def test_closing_while_the_engine_still_starts_ends_well(program: ShownWindow) -> None:
    program.press("F5")
    end(program)


def test_a_polite_kill_closes_the_window(program: ShownWindow) -> None:
    program.press("ctrl+r")
    wait_for_title(program, "checking")
    program.process.send_signal(signal.SIGTERM)
    assert program.process.wait(PATIENCE_S) == 0
    assert program.said() == ""


def test_the_theme_is_switched_and_kept(program: ShownWindow, tmp_path: Path) -> None:
    program.click(60, -52)
    program.press("Down", "Down", "Down", "Return")
    program.press("ctrl+l")
    end(program)
    assert kept(tmp_path)["window"]["theme"] == "dark"


def test_the_lab_is_checked_as_the_real_network_is(screen: dict[str, str], tmp_path: Path) -> None:
    with shown_window([*COMMAND, "--lab", "cgnat"], screen, PYTHONPATH=str(ROOT)) as window:
        wait_for_title(window, "Lab cgnat")
        window.press("ctrl+2", "F5")
        wait_for_title(window, "moderate")
        end(window)


def test_one_button_says_whose_side_it_is(screen: dict[str, str]) -> None:
    with shown_window([*COMMAND, "--lab", "cgnat"], screen, PYTHONPATH=str(ROOT)) as window:
        wait_for_title(window, "Lab cgnat")
        window.press("ctrl+1", "space")  # the big button has the focus
        wait_for_title(window, "looking")
        wait_for_title(window, "1 problem, provider")
        window.press("ctrl+c")
        said = clipboard(screen)
        assert "CGNAT" in said
        assert "Whose side: the provider" in said
        assert "203.0.113." not in said.partition("Where is it bad?")[0]
        window.press("F5")
        wait_for_title(window, "looking")
        end(window)


def test_a_cancelled_check_of_everything_keeps_what_it_knew(screen: dict[str, str]) -> None:
    with shown_window([*COMMAND, "--lab", "strict-router"], screen, PYTHONPATH=str(ROOT)) as window:
        wait_for_title(window, "Lab strict-router")
        window.press("ctrl+1", "F5")
        wait_for_title(window, "looking")
        window.press("Escape")
        wait_for_title(window, "cancelled")
        end(window)


def test_hands_are_laid_on_the_lab_which_is_closed_in_the_middle_of_its_story(
    screen: dict[str, str], tmp_path: Path
) -> None:
    more = {"PYTHONPATH": str(ROOT), "XDG_CONFIG_HOME": str(tmp_path)}
    with shown_window([*COMMAND, "--lab"], screen, **more) as window:
        wait_for_title(window, "Lab home")
        window.press("Tab", "Tab", "space")  # past the box: the next scenario
        wait_for_title(window, "Lab strict-router")
        window.press("Tab", "Tab", "Tab", "space")  # past starting over and the map: the router restarts
        window.press("Tab", "End")  # the delay of its line: a second
        window.press("F5")
        wait_for_title(window, "strict-router: direct")
        window.press("ctrl+c")
        said = clipboard(screen)
        first_byte = re.search(r"after ([0-9.]+) s", said)
        assert first_byte is not None, said
        assert float(first_byte[1]) > 1
        window.press("F5")
        wait_for_title(window, "playing")
        end(window)
    kept = configparser.ConfigParser(interpolation=None)
    kept.read(tmp_path / "peerscope" / "lab.ini", "utf-8")
    assert kept["lab"]["scenario"] == "strict-router"
    assert not (tmp_path / "peerscope" / "window.ini").exists()


def test_the_grid_is_left_in_the_middle_and_no_process_stays(screen: dict[str, str]) -> None:
    with shown_window([*COMMAND, "--lab"], screen, PYTHONPATH=str(ROOT)) as window:
        wait_for_title(window, "Lab home")
        window.press(*["Tab"] * 14, "space")
        deadline = time.monotonic() + PATIENCE_S
        while not (workers := children(window.process.pid)):
            assert time.monotonic() < deadline, "nothing was started"
            time.sleep(0.02)
        end(window)
        while any(map(runs, workers)):  # Python's own tracker of resources ends when it notices that we have
            assert time.monotonic() < deadline + PATIENCE_S, "a process stayed"
            time.sleep(0.02)


def test_the_real_window_opens_the_labs_beside_it(program: ShownWindow, screen: dict[str, str]) -> None:
    program.press("ctrl+7", "F5")
    found: list[str] = []
    deadline = time.monotonic() + PATIENCE_S
    while not found:
        assert time.monotonic() < deadline, "no second window came"
        time.sleep(0.05)
        found = xdotool(screen, "search", "--onlyvisible", "--name", "Lab home").split()
    assert "Lab" in program.title()
    assert "home" not in program.title()
    end(program)
    other = int(xdotool(screen, "getwindowpid", found[0]))
    assert "--lab" in Path(f"/proc/{other}/cmdline").read_text("utf-8").split("\0")
    subprocess.run(["wmctrl", "-i", "-c", found[0]], env={**os.environ, **screen}, check=True)
    while runs(other):
        assert time.monotonic() < deadline + PATIENCE_S, "it did not end"
        time.sleep(0.05)


def children(process: int) -> set[int]:
    found = subprocess.run(["pgrep", "-P", str(process)], capture_output=True, text=True, check=False)
    return set(map(int, found.stdout.split()))


def runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def xdotool(screen: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        ["xdotool", *arguments], env={**os.environ, **screen}, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def clipboard(screen: dict[str, str]) -> str:
    """What another program would paste."""
    paste = "from PySide6.QtGui import QGuiApplication as A; a = A([]); print(a.clipboard().text())"
    done = subprocess.run(
        [sys.executable, "-c", paste],
        env={**os.environ, **screen},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
