"""The Settings page in words."""

import msgspec
import pytest

from app.presenters.settings import SettingsView, present, typed_rows, typed_text
from netstack.config import shipped_config
from netstack.model.config import Cap, Config, Kind, TurnServer
from netstack.model.peers import KnownPeer
from netstack.model.settings import Kept, SettingsState

SHIPPED = shipped_config()
ANA = KnownPeer("0123 4567 89ab cdef", "Ana")


def _state(**changes: object) -> SettingsState:
    return SettingsState("/home/u/peerscope.toml", msgspec.structs.replace(SHIPPED, **changes), SHIPPED)


def _row(view: SettingsView, key: str):
    return next(row for card in view.cards for row in card.rows if row.key == key)


def test_every_key_has_a_place_on_the_page() -> None:
    view = present(_state())
    assert {row.key for card in view.cards for row in card.rows} == set(Config.__struct_fields__)
    assert view.headline == "Everything is as shipped"
    assert not any(row.own or row.problem for card in view.cards for row in card.rows)


def test_what_is_ones_own_is_counted_and_can_be_reset() -> None:
    view = present(_state(hide_address=True, history_days=30))
    assert view.headline == "2 settings are your own"
    assert _row(view, "hide_address").own
    assert _row(view, "history_days").text == "30"
    assert not _row(view, "stun").own


def test_a_relay_shows_where_its_password_is_and_never_which() -> None:
    state = msgspec.structs.replace(
        _state(turn=(TurnServer("turn:x.example", "ana"),)), passwords=(Kept.KEYRING,)
    )
    row = _row(present(state), "turn")
    assert row.rows == (("turn:x.example", "ana"),)
    assert row.secrets == ("kept in the keyring",)
    assert [column.secret for column in row.columns] == [False, False, True]


def test_limits_name_known_peers_and_transports() -> None:
    row = _row(present(_state(cap=(Cap(2_500_000, ANA.peer, "turn"),)), (ANA,)), "cap")
    assert row.rows == (("2.5", ANA.peer, "turn"),)
    assert dict(row.columns[1].choices) == {"": "everybody", ANA.peer: "Ana"}
    assert dict(row.columns[2].choices)["turn"] == "a relay (TURN)"


def test_what_a_person_wrote_into_the_file_is_looked_at() -> None:
    assert "server" in _row(present(_state(stun=("stun:",))), "stun").problem


@pytest.mark.parametrize(
    ("key", "rows", "value", "row"),
    [
        ("stun", (("stun:a.example",), ("",)), ("stun:a.example",), -1),
        ("stun", (("stun:a.example",), ("b c",)), None, 1),
        ("stun", (("",),), None, -1),
        ("turn", (("turn:x.example", "ana"),), (TurnServer("turn:x.example", "ana"),), -1),
        ("turn", (("", "ana"),), None, 0),
        ("cap", (("2", "", "udp"),), (Cap(2_000_000, "", "udp"),), -1),
        ("cap", (("fast", "", ""),), None, 0),
        ("turn", (), (), -1),
    ],
)
def test_rows_are_read_together(key: str, rows: tuple, value: object, row: int) -> None:
    typed = typed_rows(key, rows)
    assert typed.value == value
    assert bool(typed.problem) == (value is None)
    assert typed.row == row


def test_single_values_are_read_as_they_are_typed() -> None:
    assert typed_text("history_days", "30").value == 30
    assert "1 to 3,650 days" in typed_text("history_days", "0").problem
    assert typed_text("metrics", "").value == ""
    assert typed_text("metrics", "here").problem


def test_kinds_cover_what_the_page_can_draw() -> None:
    assert {row.kind for card in present(_state()).cards for row in card.rows} == set(Kind)


def test_before_the_stack_is_up_nothing_is_claimed() -> None:
    assert present(SettingsState()).headline == "Reading the settings"
