"""A peer that is gone without a word: the system finds out by probes, and how soon is said here (RFC 9293 3.8.4, RFC 5482)."""

import contextlib
import socket
from typing import Final

IDLE_S: Final = 15
PROBE_EVERY_S: Final = 5
PROBES: Final = 3
USER_TIMEOUT_S: Final = 20

# Whatever of these the system has; macOS says TCP_KEEPALIVE for what others call TCP_KEEPIDLE.
_OPTIONS: Final = (
    ("TCP_KEEPIDLE", IDLE_S),
    ("TCP_KEEPALIVE", IDLE_S),
    ("TCP_KEEPINTVL", PROBE_EVERY_S),
    ("TCP_KEEPCNT", PROBES),
    ("TCP_USER_TIMEOUT", USER_TIMEOUT_S * 1000),
)


def notice_half_open(sock: socket.socket) -> None:
    """A silent connection is probed after 15 s and given up after 20 s (elsewhere than on Linux 30 s), as is unacknowledged data."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _OPTIONS:
        option = getattr(socket, name, None)
        if option is not None:
            with contextlib.suppress(OSError):  # older systems know fewer
                sock.setsockopt(socket.IPPROTO_TCP, option, value)
