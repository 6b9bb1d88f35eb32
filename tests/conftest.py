"""What every test lives under: its own home, its own loop, and nothing left behind.

A test fails when a task, thread, QTimer or socket outlives it, or when something logs a warning that it did
not announce with `expected_logs`. `async def` tests run on a fresh loop; a `loop_factory` fixture nearer to
the test supplies another kind of loop.
"""

import asyncio
import gc
import inspect
import logging
import os
import re
import shutil
import socket
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Coroutine, Generator, Iterable
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

LoopFactory = Callable[[], asyncio.AbstractEventLoop]

IN_CI = os.environ.get("CI") == "true"
THREAD_GRACE_S = 1.0
SOCKET_GRACE_S = 1.0

HOME = Path(tempfile.mkdtemp(prefix="peerscope-test-home-"))
HOME_VARIABLES = {
    "HOME": ".",
    "USERPROFILE": ".",
    "APPDATA": "AppData/Roaming",
    "LOCALAPPDATA": "AppData/Local",
    "XDG_CONFIG_HOME": ".config",
    "XDG_CACHE_HOME": ".cache",
    "XDG_DATA_HOME": ".local/share",
    "XDG_STATE_HOME": ".local/state",
    "XDG_RUNTIME_DIR": "run",
}


def _move_home() -> None:
    """Points everything that could find the user's own settings or secrets at an empty folder."""
    for variable, place in HOME_VARIABLES.items():
        folder = HOME / place
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.environ[variable] = str(folder)
    for variable in [name for name in os.environ if name.startswith("PEERSCOPE_")]:
        del os.environ[variable]
    os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
    os.environ["QT_API"] = "pyside6"
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


# Before any test module is imported: some libraries look at these once.
_move_home()

_sockets: "weakref.WeakSet[socket.socket]" = weakref.WeakSet()


def _note_socket(event: str, args: tuple[Any, ...]) -> None:
    if event == "socket.__new__":
        _sockets.add(args[0])


sys.addaudithook(_note_socket)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="run the slow tests too, with more fuzz examples")


def pytest_configure(config: pytest.Config) -> None:
    # A shared machine stalls at will, so an example has no deadline; CI must not depend on luck.
    settings.register_profile(
        "peerscope",
        deadline=None,
        derandomize=IN_CI,
        max_examples=2000 if config.getoption("--all") else 100,
    )
    settings.load_profile("peerscope")


def pytest_unconfigure() -> None:
    shutil.rmtree(HOME, ignore_errors=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--all"):
        slow = [item for item in items if item.get_closest_marker("slow")]
        if slow:
            config.hook.pytest_deselected(items=slow)
            items[:] = [item for item in items if not item.get_closest_marker("slow")]


def _forbid_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """In CI a test that is skipped for want of something fails; "only on ..." is about the platform."""
    if not (IN_CI and report.skipped) or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    if not reason.startswith("only on "):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _forbid_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _forbid_skip(report)
    return report


@pytest.fixture
def loop_factory() -> LoopFactory | None:
    """The loop of an `async def` test; None is asyncio's own. Override it where a test needs another."""
    return None


def _run(coro: Coroutine[Any, Any, None], factory: LoopFactory | None) -> None:
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(coro)
        names = sorted(task.get_name() for task in asyncio.all_tasks(runner.get_loop()))
    if names:
        pytest.fail(f"tasks outlived the test: {', '.join(names)}", pytrace=False)


def _blocking(
    test: Callable[..., Coroutine[Any, Any, None]], factory: LoopFactory | None
) -> Callable[..., None]:
    @wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        _run(test(*args, **kwargs), factory)

    return run


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    given = getattr(pyfuncitem.obj, "hypothesis", None)
    if not inspect.iscoroutinefunction(given.inner_test if given else pyfuncitem.obj):
        return None
    factory = pyfuncitem._request.getfixturevalue("loop_factory")
    if given:  # every example gets a loop of its own; hypothesis calls `inner_test`
        given.inner_test = _blocking(given.inner_test, factory)
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    _run(pyfuncitem.obj(**arguments), factory)
    return True


@pytest.fixture(scope="session")
def screen() -> Generator[dict[str, str], None, None]:
    """Variables that put a program on an X display with a window manager: dev.py's, or one of its own."""
    if sys.platform != "linux":
        pytest.skip("only on Linux")
    if os.environ["QT_QPA_PLATFORM"] == "xcb":
        yield {name: os.environ[name] for name in ("DISPLAY", "QT_QPA_PLATFORM")}
        return
    if missing := [name for name in ("Xvfb", "openbox", "wmctrl", "xdotool") if not shutil.which(name)]:
        pytest.skip(f"{', '.join(missing)} not installed")
    from virtual_display import virtual_display

    with virtual_display() as variables:
        yield variables


class ExpectedLogs(logging.Handler):
    """Collects warnings and worse. Call it with a pattern that a record's text must match."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []
        self._patterns: list[str] = []

    def __call__(self, pattern: str) -> None:
        self._patterns.append(pattern)

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def complaints(self) -> Iterable[str]:
        texts = [f"{r.levelname} {r.name}: {r.getMessage()}" for r in self.records]
        for text in texts:
            if not any(re.search(pattern, text) for pattern in self._patterns):
                yield f"unexpected log: {text}"
        for pattern in self._patterns:
            if not any(re.search(pattern, text) for text in texts):
                yield f"a log was expected and never came: {pattern}"


@pytest.fixture(autouse=True)
def expected_logs() -> Generator[ExpectedLogs, None, None]:
    """Fails a test on a WARNING or worse, but for what it announced: `expected_logs("task .* failed")`."""
    logs = ExpectedLogs()
    logging.getLogger().addHandler(logs)
    yield logs
    logging.getLogger().removeHandler(logs)
    if complaints := list(logs.complaints()):
        pytest.fail("\n".join(complaints), pytrace=False)


def _open_sockets() -> set[socket.socket]:
    known = [reference() for reference in tuple(_sockets.data)]
    return {sock for sock in known if sock is not None and sock.fileno() != -1}


def _live_threads() -> set[threading.Thread]:
    # A dummy stands for a thread that Python did not start and never learns the end of.
    return {
        thread
        for thread in threading.enumerate()
        if not isinstance(thread, threading._DummyThread) and not thread.name.startswith("pytest_timeout")
    }


def _active_timers() -> set[Any]:
    if "PySide6.QtCore" not in sys.modules:
        return set()
    from PySide6.QtCore import QCoreApplication, QEvent, QTimer
    from shiboken6 import isValid

    if QCoreApplication.instance() is None:
        return set()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    timers = [thing for thing in gc.get_objects() if issubclass(type(thing), QTimer)]
    return {timer for timer in timers if isValid(timer) and timer.isActive()}


def _sockets_left(before: set[socket.socket]) -> set[socket.socket]:
    """Those that stay: a server in another thread closes its end a moment after ours."""
    until = time.monotonic() + SOCKET_GRACE_S
    while (left := _open_sockets() - before) and time.monotonic() < until:
        time.sleep(0.05)
    return left


@pytest.fixture(autouse=True)
def nothing_outlives_the_test() -> Generator[None, None, None]:
    """Fails a test that leaves a thread, an active QTimer or an open socket behind."""
    sockets, threads, timers = _open_sockets(), _live_threads(), _active_timers()
    yield
    left = []
    for thread in _live_threads() - threads:
        thread.join(THREAD_GRACE_S)
        if thread.is_alive():
            left.append(f"thread {thread.name}")
    left += [f"active QTimer of {timer.parent()!r}" for timer in _active_timers() - timers]
    for sock in _sockets_left(sockets):
        left.append(f"open {sock!r}")
        sock.close()  # or the next collection warns, and blames another test
    if left:
        pytest.fail("outlived the test: " + "; ".join(sorted(left)), pytrace=False)
