#!/usr/bin/env python3
"""Sets up, runs, tests and builds Peerscope: `python3 packaging/dev.py COMMAND [ARGS]`.

run [ARGS]     start Peerscope with ARGS; without a display, `peerscope nat ARGS`
test           everything that CI does; with --all the long sweeps too
test ARGS      pytest with ARGS
setup          only make ready what `test` needs
build          the packaged program, in dist/peerscope
lock           renew packaging/lock from pyproject.toml (needs uv)

Each sets up what it needs and says so, and is silent when all is there.
"""

import sys

if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.stderr.write(f"Peerscope runs on Python 3.11 to 3.13; this is {sys.version.split()[0]}.\n")
    sys.exit(2)

sys.dont_write_bytecode = True  # nothing of this folder is worth a cache beside the sources

import os
import subprocess
import time
from collections.abc import Sequence

import environment
import stages
import system_packages
from environment import ROOT, program


def prepare(python_packages: str, system: str) -> None:
    """Sets up what is missing; exits where nothing could work without it."""
    missing = system_packages.install(system)
    if missing and (system == "run" or any(name.endswith("-venv") for name in missing)):
        sys.exit(2)
    environment.prepare(python_packages)


def run(args: Sequence[str]) -> int:
    """Starts Peerscope, with the window where there is a display."""
    sys.path.insert(0, str(ROOT))
    from app.__main__ import in_the_terminal, wants_window
    from app.display import has_display

    window = wants_window(args)
    if window and not has_display():
        print("There is no display here, so this goes on with `peerscope nat` in the terminal.", flush=True)
        window, args = False, in_the_terminal(args)
    prepare("run", "run" if window else "none")
    command = [program("peerscope"), *args]
    if os.name == "posix":
        os.execv(command[0], command)
    with subprocess.Popen(command) as child:
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:  # it reached the child, too, which ends in its own way
                continue


def test(args: Sequence[str]) -> int:
    """Everything that CI does, or pytest with arguments of one's own."""
    began = time.monotonic()
    prepare("test", "test")
    if args and list(args) != ["--all"]:
        return stages.run_pytest(args)
    return stages.run_all(sweeps=bool(args), set_up_s=time.monotonic() - began)


def setup(args: Sequence[str]) -> int:
    """What `test` needs, and no more."""
    _no_arguments(args)
    prepare("test", "test")
    return 0


def build(args: Sequence[str]) -> int:
    """The packaged program."""
    _no_arguments(args)
    prepare("test", "test")
    code = subprocess.call(stages.BUILD, cwd=ROOT)
    if code == 0:
        folder = ROOT / "dist" / "peerscope"
        size = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
        print(f"dist/peerscope: {size / 1e6:.0f} MB")
    return code


def lock(args: Sequence[str]) -> int:
    """New versions for everyone."""
    _no_arguments(args)
    environment.relock()
    return 0


def _no_arguments(args: Sequence[str]) -> None:
    if args:
        sys.exit(f"What does {args[0]!r} mean here? This command takes no arguments.")


COMMANDS = {"run": run, "test": test, "setup": setup, "build": build, "lock": lock}


def main(argv: Sequence[str]) -> int:
    """Returns the exit code."""
    if argv and argv[0] in ("-h", "--help"):
        print(__doc__.strip())
        return 0
    if not argv or argv[0] not in COMMANDS:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        return COMMANDS[argv[0]](argv[1:])
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
