import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.errors import DecodeError
from netstack.model.candidate import CandidateKind
from netstack.wire.ice_description import MAX_BYTES, IceCandidate, IceDescription, decode, encode

ONE = IceDescription(
    "abcd",
    "0123456789012345678901",
    "5a" * 32,
    (
        IceCandidate(CandidateKind.HOST, "192.168.1.5", 50_000),
        IceCandidate(CandidateKind.RELAYED, "2001:db8::7", 1),
    ),
)


def test_both_ways() -> None:
    assert decode(encode(ONE)) == ONE


@pytest.mark.parametrize(
    "change",
    [
        {"user": "a b\r\n"},
        {"user": "abc"},
        {"password": "short"},
        {"fingerprint": "5A" * 32},
        {"fingerprint": "5a" * 20},
        {"candidates": [["host", "example.org", 5]]},
        {"candidates": [["host", "1b2c.local", 5]]},
        {"candidates": [["host", "192.0.2.7", 0]]},
        {"candidates": [["host", "224.0.0.1", 5]]},
        {"candidates": [["host", "0.0.0.0", 5]]},
        {"candidates": [["nowhere", "192.0.2.7", 5]]},
        {"candidates": [["host", "192.0.2.7", 5]] * 25},
        {"more": 1},
    ],
)
def test_what_a_liar_may_put_in_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(DecodeError):
        decode(msgspec.json.encode({**msgspec.to_builtins(ONE), **change}))


def test_a_long_one_is_refused_unread() -> None:
    with pytest.raises(DecodeError):
        decode(encode(ONE) + b" " * MAX_BYTES)


@given(st.binary(max_size=300))
def test_anything_is_a_description_or_an_error(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        assert decode(encode(decode(data))) == decode(data)
