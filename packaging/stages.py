"""What `dev.py test` does: every stage in turn, a table at the end, and nothing left out in silence."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple
from xml.etree import ElementTree

from environment import BIN, PYTHON, ROOT, program
from virtual_display import virtual_display

IN_CI = os.environ.get("CI") == "true"
RESULTS = ROOT / "build" / "results"
PYTEST = [str(PYTHON), "-m", "pytest"]
BUILD = [
    *[str(PYTHON), "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN", "--distpath", "dist"],
    *["--workpath", "build/pyinstaller", "packaging/peerscope.spec"],
]
# Another WebRTC library than ours, as a peer; its lock file holds hashes. A namespace of one's own has no internet.
NPM_PEER = ["npm", "ci", "--prefix", "tests/webrtc/peer", "--ignore-scripts", "--no-audit", "--no-fund"]
# Root in a namespace of its own stands in for root.
AS_NAMESPACE_ROOT = [
    *["unshare", "--user", "--map-root-user", "--net", "--mount", "sh", "-c"],
    *['mount -t tmpfs none /run && mkdir /run/netns && exec "$@"', "sh"],
]


class Stage(NamedTuple):
    """Commands that must all succeed; `needs` is "" or one of "network namespaces", "npm", "virtual machine", "display"."""

    name: str
    commands: list[list[str]]
    needs: str = ""


class Outcome(NamedTuple):
    """How a stage went, in tests, or in commands where it has none; `missing` is why it did not run."""

    name: str
    seconds: float = 0.0
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    missing: str = ""


def _marked(expression: str, *more: str) -> list[str]:
    return [*PYTEST, "-q", "-m", expression, *more]


STAGES = (
    Stage("lint", [[program("ruff"), "check", "."], [program("ruff"), "format", "--check", "."]]),
    Stage("types", [[program("mypy")]]),
    Stage("contracts", [[program("lint-imports")]]),
    Stage(
        "unit tests",
        [
            _marked(
                "not kernel and not window and not frozen and not radio and not webrtc",
                *("-n", "2", "--dist", "loadscope"),
            )
        ],
    ),
    # They mostly wait, each in namespaces of its own.
    Stage("kernel tests", [_marked("kernel", "-n", "2", "--dist", "loadscope")], "network namespaces"),
    Stage("radio tests", [_marked("radio")], "virtual machine"),
    Stage("npm peer", [NPM_PEER], "npm"),
    Stage("webrtc tests", [_marked("webrtc")], "network namespaces"),
    Stage("window tests", [_marked("window")], "display"),
    Stage("frozen", [BUILD, _marked("frozen")], "display"),
)


def run_pytest(args: Sequence[str]) -> int:
    """Pytest with `args`; on a virtual screen where they select window tests."""
    command = [*PYTEST, *args]
    selected = " ".join(args)
    on_screen = re.search(r"\b(?<!not )(window|frozen)\b", selected) and sys.platform == "linux"
    with _place("display" if on_screen else "") as env:
        return subprocess.call(command, cwd=ROOT, env=env)


def run_all(*, sweeps: bool, set_up_s: float) -> int:
    """Runs every stage, prints how each went, and returns 0 when nothing failed and CI missed nothing."""
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)
    outcomes = [Outcome("set-up", set_up_s)]
    try:
        for stage in STAGES:
            print(f"\n=== {stage.name} ===", flush=True)
            outcomes.append(_run_stage(stage, ["--all"] if sweeps else []))
    finally:
        _report(outcomes)
    return 1 if any(outcome.failed for outcome in outcomes) else 0


def _run_stage(stage: Stage, extra: list[str]) -> Outcome:
    if missing := _missing(stage.needs):
        print(f"Not run: {missing}.", flush=True)
        return Outcome(stage.name, missing=missing, failed=1 if IN_CI else 0)
    began = time.monotonic()
    passed = failed = skipped = 0
    with _place(stage.needs) as env:
        for number, stated in enumerate(stage.commands):
            command = [*stated]
            tests = command[: len(PYTEST)] == PYTEST
            results = RESULTS / f"{stage.name.replace(' ', '-')}-{number}.xml"
            if tests:
                command += [*extra, f"--junitxml={results}"]
            if stage.needs == "network namespaces" and os.geteuid() != 0:
                command = [*AS_NAMESPACE_ROOT, *command]
            code = subprocess.call(command, cwd=ROOT, env=env)
            ran, bad, left = _count(results) if tests else (1, 0, 0)
            bad = max(bad, 1 if code else 0)
            passed, failed, skipped = passed + max(0, ran - bad - left), failed + bad, skipped + left
            if code:
                print(f"{stage.name} failed: `{' '.join(command)}` gave exit code {code}", flush=True)
    return Outcome(stage.name, time.monotonic() - began, passed, failed, skipped)


def _count(results: "os.PathLike[str]") -> tuple[int, int, int]:
    """Tests, those that failed or erred, those skipped; nothing where pytest did not get that far."""
    try:
        suites = list(ElementTree.parse(results).iter("testsuite"))
    except (OSError, ElementTree.ParseError):
        return 0, 0, 0
    total = {
        key: sum(int(suite.get(key, 0)) for suite in suites)
        for key in ("tests", "failures", "errors", "skipped")
    }
    return total["tests"], total["failures"] + total["errors"], total["skipped"]


def _missing(needs: str) -> str:
    """Why a stage cannot run here; empty when it can."""
    if needs == "network namespaces":
        if sys.platform != "linux":
            return "the kernel's NATs exist only on Linux"
        if os.geteuid() != 0 and subprocess.call([*AS_NAMESPACE_ROOT, "true"], stderr=subprocess.DEVNULL):
            return "network namespaces need root, or a kernel that lets users make their own"
        absent = [name for name in ("ip", "nft", "turnserver", "chromium", "npm") if not _which(name)]
    elif needs == "npm":
        absent = [name for name in ("npm",) if not _which(name)]
    elif needs == "virtual machine":
        if sys.platform != "linux":
            return "BlueZ exists only on Linux"
        absent = [name for name in ("qemu-system-x86_64", "btvirt", "busybox", "cpio") if not _which(name)]
    elif needs == "display" and sys.platform == "linux":
        absent = [name for name in ("Xvfb", "openbox", "wmctrl", "xdotool") if not _which(name)]
    else:
        return ""
    return f"{' and '.join(absent)} not installed" if absent else ""


def _which(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))


@contextmanager
def _place(needs: str) -> Iterator[dict[str, str]]:
    """The environment that a stage runs in: the project's programs first, and a screen where it needs one."""
    env = {
        **os.environ,
        "PATH": os.pathsep.join([str(BIN), os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]),
    }
    if needs != "display":
        yield env
    elif sys.platform == "linux":
        with virtual_display() as screen:
            yield {**env, **screen}
    else:
        yield {**env, "QT_QPA_PLATFORM": "cocoa" if sys.platform == "darwin" else "windows"}


def _report(outcomes: Sequence[Outcome]) -> None:
    print("\n=== summary ===")
    for outcome in outcomes:
        ran = outcome.passed or outcome.failed or outcome.skipped
        counts = f"{outcome.passed} passed, {outcome.failed} failed, {outcome.skipped} skipped" if ran else ""
        print(f"{outcome.name:14} {outcome.seconds:7.1f} s  {outcome.missing or counts}")
    not_run = [f"{outcome.name} ({outcome.missing})" for outcome in outcomes if outcome.missing]
    if not_run:
        print(f"Not run here: {'; '.join(not_run)}")
    passed, failed, skipped = (
        sum(getattr(outcome, count) for outcome in outcomes) for count in ("passed", "failed", "skipped")
    )
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
