"""Words of somebody else, and the bytes of payloads."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.core.chat_text import BLOCK_BYTES, block_of, piece, plain_text
from netstack.model.chat import Pattern


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("hello", "hello"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("tab\there\x00\x1b[2J", "tab here[2J"),
        ("evil \u202etxt.exe\u2066", "evil txt.exe"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("\n \n", ""),
    ],
)
def test_plain_text(said: str, shown: str) -> None:
    assert plain_text(said) == shown


@given(st.text())
def test_no_control_is_left(text: str) -> None:
    assert not any(
        unicodedata.category(char) in {"Cc", "Cf", "Cs"}
        for char in plain_text(text)
        if char not in "\n\u200c\u200d"
    )


@given(st.sampled_from(Pattern), st.integers(0, 500_000), st.integers(0, 200_000))
def test_pieces_of_a_payload_fit_together(pattern: Pattern, offset: int, size: int) -> None:
    block = block_of(pattern, b"\xa5" + bytes(BLOCK_BYTES - 1))
    whole = block * (700_000 // len(block) + 1)
    assert piece(block, offset, size) == whole[offset : offset + size]


def test_patterns_differ() -> None:
    blocks = {pattern: block_of(pattern, b"\xa5" * BLOCK_BYTES) for pattern in Pattern}
    assert blocks[Pattern.COUNTING][:252] == bytes(range(251)) + b"\0"
    assert set(blocks[Pattern.ZEROS]) == {0}
    assert blocks[Pattern.RANDOM][:1] == b"\xa5"
