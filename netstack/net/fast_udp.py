"""A UDP socket that moves bursts: one system call for up to 64 datagrams each way where Linux offers it.

What was measured decides the shape: one read into one buffer that is used again (a fresh 256 KiB buffer a read
costs 17 us), segmentation offload in both directions (44 datagrams cost 6 us to send instead of 163), and a
bounded number of reads before the loop gets its turn. A small datagram mostly comes alone: asking for another one
costs 2 us, so it ends the turn. The queue of errors is looked at only when a wake-up had nothing else to tell.
"""

import asyncio
import errno
import socket
import struct
import sys
from collections import deque
from typing import cast

from netstack.errors import NetError
from netstack.model.address import Address
from netstack.net.protocol import BatchReceiver, SmallReceiver
from netstack.net.socket_errors import net_error
from netstack.net.udp_socket import address_of, read_buffer, read_icmp_errors, receive_stamp

_LINUX = sys.platform == "linux"
_UDP_SEGMENT, _UDP_GRO = 103, 104
_MAX_SEGMENTS = 64
_MAX_BURST_BYTES = 65_000
_ANCILLARY_BYTES = 256
_READS_PER_TURN = 8
_SMALL_BYTES = 1000
_LARGEST_BYTES = 65_536
_SOCKET_BUFFER_BYTES = 4_194_304
_QUEUE_BURSTS = 16
_NO_OFFLOAD = {errno.EIO, errno.EINVAL, errno.ENOPROTOOPT, errno.EOPNOTSUPP}
_MSG_CTRUNC = int(getattr(socket, "MSG_CTRUNC", 0))  # an enum costs half a microsecond a look


class FastUdpEndpoint:
    """`BatchEndpoint` on a bound, non-blocking socket, which it owns. `offload` False forbids segmentation."""

    def __init__(self, sock: socket.socket, receiver: BatchReceiver, *, offload: bool = _LINUX) -> None:
        self._sock = sock
        self._receiver = receiver
        self._loop = asyncio.get_running_loop()
        self._buffer, self._view = read_buffer.bytes, read_buffer.view
        self._queue: deque[tuple[bytes, int, Address]] = deque()
        self._refused = False
        self._closed = False
        self._local = address_of(sock.getsockname())
        self.segments = offload
        self.truncated = 0
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, _SOCKET_BUFFER_BYTES)
        if offload:
            try:
                sock.setsockopt(socket.IPPROTO_UDP, _UDP_GRO, 1)
            except OSError:  # an older kernel
                self.segments = False
        self._source: tuple[object, Address] | None = None
        self._stamps: list[tuple[int, int, bytes]] = []
        self._received_at = self._stamp_s
        # By name: asking whether it is one costs 30 us, more than all the rest of this.
        small = hasattr(receiver, "small_received")
        self._small = cast("SmallReceiver", receiver).small_received if small else None
        self._fd = sock.fileno()  # by number: asyncio writes a socket out at length when it looks for it
        self._loop.add_reader(self._fd, self._readable)

    @property
    def local(self) -> Address:
        """The bound address."""
        return self._local

    @property
    def max_burst_bytes(self) -> int:
        """The most that one burst takes."""
        return _MAX_BURST_BYTES

    @property
    def receive_buffer_bytes(self) -> int:
        """What the kernel granted."""
        return self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)

    def send_burst(self, data: bytes, segment_bytes: int, remote: Address) -> bool:
        """Sends one burst, at once or, when the socket is full, from a queue of 16."""
        if self._closed:
            raise NetError(NetError.Reason.CLOSED)
        if self._queue:
            if len(self._queue) >= _QUEUE_BURSTS:
                self._refused = True
                return False
            self._queue.append((data, segment_bytes, remote))
            return True
        try:
            if len(data) <= segment_bytes:
                self._sock.sendto(data, remote)
                return True
        except OSError:
            pass  # the long way finds out why
        left = self._send(data, segment_bytes, remote)
        if left:
            self._queue.append((left, segment_bytes, remote))
            self._loop.add_writer(self._fd, self._writable)
        return True

    def close(self) -> None:
        """Releases the socket; what is queued is dropped, as a network would."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._fd)
            self._loop.remove_writer(self._fd)
            self._queue.clear()
            self._sock.close()

    def _send(self, data: bytes, segment_bytes: int, remote: Address) -> bytes:
        """Sends; gives back what the socket had no room for. Raises NetError."""
        if self.segments and segment_bytes < len(data):
            limit = min(_MAX_SEGMENTS, _MAX_BURST_BYTES // segment_bytes) * segment_bytes
            ancillary = [(socket.IPPROTO_UDP, _UDP_SEGMENT, struct.pack("=H", segment_bytes))]
            view, at = memoryview(data), 0
            while at < len(view):
                try:
                    self._sock.sendmsg([view[at : at + limit]], ancillary, 0, remote)
                except BlockingIOError:
                    return bytes(view[at:])
                except OSError as error:
                    if error.errno in _NO_OFFLOAD:  # the way out cannot segment: never again on this socket
                        self.segments = False
                        return self._send(bytes(view[at:]), segment_bytes, remote)
                    if self._was_earlier(error):
                        continue
                    raise net_error(error, str(remote)) from error
                at += limit
            return b""
        for start in range(0, len(data), segment_bytes):
            while True:
                try:
                    self._sock.sendto(data[start : start + segment_bytes], remote)
                except BlockingIOError:
                    return data[start:]
                except OSError as error:
                    if self._was_earlier(error):
                        continue
                    raise net_error(error, str(remote)) from error
                break
        return b""

    def _was_earlier(self, error: OSError) -> bool:
        """Linux reports an earlier datagram's ICMP error on the next call; reading it clears it."""
        return _LINUX and error.errno in {errno.ECONNREFUSED, errno.EHOSTUNREACH} and self._read_errors()

    def _writable(self) -> None:
        while self._queue:
            data, segment_bytes, remote = self._queue[0]
            try:
                left = self._send(data, segment_bytes, remote)
            except NetError as error:
                self._queue.popleft()
                self._receiver.datagram_failed(error, remote)
                continue
            if left:
                self._queue[0] = (left, segment_bytes, remote)
                return
            self._queue.popleft()
        self._loop.remove_writer(self._fd)
        if self._refused:
            self._refused = False
            self._receiver.writable()

    def _readable(self) -> None:
        for turn in range(_READS_PER_TURN):
            if self._closed or not (self._read(turn) if self.segments else self._gather(turn)):
                return

    def _read(self, turn: int) -> bool:
        """What the kernel has gathered. False: there is nothing more for now."""
        try:
            size, ancillary, flags, name = self._sock.recvmsg_into([self._buffer], _ANCILLARY_BYTES)
        except (BlockingIOError, InterruptedError):
            if not turn:
                self._read_errors()
            return False
        except OSError:
            return self._read_errors()
        if flags & _MSG_CTRUNC:  # the segment size is gone, and with it where one datagram ends
            self.truncated += 1
            return True
        segment_bytes = size
        if 0 < size < _SMALL_BYTES and self._small is not None and len(ancillary) <= 1:
            self._stamps = ancillary
            self._small(self._view[:size], self._address(name), self._received_at)
            return False
        if len(ancillary) > 1:
            for level, kind, value in ancillary:
                if level == socket.IPPROTO_UDP and kind == _UDP_GRO:
                    segment_bytes = int.from_bytes(value[:4], sys.byteorder)
        at_s, kernel = receive_stamp(ancillary, self._loop.time())
        self._receiver.batch_received(
            self._view[:size], segment_bytes, self._address(name), at_s, kernel_stamp=kernel
        )
        return size >= _SMALL_BYTES

    def _stamp_s(self) -> float | None:
        """The stamp of the datagram that is being handed over."""
        at_s, kernel = receive_stamp(self._stamps, self._loop.time())
        return at_s if kernel else None

    def _gather(self, turn: int) -> bool:
        """What the kernel would have gathered, where it does not: datagrams of one size from one source, the last perhaps
        shorter. Opening them together costs a third of opening each. False: there is nothing more for now.
        """
        view, start, end, segment_bytes = self._view, 0, 0, 0
        source: object = None
        stamps: list[tuple[int, int, bytes]] = []
        more = True
        while end - start < _MAX_BURST_BYTES and end <= len(view) - _LARGEST_BYTES:
            try:
                if _LINUX:
                    size, ancillary, _, name = self._sock.recvmsg_into([view[end:]], _ANCILLARY_BYTES)
                else:
                    size, name = self._sock.recvfrom_into(view[end:])
                    ancillary = []
            except (BlockingIOError, InterruptedError):
                more = False
                break
            except OSError as error:
                if not _LINUX:
                    self._receiver.datagram_failed(net_error(error), None)
                else:
                    more = self._read_errors()
                break
            if start < end and (name != source or size > segment_bytes):
                self._hand_over(view[start:end], segment_bytes, source, stamps)
                start = end
                if self._closed:
                    return False
            if start == end:
                source, segment_bytes = name, size
            end, stamps = end + size, ancillary
            if size < max(segment_bytes, _SMALL_BYTES):  # it ends the burst, or mostly comes alone
                more = size >= _SMALL_BYTES
                break
        if start < end:
            self._hand_over(view[start:end], segment_bytes, source, stamps)
        elif _LINUX and not turn:
            self._read_errors()
        return more

    def _hand_over(
        self, data: memoryview, segment_bytes: int, source: object, stamps: list[tuple[int, int, bytes]]
    ) -> None:
        at_s, kernel = receive_stamp(stamps, self._loop.time())
        self._receiver.batch_received(data, segment_bytes, self._address(source), at_s, kernel_stamp=kernel)

    def _address(self, name: object) -> Address:
        """The source; the last one is kept, as bursts mostly come from one peer."""
        source = self._source
        if source is None or source[0] != name:
            source = self._source = (name, address_of(name))
        return source[1]

    def _read_errors(self) -> bool:
        found = False
        for error, remote in read_icmp_errors(self._sock):
            found = True
            if self._closed:
                break
            self._receiver.datagram_failed(error, remote)
        return found
