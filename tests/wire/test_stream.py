"""Packets on a byte stream, cut anywhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.errors import DecodeError
from netstack.wire.stream import LEAST_BYTES, MOST_BYTES, PacketStream, frame_packet


@given(st.lists(st.binary(min_size=LEAST_BYTES, max_size=90), max_size=8), st.data())
def test_packets_come_out_as_they_went_in(packets, data):
    raw = b"".join(map(frame_packet, packets))
    stream, found, at = PacketStream(), [], 0
    while at < len(raw):
        step = data.draw(st.integers(1, 70))
        found += stream.feed(raw[at : at + step])
        at += step
    assert found == packets


@pytest.mark.parametrize("length", [0, LEAST_BYTES - 1, MOST_BYTES + 1, 65535])
def test_impossible_lengths(length):
    with pytest.raises(DecodeError):
        PacketStream().feed(length.to_bytes(2, "big"))
    with pytest.raises(ValueError, match="bytes"):
        frame_packet(bytes(length))


@given(st.lists(st.binary(max_size=50), max_size=10))
def test_any_bytes(chunks):
    stream = PacketStream()
    try:
        for chunk in chunks:
            stream.feed(chunk)
    except DecodeError:
        return
    assert len(stream._rest) <= MOST_BYTES + 1
