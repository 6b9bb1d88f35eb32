"""Headers, nonces and the extension of packet numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.errors import DecodeError
from netstack.wire import packet
from netstack.wire.packet import Kind

NUMBERS = st.integers(0, packet.PACKET_NUMBERS - 1)


@given(st.integers(0, 3), st.integers(0, 0xFFFFFF), NUMBERS)
def test_full_header(phase, receiver_id, number):
    raw = packet.encode_full(phase, receiver_id, number) + bytes(17)
    assert len(raw) == 8 + 17
    assert packet.classify(raw) is Kind.SEALED
    assert packet.decode_full(raw) == (phase, receiver_id, number & 0xFFFFFFFF, 32, 8)


@given(st.integers(0, 3), NUMBERS)
def test_short_header(phase, number):
    raw = packet.encode_short(phase, number) + bytes(17)
    assert raw[0] < 0x80
    assert packet.decode_short(raw) == (phase, 0, number & 0x1FFF, 13, 2)


@given(st.binary(max_size=40))
def test_any_bytes(raw):
    packet.classify(raw)
    for decode in (packet.decode_full, packet.decode_short):
        try:
            header = decode(raw)
        except DecodeError:
            continue
        assert 0 <= header.phase <= 3


@given(st.sampled_from([13, 32]), NUMBERS, st.data())
def test_numbers_near_the_expected_one_are_found_again(bits, expected, data):
    reach = 1 << (bits - 1)
    number = expected + data.draw(st.integers(-reach, reach - 1))
    if 0 <= number < packet.PACKET_NUMBERS:
        assert packet.extend_number(number & ((1 << bits) - 1), bits, expected) == number


@given(st.sampled_from([13, 32]), NUMBERS, st.integers(0, (1 << 32) - 1))
def test_an_extended_number_is_a_packet_number_or_none(bits, expected, low):
    low &= (1 << bits) - 1
    number = packet.extend_number(low, bits, expected)
    assert number == -1 or (0 <= number < packet.PACKET_NUMBERS and number & ((1 << bits) - 1) == low)


@given(
    st.lists(
        st.tuples(st.integers(0, 0xFFFE), st.integers(0, 3), st.integers(0, 0xFFFFFF), NUMBERS), max_size=8
    )
)
def test_nonces_differ_as_path_and_number_do(inputs):
    assert len({packet.nonce(*each) for each in inputs}) == len(set(inputs))


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (0x00, Kind.OTHER),
        (0x40, Kind.OTHER),
        (0xC0, Kind.SEALED),
        (0xC3, Kind.SEALED),
        (0xC4, Kind.OTHER),
        (0xD0, Kind.HANDSHAKE),
        (0xD7, Kind.HANDSHAKE),
        (0xD8, Kind.OTHER),
        (0xFF, Kind.OTHER),
    ],
)
def test_the_first_byte_tells(first, kind):
    assert packet.classify(bytes((first,)) * 30) is kind
    assert packet.classify(b"") is Kind.OTHER
