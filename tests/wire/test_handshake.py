"""Handshake messages: sizes as documented, any bytes give a message or a DecodeError."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.errors import DecodeError
from netstack.wire import handshake as wire

IDS = st.integers(0, 0xFFFFFF)


def some(count):
    return st.binary(min_size=count, max_size=count)


MESSAGES = st.one_of(
    st.builds(wire.Xx1, IDS, some(80), some(16)),
    st.builds(wire.Xx2, IDS, IDS, some(118)),
    st.builds(wire.Xx3, IDS, some(86)),
    st.builds(wire.Ik1, IDS, some(118), some(16), some(16)),
    st.builds(wire.Ik2, IDS, IDS, some(70)),
    st.builds(wire.Cookie, IDS, some(8), some(16)),
    st.builds(wire.Versions, IDS, some(8), st.integers(0, 255), st.integers(0, 255)),
    st.builds(wire.Refused, IDS, some(16)),
)


@given(MESSAGES)
def test_messages_come_back_as_they_were(message):
    assert wire.decode(wire.encode(message)) == message


@given(MESSAGES, st.data())
def test_cut_and_lengthened_messages_are_refused(message, data):
    raw = wire.encode(message)
    with pytest.raises(DecodeError):
        wire.decode(raw[: data.draw(st.integers(0, len(raw) - 1))])
    with pytest.raises(DecodeError):
        wire.decode(raw + b"\0")


@given(
    st.one_of(
        st.binary(max_size=200),
        st.builds(lambda a, b: bytes((a,)) + b"\1" + b, st.integers(0xD0, 0xD7), st.binary(max_size=160)),
    )
)
def test_any_bytes(raw):
    try:
        message = wire.decode(raw)
    except DecodeError:
        return
    assert wire.encode(message) == raw


def test_no_answer_is_longer_than_its_question():
    sizes = {
        type(message): len(wire.encode(message))
        for message in (
            wire.Xx1(1, bytes(80)),
            wire.Xx2(1, 2, bytes(118)),
            wire.Xx3(1, bytes(86)),
            wire.Ik1(1, bytes(118)),
            wire.Ik2(1, 2, bytes(70)),
            wire.Cookie(1, bytes(8), bytes(16)),
            wire.Versions(1, bytes(8), 1, 1),
            wire.Refused(1, bytes(16)),
        )
    }
    assert sizes[wire.Xx1] == 128
    assert sizes[wire.Ik1] == wire.LARGEST_BYTES == 155
    assert sizes[wire.Xx2] <= sizes[wire.Xx1]
    assert sizes[wire.Ik2] <= 78
    assert max(sizes[wire.Cookie], sizes[wire.Versions], sizes[wire.Refused]) <= 78


def test_only_a_first_message_of_another_version_is_worth_an_answer():
    first = wire.encode(wire.Ik1(0x010203, bytes(118)))
    with pytest.raises(wire.WrongVersionError) as wrong:
        wire.decode(first[:1] + b"\2" + first[2:])
    assert wrong.value.receiver_id == 0x010203
    with pytest.raises(DecodeError) as short:
        wire.decode(first[:1] + b"\2" + first[2:70])
    assert not isinstance(short.value, wire.WrongVersionError)


@given(st.builds(wire.Hello, IDS, some(16), st.integers(0, 255), st.integers(0, 255), st.integers(0, 255)))
def test_hello(hello):
    raw = wire.encode_hello(hello)
    assert len(raw) == wire.HELLO_BYTES
    assert wire.decode_hello(raw) == hello
    with pytest.raises(DecodeError):
        wire.decode_hello(raw[1:])
