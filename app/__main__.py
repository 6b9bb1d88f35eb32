"""`peerscope`: a command goes to the command line, which never loads Qt; without one the window opens."""

import sys
from collections.abc import Sequence

NO_DISPLAY = (
    "There is no display here to open a window on; "
    "`peerscope nat` checks this network in the terminal, and `peerscope --help` shows what else does."
)

FIRST_SCENARIO = "home"


def wants_window(arguments: Sequence[str]) -> bool:
    """True when no command is given: options alone (`--lab`, `--config FILE`) are the window's, and a link."""
    return (
        not arguments
        or arguments[0].startswith("peerscope:")
        or (arguments[0].startswith("-") and arguments[0] not in ("-h", "--help", "--version"))
    )


def in_the_terminal(arguments: Sequence[str]) -> list[str]:
    """`peerscope nat` with the window's options; its `--lab` needs a scenario's name."""
    options = ["nat", *arguments]
    after = options.index("--lab") + 1 if "--lab" in options else 0
    if after and (after == len(options) or options[after].startswith("-")):
        options.insert(after, FIRST_SCENARIO)
    return options


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
