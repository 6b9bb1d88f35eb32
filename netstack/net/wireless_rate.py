"""At what rate a Wi-Fi interface sends just now, as Linux's wireless extensions tell it (SIOCGIWRATE, wireless.h)."""

import socket
import struct
from collections.abc import Callable
from typing import Final

_SIOCGIWRATE: Final = 0x8B21
_NAME_BYTES: Final = 16
_IWREQ = struct.Struct("=16siBBH8x")  # the name, then iw_param: value, fixed, disabled, flags

Ioctl = Callable[[int, int, bytes], bytes]


def encode_request(name: str) -> bytes:
    """What asks for one interface; a name that is too long is cut, and then nobody has it."""
    return _IWREQ.pack(name.encode()[: _NAME_BYTES - 1], 0, 0, 0, 0)


def parse_rate(answer: bytes) -> int | None:
    """Bit/s; None where the driver does not know, or the rate does not fit its 31 bits."""
    if len(answer) != _IWREQ.size:
        return None
    value, disabled = _IWREQ.unpack(answer)[1], _IWREQ.unpack(answer)[3]
    return value if value > 0 and not disabled else None


def read_rate(name: str, ioctl: Ioctl | None = None) -> int | None:
    """Bit/s; None where the interface is no Wi-Fi, is not joined, or the system does not tell. `ioctl` stands in for fcntl's."""
    try:
        ask = ioctl or _system_ioctl()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            return parse_rate(ask(sock.fileno(), _SIOCGIWRATE, encode_request(name)))
    except (ImportError, OSError):
        return None


def _system_ioctl() -> Ioctl:
    import fcntl  # noqa: PLC0415 - not on Windows

    return fcntl.ioctl
