"""`peerscope`: a command goes to the command line, which never loads Qt; without one the window opens."""

import sys
from collections.abc import Sequence

NO_DISPLAY = (
    "There is no display here to open a window on; "
    "`peerscope nat` checks this network in the terminal, and `peerscope --help` shows what else does."
)


def wants_window(arguments: Sequence[str]) -> bool:
    """True when no command is given: options alone (`--lab`, `--config FILE`) are the window's."""
    return not arguments or (
        arguments[0].startswith("-") and arguments[0] not in ("-h", "--help", "--version")
    )


def main() -> int:
    """Runs `sys.argv`; exit code 0: fine, 1: a problem was found, 2: could not test, wrong use."""
    if getattr(sys, "frozen", False):
        import multiprocessing

        multiprocessing.freeze_support()
    arguments = sys.argv[1:]
    if not wants_window(arguments):
        from app.cli import run

        return run(arguments)

    from app.display import has_display

    if not has_display():
        print(NO_DISPLAY, file=sys.stderr)
        return 2

    from app.main import main as open_window

    return open_window(arguments)


if __name__ == "__main__":
    sys.exit(main())
