"""The virtual environment `.venv`: made once, filled from a lock of names and hashes."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
SUFFIX = ".exe" if os.name == "nt" else ""
PYTHON = BIN / f"python{SUFFIX}"
STAMP = VENV / "peerscope-installed.json"
LOCKS = {kind: ROOT / "packaging" / "lock" / f"{kind}.txt" for kind in ("run", "test")}


def program(name: str) -> str:
    """Path of a program in the environment."""
    return str(BIN / f"{name}{SUFFIX}")


def _fingerprint(kind: str) -> str:
    """Changes when the lock, what pyproject.toml says of the project, or the interpreter does."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    stated = json.dumps([project["project"], project["build-system"]], sort_keys=True)
    parts = [LOCKS[kind].read_bytes(), stated.encode(), (VENV / "pyvenv.cfg").read_bytes()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _stamp() -> dict[str, str]:
    try:
        return dict(json.loads(STAMP.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def is_ready(kind: str) -> bool:
    """True when the environment holds what the lock says; `test` holds all of `run`."""
    if not PYTHON.exists():
        return False
    stamp = _stamp()
    return stamp.get("root") == str(ROOT) and (
        stamp.get(kind) == _fingerprint(kind) or stamp.get("test") == _fingerprint("test")
    )


def _pip_install(arguments: list[str], total: int = 0) -> None:
    """Runs pip with one line of progress; shows all it said if it fails, and exits."""
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *arguments]
    said = []
    count = 0
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            said.append(line)
            if line.startswith("Collecting ") and sys.stdout.isatty():
                count += 1
                name = re.split(r"[=<>~! ]", line.removeprefix("Collecting "))[0].strip()
                print(f"\r\033[K  {count} of at most {total}: {name}", end="", flush=True)
    if count:
        print("\r\033[K", end="", flush=True)
    if pip.returncode:
        sys.stderr.write("".join(said[-40:]))
        sys.exit(f"pip could not install the Python packages (exit code {pip.returncode}).")


def prepare(kind: str) -> None:
    """Makes `.venv` and installs the lock of `kind` and the project; silent when nothing is to do."""
    if is_ready(kind):
        return
    if PYTHON.exists() and _stamp().get("root", str(ROOT)) != str(ROOT):
        shutil.rmtree(VENV)  # the folder was moved or copied: its scripts point elsewhere
    if not PYTHON.exists():
        print("Making .venv ...", flush=True)
        try:
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
        except BaseException:  # half an environment would look like a whole one next time
            shutil.rmtree(VENV, ignore_errors=True)
            raise
    began = time.monotonic()
    lock = LOCKS[kind]
    total = len(re.findall(r"^[A-Za-z0-9]", lock.read_text(encoding="utf-8"), re.MULTILINE))
    print(f"Installing Python packages into .venv (up to {total}, once) ...", flush=True)
    _pip_install(["--require-hashes", "--only-binary=:all:", "-r", str(lock)], total)
    _pip_install(["--no-deps", "--no-build-isolation", "--editable", str(ROOT)])
    stamp = {name: value for name, value in _stamp().items() if name in LOCKS}
    STAMP.write_text(json.dumps({**stamp, "root": str(ROOT), kind: _fingerprint(kind)}), encoding="utf-8")
    print(f"Installed in {time.monotonic() - began:.0f} s.", flush=True)


def relock() -> None:
    """Writes both locks anew from pyproject.toml, for every system and Python, without an index address."""
    uv = shutil.which("uv")
    if uv is None:
        sys.exit("uv makes the locks, and it is not installed: pip install uv")
    options = """
        --universal --python-version 3.11 --generate-hashes --only-binary :all: --upgrade --quiet
        --no-emit-index-url --no-emit-find-links --no-header --no-annotate
    """.split()
    extras = {"run": [], "test": ["--extra", "test", "--constraints", str(LOCKS["run"])]}
    for kind, extra in extras.items():
        command = [uv, "pip", "compile", "pyproject.toml", "-", *options, *extra, "-o", str(LOCKS[kind])]
        subprocess.run(command, input="setuptools\n", text=True, cwd=ROOT, check=True)
