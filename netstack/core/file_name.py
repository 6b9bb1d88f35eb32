"""Names of files that come from somebody else, made safe to write and to show on every system. Pure."""

import unicodedata
from typing import Final

MAX_BYTES: Final = 150  # with a digest, ".part" and " (99)" it still fits what file systems take
EXTENSION_MAX_BYTES: Final = 20
FALLBACK: Final = "file"
_FORBIDDEN = set('<>:"/\\|?*')
_RESERVED = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {
    f"{device}{digit}" for device in ("com", "lpt") for digit in "0123456789¹²³"
}


def safe_name(offered: str) -> str:
    """The last part of `offered` without separators, control and direction marks, reserved names; never empty.

    Reserved are the devices of Windows; a leading dot (hidden) and trailing dots and spaces go. A name that is
    too long keeps its extension.
    """
    last = unicodedata.normalize("NFC", offered).replace("\\", "/").rstrip("/").rpartition("/")[2]
    kept = "".join(
        "_" if char in _FORBIDDEN else char
        for char in last
        if unicodedata.category(char)[0] != "C" and (char == " " or unicodedata.category(char)[0] != "Z")
    )
    name = kept.strip().lstrip(".").rstrip(". ").strip() or FALLBACK
    if name.partition(".")[0].rstrip().casefold() in _RESERVED:
        name = f"_{name}"
    return _short(name)


def numbered(name: str, number: int) -> str:
    """`report (2).pdf`: the name to take where `report.pdf` is taken."""
    stem, dot, extension = name.rpartition(".")
    return f"{stem} ({number}).{extension}" if dot and stem else f"{name} ({number})"


def _short(name: str) -> str:
    if len(name.encode()) <= MAX_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    tail = f".{extension}" if dot and len(extension.encode()) <= EXTENSION_MAX_BYTES else ""
    head = (stem if tail else name).encode()[: MAX_BYTES - len(tail.encode())].decode("utf-8", "ignore")
    return head.rstrip(". ") + tail
