"""The stack brings no window into a process that imports it."""

import subprocess
import sys


def test_the_stack_imports_no_window() -> None:
    code = (
        "import sys, pkgutil, importlib, netstack\n"
        "for m in pkgutil.walk_packages(netstack.__path__, 'netstack.'): importlib.import_module(m.name)\n"
        "found = [n for n in ('PySide6', 'shiboken6', 'qasync', 'pyqtgraph', 'app') if n in sys.modules]\n"
        "sys.exit(repr(found) if found else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_command_line_imports_no_qt() -> None:
    code = (
        "import sys, pkgutil, importlib, app.cli\n"
        "for m in pkgutil.walk_packages(app.cli.__path__, 'app.cli.'): importlib.import_module(m.name)\n"
        "sys.exit('PySide6' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_first_window_waits_for_nothing_heavy() -> None:
    code = (
        "import sys, app.main\n"
        "heavy = {'numpy', 'sqlite3', 'prometheus_client', 'aiortc', 'bleak', 'zeroconf', 'netstack.node', 'netstack.lab'}\n"
        "sys.exit(repr(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr
