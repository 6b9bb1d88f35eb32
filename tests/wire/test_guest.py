import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.errors import DecodeError
from netstack.wire.guest import (
    MAX_FRAME_BYTES,
    About,
    Facts,
    FastFrame,
    Got,
    GuestFrame,
    Piece,
    Ping,
    Pong,
    Proof,
    decode,
    encode,
)

FRAMES: dict[str, GuestFrame | FastFrame] = {
    "proof": Proof(bytes(32)),
    "about": About("Zoë", "Chrome 156"),
    "part": Piece(b"abc", last=False),
    "last": Piece(b"abc", last=True),
    "got": Got(7, 1 << 33),
    "ping": Ping(9, 1.5),
    "pong": Pong(9, 1.5, 2.25, 3),
}
VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "guest.json").read_text("utf-8"))["frames"]


@pytest.mark.parametrize("name", FRAMES)
def test_the_vectors_that_the_page_holds_to(name: str) -> None:
    assert encode(FRAMES[name]).hex() == VECTORS[name]
    assert decode(bytes.fromhex(VECTORS[name])) == FRAMES[name]


def test_facts_both_ways() -> None:
    facts = Facts("host", "srflx", "udp", 0.012)
    assert decode(encode(facts)) == facts


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01" + bytes(31),
        b"\x02not json",
        b'\x06{"rtt_s": -1}',
        b'\x06{"local": "' + b"x" * 50 + b'"}',
        b"\x02" + b" " * 5000,
        b"\x05\x00",
        b"\x10\x00\x00\x00\x01" + b"\x7f\xf0" + bytes(6),  # infinity
        b"\x11" + bytes(23),  # one short
        b"\x99",
        b"\x03" + bytes(MAX_FRAME_BYTES),
    ],
)
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(DecodeError):
        decode(data)


@given(st.binary(max_size=200))
def test_anything_is_a_frame_or_an_error(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        decode(encode(decode(data)))
