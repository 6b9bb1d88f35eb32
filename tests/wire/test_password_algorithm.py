"""Password algorithms on the wire, as RFC 8489 writes them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.errors import DecodeError
from netstack.wire.password_algorithm import (
    PasswordAlgorithm,
    decode_algorithms,
    encode_algorithms,
    nonce_with_algorithms,
    offers_algorithms,
)

MD5, SHA256 = PasswordAlgorithm


def test_a_list_is_numbers_with_lengths() -> None:
    assert encode_algorithms(SHA256, MD5) == bytes.fromhex("0002 0000 0001 0000")
    assert decode_algorithms(bytes.fromhex("0002 0000 0001 0000")) == (SHA256, MD5)


def test_what_is_not_known_is_passed_over() -> None:
    assert decode_algorithms(bytes.fromhex("0009 0003 aabbcc00 0001 0000")) == (MD5,)
    assert decode_algorithms(b"") == ()


@pytest.mark.parametrize("value", ["0002", "000200", "0002 0005 aabbcc00"])
def test_a_list_that_ends_too_soon_is_refused(value: str) -> None:
    with pytest.raises(DecodeError):
        decode_algorithms(bytes.fromhex(value))


def test_a_nonce_tells_that_there_is_an_offer() -> None:
    assert nonce_with_algorithms(b"rest") == b"obMatJos2gAAArest"
    assert offers_algorithms(b"obMatJos2gAAArest")
    for other in (b"", b"rest", b"obMatJos2AAAArest", b"obMatJos2QAAArest", b"obMatJos2", b"obMatJos2g!!A"):
        assert not offers_algorithms(other)


@given(st.binary(max_size=60))
def test_any_bytes_are_borne(data: bytes) -> None:
    offers_algorithms(data)
    offers_algorithms(b"obMatJos2" + data)
    with contextlib.suppress(DecodeError):
        decode_algorithms(data)
