"""What the system is told about connections whose other end is gone, and about ports where nobody is."""

import asyncio
import ctypes
import socket
import sys

import pytest

from netstack.model.address import Address
from netstack.net.half_open import IDLE_S, USER_TIMEOUT_S
from netstack.net.port_unreachable import ignore_port_unreachable
from netstack.net.system import SystemNet


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's options back")
async def test_both_ends_of_a_connection_notice():
    net, accepted = SystemNet(), asyncio.Queue()
    listener = await net.listen_stream(accepted.put_nowait, local=Address("127.0.0.1", 0))
    ours = await net.open_stream(listener.local, timeout_s=5.0)
    theirs = await accepted.get()
    try:
        for stream in (ours, theirs):
            sock = stream._writer.get_extra_info("socket")
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == IDLE_S
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == USER_TIMEOUT_S * 1000
    finally:
        for stream in (ours, theirs):
            stream.abort()
            await stream.wait_closed()
        listener.close()


class Winsock:
    """Takes what WSAIoctl is called with."""

    def __init__(self, result):
        self.result, self.asked = result, []

    def WSAIoctl(self, handle, code, value, size, *rest):
        self.asked.append((handle.value, code.value, value._obj.value, size, len(rest)))
        return self.result


@pytest.mark.parametrize("result", [0, -1])
def test_windows_is_asked_to_keep_icmp_from_reads(result):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        winsock = Winsock(result)
        assert ignore_port_unreachable(sock, winsock) is (result == 0)
        assert winsock.asked == [(sock.fileno(), 0x9800000C, 0, ctypes.sizeof(ctypes.c_ulong), 5)]
        if sys.platform != "win32":
            assert ignore_port_unreachable(sock) is False
