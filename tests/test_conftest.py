"""The guards of conftest.py catch what they are there for, and leave a clean test alone."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")

LEAKS = """
import asyncio, logging, os, socket, threading
from pathlib import Path

import platformdirs, pytest
from hypothesis import given, strategies as st

kept = []

async def forever():
    await asyncio.sleep(3600)

async def test_task():
    kept.append(asyncio.get_running_loop().create_task(forever(), name="left/behind"))

def test_thread():
    gate = threading.Event()
    threading.Thread(target=gate.wait, args=(6,), name="left-thread", daemon=True).start()

def test_socket():
    kept.append(socket.socket())

async def test_transport():
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    kept.append(transport)

def test_timer(qapp):
    from PySide6.QtCore import QTimer
    timer = QTimer()
    timer.start(10_000)
    kept.append(timer)

def test_warning():
    logging.getLogger("some.part").warning("it is late")

def test_expected_never_came(expected_logs):
    expected_logs("it is late")

async def test_failing_task():
    async def fail():
        raise ValueError("unseen")
    task = asyncio.get_running_loop().create_task(fail())
    await asyncio.sleep(0)
    del task
    await asyncio.sleep(0)

def test_skip():
    pytest.skip("nftables is missing")

@given(st.integers(0, 9))
async def test_fuzz(number):
    await asyncio.sleep(0)
    assert number != 7

def test_clean_platform_skip():
    pytest.skip("only on the Moon")

async def test_clean_task():
    task = asyncio.get_running_loop().create_task(forever())
    task.cancel()
    await asyncio.wait([task])

async def test_clean_transport():
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    transport.close()

async def test_clean_executor():
    await asyncio.to_thread(int)

def test_clean_socket():
    with socket.socket():
        pass

def test_clean_timer(qapp):
    from PySide6.QtCore import QTimer
    timer = QTimer()
    timer.start(10_000)
    timer.stop()
    gone = QTimer()
    gone.start(10_000)
    gone.deleteLater()
    kept.append(gone)

def test_clean_warning(expected_logs):
    expected_logs("it is .*late")
    logging.getLogger("some.part").warning("it is late")

def test_clean_home():
    for folder in (Path.home(), platformdirs.user_config_path("x"), platformdirs.user_data_path("x")):
        assert "peerscope-test-home-" in str(folder)

class OwnLoop(asyncio.SelectorEventLoop):
    pass

class TestOwn:
    @pytest.fixture
    def loop_factory(self):
        return OwnLoop

    async def test_clean_loop(self):
        assert type(asyncio.get_running_loop()) is OwnLoop

    @given(st.integers())
    async def test_clean_fuzz(self, number):
        assert type(asyncio.get_running_loop()) is OwnLoop

@pytest.mark.slow
def test_slow():
    pass
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Test name -> "" or what it failed with, of one run of LEAKS under this conftest, on two workers."""
    folder = tmp_path_factory.mktemp("leaks")
    (folder / "conftest.py").write_text(CONFTEST.read_text())
    (folder / "test_leaks.py").write_text(LEAKS)
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\nmarkers = slow\n")
    command = [sys.executable, "-m", "pytest", "-q", "-n2", "--junitxml=result.xml"]
    run = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "CI": "true"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    cases = ElementTree.parse(folder / "result.xml").iter("testcase")
    found: dict[str, str] = {}
    for case in cases:
        troubles = [t for t in case if t.tag in ("failure", "error")]
        name = case.get("name", "")
        found[name] = found.get(name, "") + "".join(f"{t.get('message')}\n{t.text}" for t in troubles)
    return found


@pytest.mark.parametrize(
    ("test", "says"),
    [
        ("task", "tasks outlived the test: left/behind"),
        ("thread", "thread left-thread"),
        ("socket", "open <socket.socket"),
        ("transport", "open <socket.socket"),
        ("timer", "active QTimer"),
        ("warning", "unexpected log: WARNING some.part: it is late"),
        ("expected_never_came", "never came: it is late"),
        ("failing_task", "Task exception was never retrieved"),
        ("skip", "CI does not allow: nftables is missing"),
        ("fuzz", "assert number != 7"),
    ],
)
def test_leak_is_caught(outcomes: dict[str, str], test: str, says: str) -> None:
    assert says in outcomes[f"test_{test}"]


def test_clean_tests_pass(outcomes: dict[str, str]) -> None:
    clean = {name: trouble for name, trouble in outcomes.items() if name.startswith("test_clean")}
    assert len(clean) == 10
    assert not any(clean.values()), clean


def test_slow_waits_for_all(outcomes: dict[str, str]) -> None:
    assert "test_slow" not in outcomes
