"""The Settings page in words: what `netstack/model/config.py` declares as cards, rows and boxes; and what is typed there."""

from typing import Any, NamedTuple

import msgspec

from netstack.core.settings import Field, check_value, field, fields, read, write
from netstack.errors import PeerscopeError
from netstack.model.config import Form, Group, Kind
from netstack.model.peers import KnownPeer
from netstack.model.session import TransportKind
from netstack.model.settings import Kept, SettingsState

TRANSPORTS = {
    TransportKind.UDP: "UDP",
    TransportKind.TCP: "TCP",
    TransportKind.TURN: "a relay (TURN)",
    TransportKind.BLE: "Bluetooth LE",
    TransportKind.WEBRTC: "WebRTC",
}
PASSWORDS = {
    Kept.UNKNOWN: "password",
    Kept.NOWHERE: "no password yet",
    Kept.KEYRING: "kept in the keyring",
    Kept.FILE: "kept in the settings file",
}
BLURBS = {
    Group.SERVERS: "Who is asked, and who carries what cannot go directly.",
    Group.MEETING: "How two people find each other, and what they see.",
    Group.LIMITS: "What other people's traffic may take.",
    Group.HISTORY: "What this computer remembers.",
    Group.PROGRAMS: "What other programs may read.",
}


class Column(msgspec.Struct, frozen=True):
    """One box of each row of a list. With `choices` (value, words) it is chosen, not typed; a `secret` is never shown."""

    title: str
    example: str = ""
    unit: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    secret: bool = False
    narrow: bool = False


class Row(msgspec.Struct, frozen=True):
    """One setting. `rows` are the texts of a list, `secrets` where the secret of each row is; `own`: not as shipped."""

    key: str
    kind: Kind
    title: str
    hint: str
    on: bool = False
    text: str = ""
    unit: str = ""
    example: str = ""
    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    secrets: tuple[str, ...] = ()
    own: bool = False
    problem: str = ""


class CardView(msgspec.Struct, frozen=True):
    """One group."""

    title: str
    blurb: str
    rows: tuple[Row, ...]


class SettingsView(msgspec.Struct, frozen=True):
    """The whole page."""

    headline: str
    subline: str
    undo: str
    cards: tuple[CardView, ...]


class Typed(NamedTuple):
    """What was typed: a value, or a sentence about why it is none and the row that it speaks of."""

    value: Any = None
    problem: str = ""
    row: int = -1


def present(state: SettingsState, known: tuple[KnownPeer, ...] = ()) -> SettingsView:
    """Everything that the page shows."""
    rows = {each.key: _row(each, state, known) for each in fields()}
    own = sum(row.own for row in rows.values())
    if not state.shipped.stun:
        headline = "Reading the settings"
    elif own == 0:
        headline = "Everything is as shipped"
    else:
        headline = f"{own} setting{'s are' if own > 1 else ' is'} your own"
    where = f"Kept in {state.path}" if state.path else "Nothing is written: this window has no settings file"
    return SettingsView(
        headline=headline,
        subline=f"{where}. The lab has servers of its own; these hold outside it."
        if state.virtual
        else where,
        undo=state.undo,
        cards=tuple(
            CardView(
                group.value,
                BLURBS[group],
                tuple(rows[each.key] for each in fields() if each.setting.group is group),
            )
            for group in Group
        ),
    )


def typed_text(key: str, text: str) -> Typed:
    """What stands in the box of a single value."""
    found = field(key)
    try:
        value = read(found, text)
        check_value(found, value)
    except PeerscopeError as error:
        return Typed(problem=error.sentence)
    return Typed(value)


def typed_rows(key: str, rows: tuple[tuple[str, ...], ...]) -> Typed:
    """What stands in the boxes of a list, secrets left out; rows without a word do not count."""
    found = field(key)
    entries: list[Any] = []
    for number, texts in enumerate(rows):
        if not any(text.strip() for text in texts):
            continue
        try:
            entries.append(_entry(found, texts))
            check_value(found, tuple(entries))
        except PeerscopeError as error:
            return Typed(problem=error.sentence, row=number)
    try:
        check_value(found, tuple(entries))
    except PeerscopeError as error:
        return Typed(problem=error.sentence)
    return Typed(tuple(entries))


def _entry(found: Field, texts: tuple[str, ...]) -> Any:
    if found.record is None:
        return read(found, texts[0])
    shown = [column for column in found.columns if column.setting.form is not Form.PASSWORD]
    values = {column.key: read(column, text) for column, text in zip(shown, texts, strict=True)}
    return found.record(**values)


def _row(found: Field, state: SettingsState, known: tuple[KnownPeer, ...]) -> Row:
    setting, value = found.setting, getattr(state.config, found.key)
    row = Row(
        key=found.key,
        kind=found.kind,
        title=setting.title,
        hint=f"{setting.hint} A change holds {setting.when}." if setting.when else setting.hint,
        unit=setting.unit,
        example=setting.example,
        own=value != getattr(state.shipped, found.key),
        problem=_problem(found, value),
    )
    match found.kind:
        case Kind.SWITCH:
            return msgspec.structs.replace(row, on=bool(value))
        case Kind.TEXTS:
            return msgspec.structs.replace(
                row,
                columns=(Column(setting.title, setting.example),),
                rows=tuple((entry,) for entry in value),
            )
        case Kind.RECORDS:
            shown = [each for each in found.columns if each.setting.form is not Form.PASSWORD]
            return msgspec.structs.replace(
                row,
                columns=tuple(_column(each, known) for each in found.columns),
                rows=tuple(tuple(write(each, getattr(entry, each.key)) for each in shown) for entry in value),
                secrets=tuple(PASSWORDS[kept] for kept in state.passwords)
                if len(shown) < len(found.columns)
                else (),
            )
    return msgspec.structs.replace(row, text=write(found, value))


def _problem(found: Field, value: Any) -> str:
    """Of what stands in the file: a person may have written it."""
    try:
        if value:
            check_value(found, value)
    except PeerscopeError as error:
        return error.sentence
    return ""


def _column(found: Field, known: tuple[KnownPeer, ...]) -> Column:
    setting = found.setting
    choices: tuple[tuple[str, str], ...] = ()
    if setting.form is Form.PEER:
        choices = (("", "everybody"), *((each.peer, each.name or each.peer) for each in known))
    elif setting.form is Form.TRANSPORT:
        choices = (("", "any transport"), *((kind.value, words) for kind, words in TRANSPORTS.items()))
    return Column(
        setting.title,
        setting.example,
        setting.unit,
        choices,
        secret=setting.form is Form.PASSWORD,
        narrow=found.kind is Kind.NUMBER,
    )
