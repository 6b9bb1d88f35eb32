"""The settings as data: what `netstack/model/config.py` declares, read, checked and changed one at a time. Pure."""

import re
from collections.abc import Callable
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar, Final, get_args, get_origin, get_type_hints

import msgspec

from netstack.core.metered import parse_network
from netstack.core.nat_probe import MAX_SERVERS
from netstack.core.place import parse_place
from netstack.core.rendezvous_uri import parse_rendezvous
from netstack.core.stun_uri import parse_stun_uri
from netstack.core.turn_uri import parse_turn_uri
from netstack.core.web_facts import parse_web_check
from netstack.errors import Fault, PeerscopeError
from netstack.model.config import Config, Form, Kind, Setting
from netstack.model.session import TransportKind

MAX_ENTRIES: Final = 16
MAX_NAME: Final = 256
_FINGERPRINT = re.compile(r"[0-9a-f]{4}( [0-9a-f]{4}){3}")

Value = bool | int | str | tuple[Any, ...]


class SettingError(PeerscopeError):
    """A setting cannot be what was asked for, or cannot be kept."""

    class Reason(StrEnum):
        """What is wrong with it."""

        NUMBER = "not-a-number"
        RANGE = "out-of-range"
        NAME = "unusable-name"
        PEER = "unknown-peer"
        TRANSPORT = "unknown-transport"
        TWICE = "already-there"
        MANY = "too-many"
        NONE = "none-left"
        UNKNOWN = "unknown-setting"
        CHANGED = "changed-elsewhere"
        FILE = "file-unwritable"
        KEYRING = "keyring-refuses"

    TABLE: ClassVar = {
        Reason.NUMBER: (Fault.USER, "Write a number."),
        Reason.RANGE: (Fault.USER, "That is out of range."),
        Reason.NAME: (Fault.USER, "A name is at most 256 visible characters."),
        Reason.PEER: (Fault.USER, "A peer is named by its fingerprint, 16 hexadecimal digits in fours."),
        Reason.TRANSPORT: (Fault.USER, "There is no such transport."),
        Reason.TWICE: (Fault.USER, "That is in the list already."),
        Reason.MANY: (Fault.USER, "The list is full; remove one first."),
        Reason.NONE: (Fault.USER, "One must stay: without any, nothing can be asked."),
        Reason.UNKNOWN: (Fault.USER, "There is no such setting."),
        Reason.CHANGED: (
            Fault.USER,
            "The settings file was changed by somebody else meanwhile; read it again, then change it here.",
        ),
        Reason.FILE: (Fault.PC, "The settings file cannot be written."),
        Reason.KEYRING: (
            Fault.PC,
            "The system keyring does not take the password. Unlock it, or keep the password in the settings file.",
        ),
    }


_R = SettingError.Reason


class Field(msgspec.Struct, frozen=True):
    """One setting. `least` and `most` bound a number; `columns` are the fields of a record of the type `record`."""

    key: str
    kind: Kind
    setting: Setting
    least: int = 0
    most: int = 0
    default: Value = ""
    columns: tuple["Field", ...] = ()
    record: type[msgspec.Struct] | None = None

    @property
    def limit(self) -> int:
        """How many entries a list may have."""
        return MAX_SERVERS if self.setting.form is Form.STUN else MAX_ENTRIES


@cache
def fields(shape: type[msgspec.Struct] = Config) -> tuple[Field, ...]:
    """Every key of a struct that is declared as a `Setting`, in its order."""
    hints = get_type_hints(shape, include_extras=True)
    defaults = {each.name: each.default for each in msgspec.structs.fields(shape)}
    return tuple(
        found for key, hint in hints.items() if (found := _field(key, hint, defaults[key])) is not None
    )


def field(key: str) -> Field:
    """One of them. Raises SettingError."""
    found = next((each for each in fields() if each.key == key), None)
    if found is None:
        raise SettingError(_R.UNKNOWN, key)
    return found


def _field(key: str, hint: Any, default: Any) -> Field | None:
    base, *extras = get_args(hint) or (hint,)
    setting = next((each for each in extras if isinstance(each, Setting)), None)
    if setting is None:
        return None
    bounds = next((each for each in extras if isinstance(each, msgspec.Meta)), msgspec.Meta())
    columns: tuple[Field, ...] = ()
    record = None
    if get_origin(base) is tuple:
        inner = get_args(base)[0]
        kind = Kind.TEXTS if inner is str else Kind.RECORDS
        if kind is Kind.RECORDS:
            record, columns = inner, fields(inner)
    else:
        kind = {bool: Kind.SWITCH, int: Kind.NUMBER}.get(base, Kind.TEXT)
    known = "" if default is msgspec.NODEFAULT else default
    return Field(key, kind, setting, int(bounds.ge or 0), int(bounds.le or 0), known, columns, record)


def read(field: Field, text: str) -> bool | int | str:
    """What a person typed into a box of this field. Raises PeerscopeError with a sentence."""
    text = text.strip()
    if field.kind is Kind.NUMBER:
        return _number(field, text)
    if text or field.kind is Kind.TEXTS or field.setting.form in {Form.STUN, Form.TURN, Form.WAY, Form.WEB}:
        _CHECKS[field.setting.form](text)
    return text


def write(field: Field, value: object) -> str:
    """A value as it stands in a box."""
    if field.kind is Kind.NUMBER and isinstance(value, int):
        return f"{value / field.setting.scale:g}"
    return str(value)


def check(config: Config) -> None:
    """Looks at every value. Raises PeerscopeError for the first that cannot be."""
    for each in fields():
        check_value(each, getattr(config, each.key))


def check_value(field: Field, value: Value) -> None:
    """Looks at one value whole. Raises PeerscopeError."""
    match field.kind:
        case Kind.NUMBER if not isinstance(value, int) or not field.least <= value <= field.most:
            raise _out_of(field)
        case Kind.TEXT:
            read(field, str(value))
        case Kind.TEXTS | Kind.RECORDS if isinstance(value, tuple):
            if len(value) > field.limit:
                raise SettingError(_R.MANY, f"{field.limit} are allowed")
            if not value and field.setting.form is Form.STUN:
                raise SettingError(_R.NONE)
            for entry in value:
                _check_entry(field, entry)
            names = [entry_name(field, entry) for entry in value]
            if len(set(names)) < len(names):
                raise SettingError(_R.TWICE, str(next(name for name in names if names.count(name) > 1)))


def changed(config: Config, key: str, value: Value) -> Config:
    """The configuration with another value. Raises PeerscopeError, and nothing has changed."""
    check_value(field(key), value)
    return msgspec.structs.replace(config, **{key: value})


def entry_name(field: Field, entry: Any) -> str:
    """What makes an entry one that is there already, however it is written."""
    if field.kind is Kind.RECORDS:
        rest = (getattr(entry, each.key) for each in field.columns if each.setting.form is not Form.PASSWORD)
        return " ".join(str(part) for part in rest if not isinstance(part, int))
    match field.setting.form:
        case Form.STUN:
            return parse_stun_uri(entry).name.lower()
        case Form.WAY:
            return str(parse_rendezvous(entry))
        case Form.NETWORK:
            return parse_network(entry)
    return str(entry)


def _check_entry(field: Field, entry: Any) -> None:
    if field.kind is Kind.TEXTS:
        read(field, entry)
        return
    for column in field.columns:
        check_value(column, getattr(entry, column.key))


def _number(field: Field, text: str) -> int:
    try:
        value = round(float(text.replace("\N{THIN SPACE}", "").replace(",", ".")) * field.setting.scale)
    except (ValueError, OverflowError):
        raise SettingError(_R.NUMBER, f"from {_range(field)}") from None
    if not field.least <= value <= field.most:
        raise _out_of(field)
    return value


def _out_of(field: Field) -> SettingError:
    return SettingError(_R.RANGE, f"it goes from {_range(field)}")


def _range(field: Field) -> str:
    scale, unit = field.setting.scale, field.setting.unit
    return f"{field.least / scale:g} to {field.most / scale:,g}{' ' if unit else ''}{unit}"


def _visible(text: str) -> None:
    if len(text) > MAX_NAME or not text.isprintable():
        raise SettingError(_R.NAME)


def _peer(text: str) -> None:
    if not _FINGERPRINT.fullmatch(text):
        raise SettingError(_R.PEER)


def _transport(text: str) -> None:
    if text not in set(TransportKind):
        raise SettingError(_R.TRANSPORT, text[:20])


_CHECKS: Final[dict[Form, Callable[[str], object]]] = {
    Form.PLAIN: _visible,
    Form.NAME: _visible,
    Form.NETWORK: parse_network,
    Form.PASSWORD: _visible,
    Form.STUN: parse_stun_uri,
    Form.TURN: parse_turn_uri,
    Form.WAY: parse_rendezvous,
    Form.WEB: parse_web_check,
    Form.PLACE: parse_place,
    Form.PEER: _peer,
    Form.TRANSPORT: _transport,
}
