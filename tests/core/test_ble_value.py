"""Bytes of a Bluetooth value, as people write and read them."""

import pytest

from netstack.core.ble_value import hex_text, meaning, parse_value
from netstack.errors import InputError

SHORT = "0000{}-0000-1000-8000-00805f9b34fb"


@pytest.mark.parametrize("text", ["01ff", "01 FF", "0x01ff", "01:ff", "01-ff"])
def test_hex_is_read_as_people_write_it(text: str) -> None:
    assert parse_value(text, as_text=False) == b"\x01\xff"


def test_text_is_utf8() -> None:
    assert parse_value("größer", as_text=True) == "größer".encode()


@pytest.mark.parametrize(
    ("text", "as_text"), [("", False), ("", True), ("1", False), ("xyz", False), ("a" * 513, True)]
)
def test_what_is_no_value_is_said(text: str, as_text: bool) -> None:
    with pytest.raises(InputError):
        parse_value(text, as_text=as_text)


@pytest.mark.parametrize(
    ("number", "value", "words"),
    [
        ("2a19", "57", "87 %"),
        ("2a6e", "3408", "21.00 °C"),
        ("2a6e", "0080", "not known"),
        ("2a37", "0048", "72 beats a minute"),
        ("2a37", "014801", "328 beats a minute"),
        ("2a37", "01", ""),
        ("2a04", "1800280000002a00", "interval 30 to 50 ms, latency 0, timeout 420 ms"),
        ("2a00", "4c616d7000", "Lamp"),
        ("2a00", "ff", ""),
        ("2a00", "0a41", ""),
    ],
)
def test_well_known_values_have_a_meaning(number: str, value: str, words: str) -> None:
    assert meaning(SHORT.format(number), bytes.fromhex(value)) == words


def test_hex_text_has_gaps() -> None:
    assert hex_text(b"\x00\xab") == "00 ab"
