"""Options that every command spells the same way."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """How a result is printed."""

    TEXT = "text"
    JSON = "json"


ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", envvar="PEERSCOPE_CONFIG", metavar="FILE", help="Read this configuration (TOML)."
    ),
]
FormatOption = Annotated[Format, typer.Option("--format", help="Print text, or JSON for programs.")]
LabOption = Annotated[
    str | None,
    typer.Option(
        "--lab",
        metavar="SCENARIO",
        help="Work on the virtual internet, as the first person of that scenario; see `peerscope lab list`.",
    ),
]
