"""One command a file; text or JSON; no window.

A command is a name in `COMMANDS`, a module of that name, and a function of that name in it, whose docstring is
its help and which returns the exit code; or a `typer.Typer` of that name where it has commands of its own.
"""

import sys
from collections.abc import Callable, Sequence
from functools import wraps
from importlib import import_module
from typing import Annotated, Any

import typer

from netstack.errors import PeerscopeError

COMMANDS = ("bench", "ble", "doctor", "history", "host", "join", "lab", "nat", "selftest", "serve", "turn")


def run(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit code; only the module of that command is loaded."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a console that cannot show a character shows "?" for it
            stream.reconfigure(errors="replace")
    wanted = arguments[:1] if arguments and arguments[0] in COMMANDS else COMMANDS
    root = typer.Typer(name="peerscope", add_completion=False, pretty_exceptions_enable=False)
    root.callback()(_peerscope)
    for name in wanted:
        command = getattr(import_module(f"app.cli.{name}"), name)
        if isinstance(command, typer.Typer):
            for inner in command.registered_commands:
                if inner.callback is not None:
                    inner.callback = _exits(inner.callback)
            root.add_typer(command, name=name)
        else:
            root.command(name)(_exits(command))
    try:
        root(args=list(arguments), prog_name="peerscope")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0


def _exits(command: Callable[..., int | None]) -> Callable[..., None]:
    """Turns a returned exit code into an exit, and an error of ours into its sentence and exit code 2."""

    @wraps(command)
    def exits(*args: Any, **kwargs: Any) -> None:
        try:
            code = command(*args, **kwargs)
        except PeerscopeError as error:
            print(error.sentence, file=sys.stderr)
            code = 2
        raise typer.Exit(code or 0)

    return exits


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"peerscope {version('peerscope')}")
        raise typer.Exit


def _peerscope(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Why can these two not connect directly, whose side is it, and what do they change?

    Without a command the window opens.
    """
