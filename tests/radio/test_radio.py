"""Real BlueZ and bleak against Bumble, in one virtual machine; each behaviour that ran there is a test here."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.radio.all_checks import CHECKS
from tests.radio.kernel import KernelError, kernel
from tests.radio.machine import ROOT, MachineError, run_in_guest

MACHINE_S = 560
PROGRAMS = (
    "qemu-system-x86_64",
    "busybox",
    "cpio",
    "depmod",
    "modprobe",
    "btvirt",
    "btmon",
    "btmgmt",
    "dbus-daemon",
)
KEPT = ROOT / "build" / "radio"

pytestmark = [pytest.mark.radio, pytest.mark.timeout(620)]


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """Boots the machine once; each check's result by name. The whole logs are kept when something failed."""
    if sys.platform != "linux":
        pytest.skip("only on Linux")
    if missing := [name for name in PROGRAMS if not shutil.which(name)]:
        pytest.fail(f"the virtual machine needs {', '.join(missing)}", pytrace=False)
    out = tmp_path_factory.mktemp("radio")
    failure = ""
    try:
        run_in_guest(kernel(), out, "tests.radio.job", timeout_s=MACHINE_S)
    except (KernelError, MachineError) as error:
        failure = str(error)
    found = _read(out / "results.jsonl")
    if failure or not all(result["passed"] for result in found.values()):
        shutil.rmtree(KEPT, ignore_errors=True)
        shutil.copytree(out, KEPT, ignore=shutil.ignore_patterns("initrd*"))
    if failure and not found:
        pytest.fail(f"{failure}\nWhat the machine wrote is in {KEPT.relative_to(ROOT)}.", pytrace=False)
    return found


@pytest.mark.parametrize("name", [check.name for check in CHECKS])
def test_check(results: dict[str, dict[str, object]], name: str) -> None:
    result = results.get(name)
    if result is None:
        job = KEPT / "job.log"
        pytest.fail(
            f"never ran; the machine wrote: {job.read_text() if job.exists() else 'nothing'}", pytrace=False
        )
    if not result["passed"]:
        pytest.fail(f"{result['error']}\n{result['log']}", pytrace=False)


def _read(path: Path) -> dict[str, dict[str, object]]:
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    parsed = [json.loads(line) for line in lines]
    return {result["name"]: result for result in parsed}
