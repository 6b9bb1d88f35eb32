"""Bytes of a Bluetooth value as people write and read them. Pure."""

import struct

from netstack.errors import InputError

MAX_VALUE_BYTES = 512
_BASE = "-0000-1000-8000-00805f9b34fb"


def parse_value(text: str, *, as_text: bool) -> bytes:
    """Hex digits (`0a ff`, `0aff`, `0x0aff`), or text as UTF-8. Raises InputError."""
    if as_text:
        value = text.encode()
    else:
        digits = "".join(text.split()).replace(":", "").replace("-", "").removeprefix("0x")
        try:
            value = bytes.fromhex(digits)
        except ValueError:
            raise InputError(
                InputError.Reason.USAGE, "write pairs of hex digits, such as 01 ff, or choose text"
            ) from None
    if not value or len(value) > MAX_VALUE_BYTES:
        raise InputError(InputError.Reason.USAGE, f"a value has 1 to {MAX_VALUE_BYTES} bytes")
    return value


def hex_text(value: bytes) -> str:
    """`0a ff`."""
    return value.hex(" ")


def meaning(uuid: str, value: bytes) -> str:
    """What the value of a well-known characteristic says (GATT Specification Supplement), else text, else nothing."""
    short = uuid[4:8] if uuid.startswith("0000") and uuid.endswith(_BASE) else ""
    if short == "2a19" and len(value) == 1:
        return f"{value[0]} %"
    if short == "2a6e" and len(value) == 2:
        (hundredths,) = struct.unpack("<h", value)
        return "not known" if hundredths == -32768 else f"{hundredths / 100:.2f} °C"
    if short == "2a37" and len(value) >= 2:
        wide = value[0] & 1
        if len(value) >= 2 + wide:
            return f"{int.from_bytes(value[1 : 2 + wide], 'little')} beats a minute"
    if short == "2a04" and len(value) == 8:
        least, most, latency, timeout = struct.unpack("<HHHH", value)
        return (
            f"interval {least * 1.25:g} to {most * 1.25:g} ms, latency {latency}, timeout {timeout * 10} ms"
        )
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return ""
    text = text.rstrip("\0")
    return text if text and text.isprintable() else ""
