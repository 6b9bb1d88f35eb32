"""Frames: they come back as they were, and any bytes give frames or a DecodeError."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.errors import DecodeError
from netstack.wire import fragment, frame

U16, U24, U32, U64 = (st.integers(0, (1 << bits) - 1) for bits in (16, 24, 32, 64))
VARINT = st.integers(0, frame.VARINT_MAX)
U8 = st.integers(0, 255)


@st.composite
def ranges(draw):
    edges = sorted(draw(st.sets(st.integers(0, 1 << 40), min_size=1, max_size=80)))
    pairs = [(low, high - 1) for low, high in zip(edges[::2], edges[1::2], strict=False)] or [
        (edges[0], edges[0])
    ]
    pairs = [pair for at, pair in enumerate(pairs) if at == 0 or pair[0] > pairs[at - 1][1] + 1]
    return tuple(reversed([pair for pair in pairs if pair[0] <= pair[1]])) or ((0, 0),)


CONTROL = st.one_of(
    st.just(frame.Ping()),
    st.builds(frame.Ack, VARINT, VARINT, ranges()),
    st.builds(frame.Credit, st.integers(0, 5), VARINT),
    st.builds(frame.Abandon, st.integers(6, 11), VARINT, VARINT),
    st.builds(frame.PathAdd, U16, U24),
    st.builds(frame.PathClose, U16, U8),
    st.builds(frame.Challenge, st.binary(min_size=8, max_size=8)),
    st.builds(frame.Response, st.binary(min_size=8, max_size=8)),
    st.builds(frame.Probe, U32, U64),
    st.builds(frame.ProbeReply, U32, U64, U64, U64, U32, U8),
    st.builds(frame.KeyShare, VARINT, st.binary(min_size=32, max_size=32)),
    st.builds(frame.Close, U8),
)


@st.composite
def fragments(draw, wide=False):
    last = draw(st.booleans())
    units = draw(st.integers(0 if last else 1, 40))
    payload = bytes(units * 4 + (draw(st.integers(0, 3)) if last else 0))
    high = frame.VARINT_MAX if wide else fragment.OFFSET_RANGE - 1
    return fragment.Fragment(
        draw(st.integers(0, 11)), draw(st.booleans()), last, draw(st.integers(0, high)), payload, wide
    )


@given(st.lists(CONTROL, min_size=1, max_size=6), st.integers(0, 5))
def test_control_frames_come_back_as_they_were(frames, padding):
    raw = b"".join(map(frame.encode, frames)) + bytes(padding)
    assert frame.decode(raw) == frames


@given(fragments())
def test_data(piece):
    header = fragment.encode_header(*piece[:4])
    assert len(header) == fragment.HEADER_BYTES
    assert frame.decode(frame.PING_BYTES + header + piece.payload) == [frame.Ping(), piece]
    word = int.from_bytes(header, "big")
    assert fragment.decode_header(word, piece.payload) == piece


@given(fragments(wide=True))
def test_wide_data(piece):
    assert frame.decode(frame.encode_wide(*piece[:4]) + piece.payload) == [piece]


@given(st.lists(fragments(), min_size=1, max_size=5))
def test_several_messages_in_one_packet(pieces):
    assert frame.decode(b"".join(frame.encode_part(*piece[:5]) for piece in pieces)) == pieces


@given(
    st.one_of(
        st.binary(max_size=80),
        st.builds(lambda a, b: bytes((a,)) + b, st.integers(0, 15), st.binary(max_size=60)),
    )
)
def test_any_bytes(raw):
    try:
        frames = frame.decode(raw)
    except DecodeError:
        return
    assert len(frames) <= len(raw)


@given(VARINT)
def test_varints(value):
    raw = frame.encode_varint(value)
    assert len(raw) in {1, 2, 4, 8}
    assert frame._Reader(raw).varint() == value


def test_varints_of_rfc_9000():
    """Section A.1."""
    for raw, value in (
        ("c2197c5eff14e88c", 151288809941952652),
        ("9d7f3e7d", 494878333),
        ("7bbd", 15293),
        ("25", 37),
    ):
        assert frame.encode_varint(value).hex() == raw
    with pytest.raises(ValueError, match="62"):
        frame.encode_varint(1 << 62)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x3f",
        b"\x00\x01",
        b"\x03\x06\x00",
        b"\x04\x05\x00\x00",
        b"\x02\x00\x00\x00\x40\x40\x00",
        b"\x02\x00\x01\x00\x00\x02",
        b"\x02\x00\x05\x00\x01\x02\x02\x00",
        b"\x0e\x41\x00\x00",
        b"\x0f\x40\x00\x00\x00\x05aa",
        b"\x40\x00\x00\x00",
        b"\x40\x00\x00\x00abc",
    ],
)
def test_what_the_rules_forbid(raw):
    with pytest.raises(DecodeError):
        frame.decode(raw)


@given(st.integers(0, 1 << 50), st.data())
def test_offsets_near_the_reference_are_found_again(reference, data):
    half = fragment.OFFSET_RANGE >> 1
    offset = reference + data.draw(st.integers(-half, half - 1))
    assert fragment.extend_offset(offset & (fragment.OFFSET_RANGE - 1), reference) == offset


@pytest.mark.parametrize(("length", "units"), [(0, 1), (3, 1), (4, 2), (7, 2), (8, 3)])
def test_a_message_takes_one_unit_more_than_it_fills(length, units):
    assert fragment.message_units(length) == units


def test_lanes():
    lanes = {fragment.lane_of(mode, priority) for mode in fragment.Mode for priority in fragment.Priority}
    assert lanes == set(range(12))
    for lane in lanes:
        assert fragment.lane_of(fragment.lane_mode(lane), fragment.lane_priority(lane)) == lane
        assert fragment.lane_mode(lane).reliable == (lane < fragment.RELIABLE_LANES)
