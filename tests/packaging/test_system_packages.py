"""The block that keeps services from starting is there while packages are installed, and never after."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only on Linux")

FAKE_APT = """#!/bin/sh
trap 'kill $!; exit 100' HUP INT TERM
if [ "$1" = update ]; then exit 100; fi
"$POLICY" coturn start; echo "policy says $?" >>"$SEEN"
echo "$@" >>"$SEEN"
if [ "$HOW" = slow ]; then sleep 30 & wait $!; fi
if [ "$HOW" = fails ]; then exit 100; fi
"""


def _heed_signals() -> None:
    """A shell cannot trap what was ignored when it began, as under nohup or in the background of a script."""
    for signal_ in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_, signal.SIG_DFL)


class Installation:
    """The real script, with a stand-in for apt-get and a policy file of its own."""

    def __init__(self, folder: Path) -> None:
        self.policy = folder / "policy-rc.d"
        self.seen = folder / "seen"
        apt = folder / "bin" / "apt-get"
        apt.parent.mkdir()
        apt.write_text(FAKE_APT)
        apt.chmod(0o755)
        self.folder = folder
        self.running: subprocess.Popen[bytes] | None = None

    def start(self, how: str) -> subprocess.Popen[bytes]:
        import system_packages

        environ = {
            **os.environ,
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "POLICY": str(self.policy),
            "SEEN": str(self.seen),
            "HOW": how,
        }
        arguments = [str(self.policy), str(self.folder / "lock"), "coturn", "nftables"]
        self.running = subprocess.Popen(
            ["sh", "-c", system_packages.INSTALL, "sh", *arguments],
            env=environ,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_heed_signals,  # noqa: PLW1509 (this process has one thread)
        )
        return self.running

    def run(self, how: str = "works") -> int:
        return self.start(how).wait(20)

    def wait_until_it_installs(self) -> None:
        until = time.monotonic() + 20
        while not self.seen.exists() and time.monotonic() < until:
            time.sleep(0.01)

    def leavings(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("policy-rc.d*"))


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    it = Installation(tmp_path)
    yield it
    if it.running is not None and it.running.poll() is None:
        os.killpg(it.running.pid, signal.SIGKILL)
        it.running.wait()


def test_services_are_refused_while_it_installs(installation: Installation) -> None:
    assert installation.run() == 0
    seen = installation.seen.read_text()
    assert "policy says 101" in seen
    assert seen.splitlines()[-1].endswith("coturn nftables")
    assert installation.leavings() == []


def test_a_failure_leaves_no_block(installation: Installation) -> None:
    assert installation.run("fails") == 100
    assert installation.leavings() == []


@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_leaves_no_block(installation: Installation, signal_: signal.Signals) -> None:
    process = installation.start("slow")
    installation.wait_until_it_installs()
    assert installation.leavings() == ["policy-rc.d"]
    os.killpg(process.pid, signal_)
    assert process.wait(20) == 128 + signal_
    assert installation.leavings() == []


def test_a_block_that_was_there_comes_back(installation: Installation) -> None:
    installation.policy.write_text("#!/bin/sh\nexit 7\n")
    installation.policy.chmod(0o755)
    assert installation.run("fails") == 100
    assert "policy says 101" in installation.seen.read_text()
    assert installation.leavings() == ["policy-rc.d"]
    assert installation.policy.read_text() == "#!/bin/sh\nexit 7\n"


@pytest.mark.parametrize("own", [None, "#!/bin/sh\nexit 7\n"])
def test_a_killed_run_is_cleaned_up_by_the_next(installation: Installation, own: str | None) -> None:
    if own:
        installation.policy.write_text(own)
    process = installation.start("slow")
    installation.wait_until_it_installs()
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert "policy-rc.d" in installation.leavings()
    assert installation.run() == 0
    assert installation.leavings() == (["policy-rc.d"] if own else [])
    assert own is None or installation.policy.read_text() == own


def test_two_at_once_take_turns(installation: Installation, tmp_path: Path) -> None:
    first = installation.start("slow")
    installation.wait_until_it_installs()
    second = installation.start("works")
    os.killpg(first.pid, signal.SIGTERM)
    first.wait(20)
    assert second.wait(20) == 0
    assert installation.seen.read_text().count("policy says 101") == 2
    assert installation.leavings() == []


def test_a_library_renamed_by_a_newer_release_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    import system_packages

    shown = "libglib2.0-0t64 installed\nlibgl1 installed\nxvfb config-files\n"
    monkeypatch.setattr(system_packages.sys, "base_prefix", "/opt/python")
    monkeypatch.setattr(system_packages, "on_debian", lambda: True)
    monkeypatch.setitem(system_packages.NEEDED, "here", ["libglib2.0-0", "libgl1", "xvfb", "coturn"])
    monkeypatch.setattr(
        system_packages.subprocess,
        "run",
        lambda *_, **__: subprocess.CompletedProcess([], 1, stdout=shown, stderr=""),
    )
    assert system_packages.missing("here") == ["xvfb", "coturn"]


def test_without_root_and_sudo_the_line_to_run_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import system_packages

    monkeypatch.setattr(system_packages, "missing", lambda _: ["coturn"])
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(system_packages.shutil, "which", lambda _: None)
    assert system_packages.install("test") == ["coturn"]
    assert "sudo" in capsys.readouterr().out
