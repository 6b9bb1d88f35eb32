"""Words of somebody else, made safe to show; and the bytes that payloads are made of. Pure."""

import unicodedata
from typing import Final

from netstack.model.chat import Pattern

BLOCK_BYTES: Final = 1 << 16
_JOINERS = "\u200c\u200d"  # letters and emoji need them; they have no direction
_COUNTING = bytes(index % 251 for index in range(251 * 262))[: 251 * 261]


def plain_text(text: str) -> str:
    """Without control, direction and private characters; lines end by a line feed, none at the edges."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    kept = "".join(
        " " if char == "\t" else char
        for char in unicodedata.normalize("NFC", unified)
        if char in "\n\t" or char in _JOINERS or unicodedata.category(char)[0] != "C"
    )
    return kept.strip()


def block_of(pattern: Pattern, random_block: bytes) -> bytes:
    """What a payload of this pattern repeats; `random_block` is fresh entropy."""
    match pattern:
        case Pattern.ZEROS:
            return bytes(BLOCK_BYTES)
        case Pattern.RANDOM:
            return random_block
        case Pattern.COUNTING:
            return _COUNTING


def piece(block: bytes, offset: int, size: int) -> bytes:
    """`size` bytes at `offset` of the block, repeated for ever."""
    start = offset % len(block)
    return (block * (-(-(start + size) // len(block)) or 1))[start : start + size]
