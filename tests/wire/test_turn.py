import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.errors import DecodeError
from netstack.wire import stun, turn
from netstack.wire.turn import ChannelData, StreamFrames

channel_data = st.builds(ChannelData, st.integers(turn.MIN_CHANNEL, turn.MAX_CHANNEL), st.binary(max_size=99))


@given(channel_data, st.booleans())
def test_channel_data_reads_as_written(value, padded):
    data = turn.encode_channel_data(value.channel, value.data, padded=padded)
    assert turn.is_channel_data(data)
    assert not stun.is_stun(data)
    assert turn.decode_channel_data(data) == value


def test_the_bytes_are_those_of_rfc_8656():
    assert turn.encode_channel_data(0x4001, b"abcde") == bytes.fromhex("400100056162636465")
    assert turn.encode_channel_data(0x4001, b"abcde", padded=True) == bytes.fromhex(
        "400100056162636465000000"
    )


@given(st.binary(max_size=20))
def test_any_bytes_give_channel_data_or_a_decode_error(data):
    try:
        turn.decode_channel_data(data)
    except DecodeError:
        return


@pytest.mark.parametrize(("channel", "size"), [(0x3FFF, 0), (0x8000, 0), (0x4000, 65536)])
def test_what_cannot_be_written_is_a_value_error(channel, size):
    with pytest.raises(ValueError, match="ChannelData"):
        turn.encode_channel_data(channel, bytes(size))


messages = st.binary(min_size=12, max_size=12).map(lambda i: stun.encode(stun.binding_request(i)))
frames = st.lists(
    channel_data.map(lambda c: turn.encode_channel_data(c.channel, c.data, padded=True)) | messages,
    max_size=6,
)


@given(frames, st.lists(st.integers(1, 50), min_size=1))
def test_a_stream_gives_its_frames_however_it_is_cut(expected, cuts):
    wire = b"".join(expected)
    framer, found, position = StreamFrames(), [], 0
    for _ in range(len(wire) + 1):
        size = cuts[position % len(cuts)]
        found += framer.feed(wire[position : position + size])
        position += size
    assert found == expected


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_any_stream_gives_frames_or_a_decode_error_and_holds_one_frame_at_most(chunks):
    framer = StreamFrames()
    try:
        for chunk in chunks:
            framer.feed(chunk)
            assert len(framer._buffer) < turn.MAX_FRAME_BYTES + 50
    except DecodeError:
        return


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"\x80\0\0\0",
        b"\0\x01\0\x03",
        b"\0\x01\0\x08\x21\x12\xa4\x43",
        bytes(4) + b"\x16",
    ],
)
def test_a_stream_that_lost_its_place_is_told(data):
    with pytest.raises(DecodeError):
        StreamFrames().feed(data)


@given(
    st.integers(turn.MIN_CHANNEL, turn.MAX_CHANNEL), st.binary(min_size=1, max_size=400), st.integers(1, 90)
)
def test_a_burst_is_its_datagrams_and_comes_back(channel: int, data: bytes, size: int) -> None:
    burst, each = turn.encode_channel_burst(channel, data, size)
    datagrams = [burst[at : at + each] for at in range(0, len(burst), each)]
    assert [turn.decode_channel_data(d) for d in datagrams] == [
        turn.ChannelData(channel, data[at : at + size]) for at in range(0, len(data), size)
    ]
    assert turn.decode_channel_burst(memoryview(burst), each) == (channel, data, min(size, len(data)))


@given(
    st.integers(turn.MIN_CHANNEL, turn.MAX_CHANNEL), st.binary(min_size=1, max_size=400), st.integers(1, 90)
)
def test_a_padded_burst_is_a_stream_of_frames(channel: int, data: bytes, size: int) -> None:
    burst, _ = turn.encode_channel_burst(channel, data, size, padded=True)
    frames = turn.StreamFrames().feed(burst)
    assert b"".join(turn.decode_channel_data(frame).data for frame in frames) == data


@given(st.binary(max_size=64), st.integers(0, 32))
def test_what_is_no_burst_of_one_channel_is_left_to_the_slow_way(data: bytes, size: int) -> None:
    found = turn.decode_channel_burst(data, size)
    if found is not None:
        channel, payload, each = found
        again, _ = turn.encode_channel_burst(channel, payload, each)
        assert again == data
