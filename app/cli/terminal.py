"""What every command prints with: the console, JSON, and an error as one sentence."""

import json
import sys
from typing import Any, NoReturn

import typer
from rich.console import Console

from netstack.errors import PeerscopeError


def console(*, stderr: bool = False) -> Console:
    """Rich's console; plain text where the output is no terminal."""
    return Console(stderr=stderr, soft_wrap=not (sys.stderr if stderr else sys.stdout).isatty())


def print_json(value: Any) -> None:
    """One JSON document on a line of its own, flushed."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def fail(error: PeerscopeError, *, as_json: bool, schema: str) -> NoReturn:
    """Says one sentence (in JSON also as a document with `failure`) and ends with exit code 2."""
    if as_json:
        print_json({"schema": schema, "failure": error.reason.value, "failure_text": error.sentence})
    console(stderr=True).print(error.sentence, highlight=False, markup=False)
    raise typer.Exit(2)
