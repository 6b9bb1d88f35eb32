"""Session codes: a number that everybody may know and three words that nobody else may. Pure.

`NAMEPLATE-word-word-word`. The nameplate names the mailbox; nothing that leaves the machine is computed from
the words but SPAKE2 messages (`core.invitation`).
"""

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Self

import msgspec

from netstack.model.meeting import MeetingError

WORD_LIST = Path(__file__).parents[2] / "resources" / "words.txt"  # a constant, too long for a module
WORDS = 3
FIRST_NAMEPLATE, NAMEPLATES = 100_000, 900_000
MAX_TYPED = 200
NEAR = 2

_R = MeetingError.Reason
_PARTS = re.compile(r"[0-9]+|[^\W\d_]+")


@lru_cache(maxsize=1)
def word_list() -> tuple[str, ...]:
    """The words: any two differ by three edits at least, and in their first four letters."""
    return tuple(WORD_LIST.read_text("ascii").split())


class SessionCode(msgspec.Struct, frozen=True):
    """A code. Its words are never printed by accident; `str` gives the whole."""

    nameplate: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return "-".join((self.nameplate, *self.words))

    def __repr__(self) -> str:
        return f"SessionCode({self.nameplate}-...)"

    @classmethod
    def make(cls, random_bytes: Callable[[int], bytes]) -> Self:
        """A fresh code: 19.8 bits of nameplate, 26 of words."""
        words = word_list()
        nameplate = FIRST_NAMEPLATE + _below(NAMEPLATES, random_bytes)
        return cls(str(nameplate), tuple(words[_below(len(words), random_bytes)] for _ in range(WORDS)))

    @property
    def password(self) -> bytes:
        """What SPAKE2 is given."""
        return "-".join(self.words).encode()


def _below(count: int, random_bytes: Callable[[int], bytes]) -> int:
    """An even choice of 0 to `count` - 1."""
    limit = 2**32 // count * count
    while (number := int.from_bytes(random_bytes(4), "big")) >= limit:
        pass
    return number % count


def parse_session_code(text: str) -> SessionCode:
    """Reads what somebody typed: case, spaces and dashes do not matter.

    Raises MeetingError; for a mistyped word its detail asks "did you mean ...?" with the nearest one.
    """
    if len(text) > MAX_TYPED:
        raise MeetingError(_R.MALFORMED_CODE, "too long")
    parts = _PARTS.findall(unicodedata.normalize("NFKC", text).casefold())
    count = sum(1 for part in parts if part.isdigit())
    digits = "".join(parts[:count])
    words = parts[count:]
    if not digits.isascii() or not digits.isdigit() or any(word.isdigit() for word in words):
        raise MeetingError(_R.MALFORMED_CODE, "the number comes first")
    if len(digits) != len(str(FIRST_NAMEPLATE)) or digits.startswith("0"):
        raise MeetingError(_R.MALFORMED_CODE, f"{len(digits)} digits instead of 6")
    if len(words) != WORDS:
        raise MeetingError(_R.MALFORMED_CODE, f"{len(words)} words instead of {WORDS}")
    if not set(words) <= set(word_list()):
        meant = [suggest(word) for word in words]
        wrong = ", ".join(word for word in words if word not in word_list())
        if None in meant:
            raise MeetingError(_R.UNKNOWN_WORD, wrong[:60])
        raise MeetingError(_R.UNKNOWN_WORD, f"did you mean {'-'.join((digits, *filter(None, meant)))}?")
    return SessionCode(digits, tuple(words))


def suggest(typed: str) -> str | None:
    """The word that was meant: itself, or the only one that it begins or that is nearest; None where none is near."""
    words = word_list()
    if typed in words or len(typed) > 2 * max(map(len, words)):
        return typed if typed in words else None
    begun = [word for word in words if word.startswith(typed)]
    if len(typed) >= 3 and len(begun) == 1:
        return begun[0]
    near = sorted((edits(typed, word), word) for word in words)
    closest, word = near[0]
    return word if closest <= NEAR and near[1][0] > closest else None


def edits(one: str, other: str) -> int:
    """Insertions, deletions, changes and swaps of neighbours between two words (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        earlier, before, row = before, row, [i] * (len(other) + 1)
        for j, b in enumerate(other, 1):
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                row[j] = min(row[j], earlier[j - 2] + 1)
    return row[-1]


def daily_nameplate(secret: bytes, day: int) -> str:
    """The mailbox of two who know each other on a day (days since 1970): nobody else can tell whose it is."""
    return hmac.digest(secret, b"peerscope mailbox %d" % day, hashlib.sha256).hex()[:32]
