"""What every UDP socket of this computer has in common: binding, receive stamps, ICMP errors."""

import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from netstack.errors import NetError
from netstack.model.address import Address, Family
from netstack.net.port_unreachable import ignore_port_unreachable
from netstack.net.socket_errors import net_error, reason_of

SOCKET_FAMILY = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}
_IP_MTU_DISCOVER, _IPV6_MTU_DISCOVER, _PMTUDISC_PROBE, _PMTUDISC_DONT = 10, 23, 3, 0
_IP_RECVERR, _IPV6_RECVERR = 11, 25
_ERROR_LEVELS = {(socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR)}
READ_BUFFER_BYTES = 131_072
_SO_TIMESTAMPNS = 35
_MSG_ERRQUEUE = 0x2000
_ANCILLARY_BYTES = 512
_ERRORS_AT_ONCE = 64
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
_TIME_EXCEEDED = {(2, 11), (3, 3)}  # (origin, type): ICMP (RFC 792), ICMPv6 (RFC 4443)
_OFFENDERS: dict[int, slice] = {
    socket.AF_INET: slice(4, 8),
    socket.AF_INET6: slice(8, 24),
}  # its address in a sockaddr
_STAMP = struct.Struct("@qq")


class ReadBuffer(threading.local):
    """One buffer for all sockets of a thread: what is read is handed over before the next read.

    A fresh one for each socket would cost 128 KiB of memory, and the time to clear it.
    """

    def __init__(self) -> None:
        self.bytes = bytearray(READ_BUFFER_BYTES)
        self.view = memoryview(self.bytes)


read_buffer = ReadBuffer()


def bind_udp(
    family: Family,
    local: Address | None,
    *,
    dont_fragment: bool = False,
    ttl: int | None = None,
    interface: str | None = None,
) -> socket.socket:
    """A bound, non-blocking socket of `local`'s family, else of `family`. Raises NetError.

    Packets leave by `interface`: Linux must be told so, elsewhere the bound address decides.
    """
    inet6 = (local.family if local is not None else family) is Family.IPV6
    level = socket.IPPROTO_IPV6 if inet6 else socket.IPPROTO_IP
    try:
        sock = socket.socket(SOCKET_FAMILY[Family.IPV6 if inet6 else Family.IPV4], socket.SOCK_DGRAM)
    except OSError as error:
        raise net_error(error) from error
    try:
        sock.setblocking(False)
        if inet6:
            sock.setsockopt(level, socket.IPV6_V6ONLY, 1)
        if sys.platform == "linux":
            sock.setsockopt(level, _IPV6_RECVERR if inet6 else _IP_RECVERR, 1)
            sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            if dont_fragment:
                set_dont_fragment(sock, on=True)
            if interface is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        ignore_port_unreachable(sock)
        if ttl is not None:
            sock.setsockopt(level, socket.IPV6_UNICAST_HOPS if inet6 else socket.IP_TTL, ttl)
        sock.bind(local or ("::" if inet6 else "", 0))
    except OSError as error:
        sock.close()
        raise net_error(error, str(local or "")) from error
    return sock


def set_dont_fragment(sock: socket.socket, *, on: bool) -> None:
    """Forbids, or allows, that datagrams are fragmented; Linux only."""
    if sys.platform == "linux":
        inet6 = sock.family is socket.AF_INET6
        # PROBE: never fragment, and believe no ICMP message that a stranger could have sent
        sock.setsockopt(
            socket.IPPROTO_IPV6 if inet6 else socket.IPPROTO_IP,
            _IPV6_MTU_DISCOVER if inet6 else _IP_MTU_DISCOVER,
            _PMTUDISC_PROBE if on else _PMTUDISC_DONT,
        )


def address_of(name: Any) -> Address:
    """A socket name as an Address; a link-local host keeps its interface."""
    host = str(name[0])
    if len(name) == 4 and name[3] and "%" not in host:
        host = f"{host}%{name[3]}"
    return Address(host, int(name[1]))


def receive_stamp(ancillary: list[tuple[int, int, bytes]], now_s: float) -> tuple[float, bool]:
    """When a datagram arrived, on the clock of `now_s`, and whether the kernel said so (SO_TIMESTAMPNS)."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(data) >= _STAMP.size:
            seconds, nanoseconds = _STAMP.unpack_from(data)
            age_ns: int = time.time_ns() - seconds * 1_000_000_000 - nanoseconds
            return now_s - max(0, age_ns) / 1e9, True
    return now_s, False


def read_icmp_errors(sock: socket.socket) -> Iterator[tuple[NetError, Address | None]]:
    """ICMP errors with the address that the lost datagram was sent to (ip(7), IP_RECVERR); Linux only."""
    for _ in range(_ERRORS_AT_ONCE):
        try:
            _, ancillary, _, target = sock.recvmsg(2048, _ANCILLARY_BYTES, _MSG_ERRQUEUE)
        except OSError:
            return
        for level, kind, data in ancillary:
            if (level, kind) in _ERROR_LEVELS and len(data) >= _EXTENDED_ERROR.size:
                remote = address_of(target) if target else None
                code, origin, kind_of_icmp, *_ = _EXTENDED_ERROR.unpack_from(data)
                over = (origin, kind_of_icmp) in _TIME_EXCEEDED
                reason = NetError.Reason.HOP_LIMIT if over else reason_of(code)
                reporter = _offender(data[_EXTENDED_ERROR.size :])
                yield NetError(reason, str(remote) if remote else "", reporter=reporter), remote


def _offender(name: bytes) -> str | None:
    """The host in a raw sockaddr; None where it names none."""
    family = int.from_bytes(name[:2], sys.byteorder)
    place = _OFFENDERS.get(family)
    if place is None or len(name) < place.stop:
        return None
    return socket.inet_ntop(family, name[place])
