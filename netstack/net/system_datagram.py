"""A UDP socket of this computer on the running loop."""

import asyncio
import errno
import socket
import sys

from netstack.errors import NetError
from netstack.model.address import Address
from netstack.net.protocol import DatagramReceiver
from netstack.net.socket_errors import net_error
from netstack.net.udp_socket import (
    address_of,
    read_buffer,
    read_icmp_errors,
    receive_stamp,
    set_dont_fragment,
)

_LINUX = sys.platform == "linux"
_ANCILLARY_BYTES = 512
_READS_PER_TURN = 64


class SystemDatagramEndpoint:
    """`DatagramEndpoint` on a bound, non-blocking socket, which it owns."""

    def __init__(self, sock: socket.socket, receiver: DatagramReceiver) -> None:
        self._sock = sock
        self._receiver = receiver
        self._loop = asyncio.get_running_loop()
        self._buffer = read_buffer.bytes
        self._local = address_of(sock.getsockname())
        self._closed = False
        self.dropped = 0
        self._fd = sock.fileno()  # by number: asyncio writes a socket out at length when it looks for it
        self._loop.add_reader(self._fd, self._readable)

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

    def set_dont_fragment(self, on: bool) -> None:
        """By the socket's option."""
        if not self._closed:
            set_dont_fragment(self._sock, on=on)

    def close(self) -> None:
        """Releases the socket."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._fd)
            self._sock.close()

    def _readable(self) -> None:
        for _ in range(_READS_PER_TURN):
            if self._closed:
                return
            try:
                if _LINUX:
                    size, ancillary, _, source = self._sock.recvmsg_into([self._buffer], _ANCILLARY_BYTES)
                    received_at_s, _ = receive_stamp(ancillary, self._loop.time())
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
            self._receiver.datagram_received(bytes(self._buffer[:size]), address_of(source), received_at_s)

    def _read_errors(self) -> None:
        for error, remote in read_icmp_errors(self._sock):
            if self._closed:
                return
            self._receiver.datagram_failed(error, remote)
