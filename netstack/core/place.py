"""A place where this computer serves something, as people write it. Pure."""

from typing import Final

from netstack.errors import InputError
from netstack.model.address import Address

MAX_PORT: Final = 65_535


def parse_place(text: str) -> Address:
    """HOST:PORT, [HOST]:PORT, or a port alone on loopback. Raises InputError."""
    host, _, port = text.strip().rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > MAX_PORT:
        raise InputError(InputError.Reason.USAGE, f"{text!r} is no place for metrics; write HOST:PORT")
    return Address(host.strip("[]") or "127.0.0.1", int(port))
