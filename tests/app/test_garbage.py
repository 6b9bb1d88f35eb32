"""Widgets in cycles never die in another thread."""

import subprocess
import sys

# A widget with a timer, in a cycle, dropped while another thread allocates: without UiGarbage Qt crashes.
PROGRAM = """
import sys, threading
from PySide6.QtWidgets import QApplication, QWidget
from PySide6.QtCore import QTimer
from app.garbage import UiGarbage

app = QApplication([])
garbage = UiGarbage()
dead = set()

class Cyclic(QWidget):
    def __init__(self):
        super().__init__()
        self.me = self
        self.startTimer(10)

    def __del__(self):
        dead.add(threading.current_thread().name)

stop = threading.Event()
def allocate():
    while not stop.is_set():
        kept = [[] for _ in range(5000)]

other = threading.Thread(target=allocate, name="other")
other.start()

def make():
    for _ in range(20):
        Cyclic()
    [[] for _ in range(2000)]

def look():
    make()
    if dead:
        stop.set()
        other.join()
        print(sorted(dead))
        app.exit(0 if dead == {"MainThread"} else 1)

timer = QTimer(interval=20, timeout=look)
timer.start()
code = app.exec()
timer.stop()
garbage.stop()
sys.exit(code)
"""


def test_widgets_die_on_the_ui_thread():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "['MainThread']"
    assert "another thread" not in done.stderr
