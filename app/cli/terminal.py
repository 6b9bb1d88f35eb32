"""What every command prints with: the console, JSON, and an error as one sentence."""

import json
import sys
from typing import Any, NoReturn

import msgspec
import typer
from rich.console import Console

from netstack.errors import PeerscopeError


def console(*, stderr: bool = False) -> Console:
    """Rich's console; plain text where the output is no terminal."""
    return Console(stderr=stderr, soft_wrap=not (sys.stderr if stderr else sys.stdout).isatty())


def print_json(value: Any) -> None:
    """One JSON document on a line of its own, flushed."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def fail(error: PeerscopeError, document: msgspec.Struct | None) -> NoReturn:
    """Says one sentence and ends with exit code 2.

    `document`: where JSON is asked for, a result that knows nothing; it is printed with `failure` and `failure_text`,
    so that a failure has the keys that a result has.
    """
    if document is not None:
        why = {"failure": error.reason.value, "failure_text": error.sentence}
        print_json(msgspec.to_builtins(document) | why)
    console(stderr=True).print(error.sentence, highlight=False, markup=False)
    raise typer.Exit(2)
