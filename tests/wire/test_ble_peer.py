import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.errors import DecodeError
from netstack.wire.ble_peer import (
    MAX_NOTE_BYTES,
    Control,
    NoteAssembly,
    agreed_packet_bytes,
    cut_note,
    decode_control,
    encode_control,
    encode_size,
    is_nameplate,
    is_note,
    nameplate_uuid,
)


def test_an_advertisement_tells_the_mailbox_to_whoever_knows_it_and_to_nobody_else() -> None:
    host, guest = nameplate_uuid("482913", host=True), nameplate_uuid("482913", host=False)
    assert host != guest
    assert host == nameplate_uuid("482913", host=True)
    assert host != nameplate_uuid("482914", host=True)
    assert "482913" not in host
    assert is_nameplate(host)
    assert is_nameplate(guest.upper())
    assert not is_nameplate("0000180f-0000-1000-8000-00805f9b34fb")


def test_the_control_value_survives_and_may_grow() -> None:
    control = Control(1, 244)
    assert decode_control(encode_control(control)) == control
    assert decode_control(encode_control(control) + b"more of a later version") == control


@pytest.mark.parametrize("data", [b"", b"\x01\x00", b"\x02\x00\xf4", b"\x01\x00\x13", b"\x01\xff\xff"])
def test_a_control_value_that_cannot_be_is_refused(data: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_control(data)


@pytest.mark.parametrize(
    ("mtu_bytes", "told", "agreed"),
    [
        (247, b"", 244),
        (517, b"", 510),
        (517, encode_size(97), 97),
        (100, encode_size(244), 97),
        (517, encode_size(19), 510),
        (517, encode_size(97)[:2], 510),
        (517, b"\xa1\x00\x61", 510),
    ],
)
def test_no_packet_is_larger_than_either_side_takes(mtu_bytes: int, told: bytes, agreed: int) -> None:
    assert agreed_packet_bytes(mtu_bytes, told) == agreed


@given(st.binary(max_size=MAX_NOTE_BYTES), st.integers(20, 512))
def test_a_note_is_cut_and_joined(note: bytes, max_packet_bytes: int) -> None:
    assembly = NoteAssembly()
    parts = cut_note(note, max_packet_bytes)
    assert all(is_note(part) and len(part) <= max_packet_bytes for part in parts)
    assert [assembly.feed(part) for part in parts] == [None] * (len(parts) - 1) + [note]


def test_a_note_without_end_is_forgotten_at_the_bound() -> None:
    assembly = NoteAssembly()
    for _ in range(MAX_NOTE_BYTES // 243):
        assert assembly.feed(b"\xa0" + bytes(243)) is None
    with pytest.raises(DecodeError):
        assembly.feed(b"\xa0" + bytes(243))
    assert assembly.feed(b"\xa1after") == b"after"


@given(st.binary(min_size=1, max_size=64))
def test_any_bytes_give_a_value_or_a_decode_error(data: bytes) -> None:
    try:
        control = decode_control(data)
    except DecodeError:
        return
    assert 20 <= control.max_packet_bytes <= 512
