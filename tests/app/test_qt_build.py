"""Some builds of PySide6 lose a reference to None with every call that returns nothing, and abort Python 3.11."""

import subprocess
import sys

CALLS = 100

LOOP_TURNS = """
import asyncio, sys
from PySide6.QtWidgets import QApplication, QLabel
from qasync import QEventLoop

async def turn():
    label = QLabel()
    for number in range(5000):
        label.setText(str(number))
        await asyncio.sleep(0)
    label.deleteLater()

app = QApplication(sys.argv)
with QEventLoop(app) as loop:
    loop.run_until_complete(turn())
"""


def test_a_call_that_returns_nothing_keeps_the_count_of_none() -> None:
    from PySide6.QtGui import QPen

    pen = QPen()
    before = sys.getrefcount(None)
    for _ in range(CALLS):
        pen.setCosmetic(True)
    assert sys.getrefcount(None) > before - CALLS // 2


def test_five_thousand_turns_of_the_loop_end_well() -> None:
    run = subprocess.run(
        [sys.executable, "-c", LOOP_TURNS], capture_output=True, text=True, timeout=50, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
