"""A UDP socket of this computer on the running loop."""

import asyncio
import errno
import socket
import struct
import sys
import time
from typing import Any

from netstack.errors import NetError
from netstack.model.address import Address
from netstack.net.protocol import DatagramReceiver
from netstack.net.socket_errors import net_error, reason_of

_LINUX = sys.platform == "linux"
_SO_TIMESTAMPNS = 35
_MSG_ERRQUEUE = 0x2000
_BUFFER_BYTES = 65_536
_ANCILLARY_BYTES = 512
_READS_PER_TURN = 64
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
_STAMP = struct.Struct("@qq")
_ERROR_LEVELS = {(0, 11), (41, 25)}


class SystemDatagramEndpoint:
    """`DatagramEndpoint` on a bound, non-blocking socket, which it owns."""

    def __init__(self, sock: socket.socket, receiver: DatagramReceiver) -> None:
        self._sock = sock
        self._receiver = receiver
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray(_BUFFER_BYTES)
        self._local = _address(sock.getsockname())
        self._closed = False
        self.dropped = 0
        self._loop.add_reader(sock, self._readable)

    @property
    def local(self) -> Address:
        """The bound address."""
        return self._local

    def send(self, data: bytes, remote: Address) -> None:
        """Hands over one datagram; one that finds the buffer full is dropped and counted."""
        if self._closed:
            raise NetError(NetError.Reason.CLOSED)
        for last in (False, True):
            try:
                self._sock.sendto(data, remote)
            except BlockingIOError:
                self.dropped += 1
            except OSError as error:
                # Linux reports an earlier datagram's ICMP error on the next call, whatever that call is for.
                if not last and _LINUX and error.errno in {errno.ECONNREFUSED, errno.EHOSTUNREACH}:
                    self._read_errors()
                    continue
                raise net_error(error, str(remote)) from error
            return

    def close(self) -> None:
        """Releases the socket."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._sock)
            self._sock.close()

    def _readable(self) -> None:
        for _ in range(_READS_PER_TURN):
            if self._closed:
                return
            try:
                if _LINUX:
                    size, ancillary, _, source = self._sock.recvmsg_into([self._buffer], _ANCILLARY_BYTES)
                    received_at_s = self._stamp(ancillary)
                else:
                    size, source = self._sock.recvfrom_into(self._buffer)
                    received_at_s = self._loop.time()
            except (BlockingIOError, InterruptedError):
                if _LINUX:
                    self._read_errors()
                return
            except OSError as error:
                if _LINUX:
                    self._read_errors()
                else:
                    self._receiver.datagram_failed(net_error(error), None)
                continue
            self._receiver.datagram_received(bytes(self._buffer[:size]), _address(source), received_at_s)

    def _stamp(self, ancillary: list[tuple[int, int, bytes]]) -> float:
        now_s = self._loop.time()
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(data) >= _STAMP.size:
                seconds, nanoseconds = _STAMP.unpack_from(data)
                age_ns: int = time.time_ns() - seconds * 1_000_000_000 - nanoseconds
                return now_s - max(0, age_ns) / 1e9
        return now_s

    def _read_errors(self) -> None:
        """Hands ICMP errors over with the address that the lost datagram was sent to (ip(7), IP_RECVERR)."""
        for _ in range(_READS_PER_TURN):
            if self._closed:
                return
            try:
                _, ancillary, _, target = self._sock.recvmsg(2048, _ANCILLARY_BYTES, _MSG_ERRQUEUE)
            except OSError:
                return
            for level, kind, data in ancillary:
                if (level, kind) in _ERROR_LEVELS and len(data) >= _EXTENDED_ERROR.size:
                    code = _EXTENDED_ERROR.unpack_from(data)[0]
                    remote = _address(target) if target else None
                    error = NetError(reason_of(code), str(remote) if remote else "")
                    self._receiver.datagram_failed(error, remote)


def _address(name: Any) -> Address:
    """A socket name as an Address; a link-local host keeps its interface."""
    host = str(name[0])
    if len(name) == 4 and name[3] and "%" not in host:
        host = f"{host}%{name[3]}"
    return Address(host, int(name[1]))
