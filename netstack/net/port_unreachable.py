"""Windows fails the next read of a UDP socket when an earlier datagram found nobody, whichever peer that was for.

SIO_UDP_CONNRESET turns that off; Python's own `ioctl` does not know it.
"""

import socket
import sys
from typing import Any, Final

_SIO_UDP_CONNRESET: Final = 0x9800000C


def ignore_port_unreachable(sock: socket.socket, winsock: Any = None) -> bool:
    """Reads of this socket fail for no other peer's sake. False: this system needs it not, or would not.

    `winsock` is ws2_32, or what stands in for it.
    """
    import ctypes  # noqa: PLC0415 - for Windows alone

    if winsock is None:
        if sys.platform != "win32":
            return False
        winsock = ctypes.WinDLL("ws2_32")
    off, returned = ctypes.c_ulong(0), ctypes.c_ulong(0)
    handle = ctypes.c_size_t(sock.fileno())
    return bool(
        winsock.WSAIoctl(
            handle,
            ctypes.c_ulong(_SIO_UDP_CONNRESET),
            ctypes.byref(off),
            ctypes.sizeof(off),
            None,
            0,
            ctypes.byref(returned),
            None,
            None,
        )
        == 0
    )
