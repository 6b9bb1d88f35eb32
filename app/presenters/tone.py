"""What a value means to the reader; each tone has a colour and a glyph of its own."""

from enum import StrEnum


class Tone(StrEnum):
    """Good, warn, bad and unknown are told by colour and shape; plain is only a value."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    UNKNOWN = "unknown"
    PLAIN = "plain"
