"""Packets on a byte stream, cut anywhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.errors import DecodeError
from netstack.wire.stream import LEAST_BYTES, MOST_BYTES, PacketStream, frame_packets


@given(st.lists(st.binary(min_size=LEAST_BYTES, max_size=90), max_size=8), st.data())
def test_packets_come_out_as_they_went_in(packets, data):
    raw = b"".join(part for packet in packets for part in frame_packets(packet, len(packet)))
    stream, found, at = PacketStream(), [], 0
    while at < len(raw):
        step = data.draw(st.integers(1, 70))
        found += [packet for run in stream.feed(raw[at : at + step]) for packet in run.packets()]
        at += step
    assert found == packets


@given(st.integers(LEAST_BYTES, 40), st.integers(1, 9), st.integers(LEAST_BYTES, 40))
def test_a_burst_stays_together(segment, count, last):
    packets = [bytes((number,)) * segment for number in range(count)] + [b"z" * min(last, segment)]
    raw = b"".join(frame_packets(b"".join(packets), segment))
    [run] = PacketStream().feed(raw)
    assert run.segment_bytes == segment
    assert run.packets() == packets


@pytest.mark.parametrize("length", [0, LEAST_BYTES - 1, MOST_BYTES + 1, 65535])
def test_impossible_lengths(length):
    with pytest.raises(DecodeError):
        PacketStream().feed(length.to_bytes(2, "big"))
    with pytest.raises(ValueError, match="bytes"):
        frame_packets(bytes(length), length or 1)


@given(st.lists(st.binary(max_size=50), max_size=10))
def test_any_bytes(chunks):
    stream = PacketStream()
    try:
        for chunk in chunks:
            stream.feed(chunk)
    except DecodeError:
        return
    assert len(stream._rest) <= MOST_BYTES + 1
