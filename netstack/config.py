"""The one configuration file (TOML) that every command and the window read.

Precedence: `--config FILE`, PEERSCOPE_CONFIG, the user's own file, the defaults in `resources`.
"""

import difflib
import os
import tomllib
from pathlib import Path
from typing import Annotated, Any

import msgspec
import platformdirs

from netstack.errors import InputError

RESOURCES = Path(__file__).parent.parent / "resources"


class TurnServer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A TURN server; a password left out is looked up in the keyring."""

    url: str
    username: str = ""
    password: str = ""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the user chose. `stun` holds `stun:HOST[:PORT]` URIs (RFC 7064).

    `web_checks` are plain web pages that are known to be empty, which the doctor asks for a login page and the time.
    `rendezvous` are the ways to meet that are used; `brokers` are public ones that are only offered, and used once the
    user has agreed. History keeps diagnoses and sessions for `history_days`, and at most `history_megabytes` of all;
    `metrics` (HOST:PORT) is where Prometheus may ask, empty for nowhere. `hide_address`: peers
    get no address of ours, so that only a relay will do.
    """

    stun: tuple[str, ...] = ()
    web_checks: tuple[str, ...] = ()
    rendezvous: tuple[str, ...] = ()
    brokers: tuple[str, ...] = ()
    turn: tuple[TurnServer, ...] = ()
    history_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 365
    history_megabytes: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 200
    metrics: str = ""
    hide_address: bool = False


def user_config_path() -> Path:
    """Where the user's own file lives; it need not exist."""
    return platformdirs.user_config_path("peerscope", appauthor=False) / "peerscope.toml"


def history_path(*, lab: bool = False) -> Path:
    """Where the history of this user lives; the lab's is apart."""
    return platformdirs.user_data_path("peerscope", appauthor=False) / ("lab.db" if lab else "history.db")


def load_config(path: Path | None = None, *, warn: list[str] | None = None) -> Config:
    """Reads the configuration. Raises InputError with the file's name and what to change.

    Warnings for the user (a file with a password that others may read) are appended to `warn`.
    """
    given = path or (Path(os.environ["PEERSCOPE_CONFIG"]) if os.environ.get("PEERSCOPE_CONFIG") else None)
    defaults = _read(RESOURCES / "servers.toml")
    own = given or user_config_path()
    if given is None and not own.exists():
        return _convert(defaults, own)
    text = _read(own)
    config = _convert(defaults | text, own)
    if warn is not None and any(server.password for server in config.turn) and _others_may_read(own):
        warn.append(f"{own} holds a password and others on this computer may read it; run: chmod 600 {own}")
    return config


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(InputError.Reason.CONFIG, f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(InputError.Reason.CONFIG, f"{path}: it is not UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(InputError.Reason.CONFIG, f"{path}: {error}") from error


def _convert(values: dict[str, Any], path: Path) -> Config:
    _refuse_unknown(values, Config, path, "")
    for entry in values.get("turn", ()):
        if isinstance(entry, dict):
            _refuse_unknown(entry, TurnServer, path, "turn.")
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
