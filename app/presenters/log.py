"""The log as lines of text, from a level upwards."""

from datetime import datetime

import msgspec

from app.presenters.veil import Veil
from netstack.model.snapshot import LogLine

LEVEL_NAMES = {"info": "All", "warning": "Warnings and errors", "error": "Errors"}
_RANK = {"debug": 0, "info": 1, "warning": 2, "error": 3, "critical": 4}


class LogView(msgspec.Struct, frozen=True):
    """Lines, oldest first."""

    lines: tuple[str, ...]


def log_view(lines: tuple[LogLine, ...], least: str, veil: Veil) -> LogView:
    """The lines at `least` (a key of `LEVEL_NAMES`) or above, with hidden addresses hidden."""
    return LogView(
        tuple(veil(_line(line)) for line in lines if _RANK.get(line.level, _RANK["error"]) >= _RANK[least])
    )


def _line(line: LogLine) -> str:
    at = datetime.fromtimestamp(line.at_s).strftime("%H:%M:%S.%f")[:-3]  # noqa: DTZ006 - the reader's own clock
    text = line.text.replace("\n", " ")
    return f"{at}  {line.level:<8}  {line.source}: {text}"
