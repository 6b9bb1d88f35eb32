"""The settings file as text (TOML): what changed is written, everything else stays as it was, comments included. Pure."""

import tomllib
from typing import Any, Final

import msgspec
import tomlkit
from tomlkit.items import AoT, Array

from netstack.model.config import Config

HEAD: Final = (
    "# Settings of Peerscope; the Settings page writes them. What is not named here is as shipped.\n"
)
SEVERAL: Final = 2


def rewritten(text: str, config: Config, shipped: Config) -> str:
    """`text` so that it says `config`. What is as shipped is left out, so that better defaults arrive with an update.

    Comments inside a list or table that changed are lost; all others stay.
    """
    document = tomlkit.parse(text or HEAD)
    known = tomllib.loads(text)
    default = _plain(shipped)
    for key, value in _plain(config).items():
        if _short(known.get(key, default[key])) == (wanted := _short(value)):
            continue
        if value == default[key]:
            document.pop(key, None)
        elif key in document and not isinstance(wanted, list):
            document[key] = wanted
        else:
            document.pop(key, None)
            document.add(key, _item(wanted))
    return tomlkit.dumps(document)


def without_passwords(config: Config) -> Config:
    """The same, for other eyes."""
    return msgspec.structs.replace(
        config, turn=tuple(msgspec.structs.replace(server, password="") for server in config.turn)
    )


def _plain(config: Config) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(config))
    return plain


def _short(value: Any) -> Any:
    """Records without the fields that say nothing."""
    if not isinstance(value, list) or not value or not isinstance(value[0], dict):
        return value
    return [{name: part for name, part in entry.items() if part != ""} for entry in value]


def _item(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    if value and isinstance(value[0], dict):
        tables: AoT = tomlkit.aot()
        for entry in value:
            table = tomlkit.table()
            for name, part in entry.items():
                table.add(name, part)
            tables.append(table)
        return tables
    array: Array = tomlkit.array()
    array.extend(value)
    return array.multiline(len(value) >= SEVERAL)
