"""The lab's radio is loaded beside the loop, whose clock is the lab's."""

import subprocess
import sys

import pytest

OPENS = {"LabRadio": "LabRadio('anna')", "Airspace": "Airspace(load_scenario('train'), 0)"}
PROGRAM = """
import asyncio, sys, threading
from netstack.lab.airspace import Airspace
from netstack.lab.loop import RealTimeLabLoop
from netstack.lab.radio import LabRadio
from netstack.lab.scenario import load_scenario

class Watch:
    def find_spec(self, name, *_):
        if name in ("bleak", "bumble"):
            print(name, threading.current_thread() is threading.main_thread())

async def main():
    around = {make}
    radio = await around.open()
    if radio is not None:
        await radio.close()
    await around.close()

sys.meta_path.insert(0, Watch())
with asyncio.Runner(loop_factory=RealTimeLabLoop) as runner:
    runner.run(main())
"""


@pytest.mark.parametrize("name", OPENS)
def test_bluetooth_libraries_are_loaded_in_a_thread(name: str) -> None:
    program = PROGRAM.replace("{make}", OPENS[name])
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert set(done.stdout.splitlines()) == {"bleak False", "bumble False"}
