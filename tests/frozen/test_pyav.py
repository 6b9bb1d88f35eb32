"""Data channels in a packaged program that has PyAV inside, which ours leaves out."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from environment import ROOT, SUFFIX

pytestmark = [pytest.mark.frozen, pytest.mark.timeout(180)]

NAME = "channel_with_pyav"
LARGE = ("PySide6", "pytest", "numpy", "pyqtgraph", "bumble")


def test_a_data_channel_opens_beside_pyav_and_without_it(tmp_path: Path) -> None:
    places = ("--distpath", tmp_path / "dist", "--workpath", tmp_path / "build", "--specpath", tmp_path)
    options = ("--noconfirm", "--log-level", "ERROR", "--paths", ROOT, "--hidden-import", "aiortc", *places)
    without = (word for name in LARGE for word in ("--exclude-module", name))
    script = Path(__file__).parent / f"{NAME}.py"
    build = (sys.executable, "-m", "PyInstaller", *map(str, options), *without, str(script))
    subprocess.run(build, cwd=tmp_path, check=True, timeout=150, capture_output=True)
    program = tmp_path / "dist" / NAME / f"{NAME}{SUFFIX}"
    assert (program.parent / "_internal" / "av").is_dir()
    for arguments, loaded in (((), "False"), (("first",), "True")):
        done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
        assert re.fullmatch(rf"(20000|no network) {loaded}\n", done.stdout)
