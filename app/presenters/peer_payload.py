"""The payload sender: what somebody typed and chose -> a payload."""

import re

from netstack.model.chat import Pattern
from netstack.model.session import Mode, Priority

MAX_BYTES = 1 << 30
SIZES = ("100 B", "1 kB", "64 kB", "1 MB", "10 MB", "100 MB")
PATTERNS = {Pattern.COUNTING: "counting", Pattern.ZEROS: "zeros", Pattern.RANDOM: "random"}
MODES = {
    Mode.ORDERED: "in order",
    Mode.UNORDERED: "in any order",
    Mode.UNRELIABLE: "unreliable",
}
PRIORITIES = {Priority.CRITICAL: "critical", Priority.REALTIME: "realtime", Priority.BULK: "bulk"}
_SIZE = re.compile(r"\s*(\d{1,12}(?:[.,]\d{1,6})?)\s*([kmg]?i?)b?\s*", re.IGNORECASE)
_FACTORS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30}


def parse_size(text: str) -> int | None:
    """`1.5 MB`, `64 KiB`, `17`; None where it is no size, or more than 1 GiB."""
    match = _SIZE.fullmatch(text)
    if match is None or match[2].lower() not in _FACTORS:
        return None
    count = round(float(match[1].replace(",", ".")) * _FACTORS[match[2].lower()])
    return count if count <= MAX_BYTES else None
