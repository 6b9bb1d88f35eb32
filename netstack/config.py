"""The one configuration file (TOML) that every command and the window read.

Precedence: `--config FILE`, PEERSCOPE_CONFIG, the user's own file, the defaults in `resources`.
"""

import difflib
import os
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import platformdirs

from netstack.errors import InputError
from netstack.model.config import Cap, Config, TurnServer

RESOURCES = Path(__file__).parent.parent / "resources"


def config_path(given: Path | None = None) -> Path:
    """The file that holds: `--config`, else PEERSCOPE_CONFIG, else the user's own, which need not exist."""
    named = os.environ.get("PEERSCOPE_CONFIG")
    return given or (Path(named) if named else user_config_path())


def user_config_path() -> Path:
    """Where the user's own file lives; it need not exist."""
    return platformdirs.user_config_path("peerscope", appauthor=False) / "peerscope.toml"


def history_path(*, lab: bool = False) -> Path:
    """Where the history of this user lives; the lab's is apart."""
    return platformdirs.user_data_path("peerscope", appauthor=False) / ("lab.db" if lab else "history.db")


def shipped_config() -> Config:
    """What holds where the user says nothing."""
    path = RESOURCES / "servers.toml"
    return _convert(_parse(_read(path), path), path)


def parse_config(text: str, path: Path) -> Config:
    """A file's text over what is shipped. Raises InputError with the file's name and what to change."""
    return _convert(msgspec.structs.asdict(shipped_config()) | _parse(text, path), path)


def load_config(path: Path | None = None, *, warn: list[str] | None = None) -> Config:
    """Reads the configuration. Raises InputError with the file's name and what to change.

    Warnings for the user (a file with a password that others may read) are appended to `warn`.
    """
    own = config_path(path)
    if own == user_config_path() and not own.exists():
        return shipped_config()
    config = parse_config(_read(own), own)
    if warn is not None and any(server.password for server in config.turn) and _others_may_read(own):
        warn.append(f"{own} holds a password and others on this computer may read it; run: chmod 600 {own}")
    return config


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise InputError(InputError.Reason.CONFIG, f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(InputError.Reason.CONFIG, f"{path}: it is not UTF-8 text") from error


def _parse(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(InputError.Reason.CONFIG, f"{path}: {error}") from error


def _convert(values: dict[str, Any], path: Path) -> Config:
    _refuse_unknown(values, Config, path, "")
    shapes: dict[str, type[msgspec.Struct]] = {"turn": TurnServer, "cap": Cap}
    for key, shape in shapes.items():
        entries = values.get(key, ())
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict):
                _refuse_unknown(entry, shape, path, f"{key}.")
    try:
        return msgspec.convert(values, Config)
    except msgspec.ValidationError as error:
        raise InputError(InputError.Reason.CONFIG, f"{path}: {error}") from error


def _refuse_unknown(values: dict[str, Any], shape: type[msgspec.Struct], path: Path, prefix: str) -> None:
    known = shape.__struct_fields__
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"known: {', '.join(known)}"
            raise InputError(InputError.Reason.CONFIG, f"{path}: unknown key {prefix}{key}; {hint}")


def _others_may_read(path: Path) -> bool:
    return os.name == "posix" and bool(path.stat().st_mode & 0o077)
