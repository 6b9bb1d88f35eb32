"""A host is a thread that lives in a network namespace of its own.

The namespaces have no name, so two runs never meet, and they end with the last thread, process or socket
in them: nothing is left behind even when the test run is killed.
"""

import asyncio
import ctypes
import os
import subprocess
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, ParamSpec, Self, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000
MS_BIND = 0x1000
MNT_DETACH = 2
MS_PRIVATE_RECURSIVE = 0x4000 | 0x40000

_libc = ctypes.CDLL(None, use_errno=True)


class BedError(Exception):
    """The bed cannot do what was asked; the text says why in one sentence."""


def _system(what: str, result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


def _mount(source: str, target: str, kind: str | None, flags: int) -> None:
    kind_bytes = kind.encode() if kind else None
    _system(f"mount {target}", _libc.mount(source.encode(), target.encode(), kind_bytes, flags, None))


def _enter_new() -> int:
    """Moves this thread to new network and mount namespaces, with its own /sys; gives the thread's id."""
    _system("unshare", _libc.unshare(CLONE_NEWNET | CLONE_NEWNS))
    _mount("none", "/", None, MS_PRIVATE_RECURSIVE)
    with suppress(OSError):  # a container may forbid it; only the names in /sys/class/net are then wrong
        _mount("sysfs", "/sys", "sysfs", 0)
    return threading.get_native_id()


def _enter(thread_id: int) -> int:
    """Moves this thread to the network namespace of another one of this process."""
    with open(f"/proc/self/task/{thread_id}/ns/net") as namespace:  # noqa: PTH123
        _system("setns", _libc.setns(namespace.fileno(), CLONE_NEWNET))
    return threading.get_native_id()


class Host:
    """One host. What `do`, `run` and `start` begin has the host's interfaces, routes and /sys.

    `beside` gives a second thread in the namespace of another host.
    """

    def __init__(self, name: str, beside: "Host | None" = None) -> None:
        self.name = name
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._processes: list[subprocess.Popen[bytes]] = []
        try:
            if beside:
                self.thread_id = self.do(_enter, beside.thread_id)
            else:
                self.thread_id = self.do(_enter_new)
                self.ip("link set lo up")
        except OSError as error:
            self.close()
            raise BedError(f"no namespace for {name}: {error}") from error

    def submit(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Calls `function` in the host's thread."""
        return self._thread.submit(function, *args, **kwargs)

    def do(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls `function` in the host's thread and waits for it."""
        return self.submit(function, *args, **kwargs).result()

    def begin(self, coro: Coroutine[Any, Any, T], timeout_s: float = 30) -> Future[T]:
        """Runs `coro` on a loop of its own in the host's thread; TimeoutError after `timeout_s`."""
        return self.submit(asyncio.run, asyncio.wait_for(coro, timeout_s))

    def run(self, coro: Coroutine[Any, Any, T], timeout_s: float = 30) -> T:
        """Runs `coro` as `begin` does and waits for it."""
        return self.begin(coro, timeout_s).result()

    def call(
        self, *argv: str, text: str = "", timeout_s: float = 30, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Runs a program on the host to its end; `text` is its input. Raises BedError when it fails."""
        try:
            done = self.do(
                subprocess.run,
                argv,
                input=text,
                capture_output=True,
                text=True,
                timeout=timeout_s,
                check=False,
            )
        except FileNotFoundError as error:
            raise BedError(f"{argv[0]} is not installed") from error
        if check and done.returncode != 0:
            raise BedError(f"{self.name}: {' '.join(argv)}: {(done.stderr or done.stdout).strip()}")
        return done

    def start(self, argv: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
        """Starts a program on the host, output to `log`; it dies with this process at the latest."""
        with log.open("wb") as output:
            try:
                process = self.do(
                    subprocess.Popen,
                    ["setpriv", "--pdeathsig", "KILL", *argv],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            except FileNotFoundError as error:
                raise BedError(f"{error.filename} is not installed") from error
        self._processes.append(process)
        return process

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """Ends a program of `start`. May be called twice."""
        if process in self._processes:
            self._processes.remove(process)
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def ip(self, *lines: str) -> None:
        """Runs lines of `ip` on the host, all in one process."""
        self.call("ip", "-batch", "-", text="\n".join(lines) + "\n")

    def sysctl(self, **values: object) -> None:
        """Writes below /proc/sys/net; `__` in a name stands for a slash."""
        for name, value in values.items():
            self.do(Path("/proc/sys/net", name.replace("__", "/")).write_text, str(value))

    def use_resolver(self, resolv_conf: Path) -> None:
        """Makes `resolv_conf` this host's /etc/resolv.conf."""
        self.do(_mount, os.fspath(resolv_conf), "/etc/resolv.conf", None, MS_BIND)

    def restore_resolver(self) -> None:
        """Undoes `use_resolver`."""
        self.do(lambda: _system("umount", _libc.umount2(b"/etc/resolv.conf", MNT_DETACH)))

    def close(self) -> None:
        """Ends the host's programs and its thread; with them the namespace goes. May be called twice."""
        for process in reversed(self._processes.copy()):
            self.stop(process)
        self._thread.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
