"""Bursts on real sockets, with offload and without, and on a socket that is full."""

import asyncio
import errno
import socket
import sys

import pytest

from netstack.errors import NetError
from netstack.model.address import Address, Family
from netstack.net.fast_udp import FastUdpEndpoint
from netstack.net.system import SystemNet
from netstack.net.udp_socket import bind_udp


class Inbox:
    """Keeps bursts, cut into their datagrams."""

    def __init__(self) -> None:
        self.datagrams: list[bytes] = []
        self.reads = 0
        self.errors: list[NetError] = []
        self.kernel_stamps: set[bool] = set()
        self.news = asyncio.Event()
        self.room = 0

    def batch_received(
        self, data: memoryview, segment_bytes: int, remote: Address, received_at_s: float, kernel_stamp: bool
    ) -> None:
        self.reads += 1
        self.kernel_stamps.add(kernel_stamp)
        self.remote = remote
        self.datagrams += [bytes(data[i : i + segment_bytes]) for i in range(0, len(data), segment_bytes)]
        self.news.set()

    def writable(self) -> None:
        self.room += 1

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        self.errors.append(error)
        self.news.set()

    async def wait(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.datagrams) < count:
                self.news.clear()
                await self.news.wait()


def _burst(count: int, size: int, last: int) -> tuple[bytes, list[bytes]]:
    datagrams = [bytes((number % 251,)) * (size if number < count - 1 else last) for number in range(count)]
    return b"".join(datagrams), datagrams


@pytest.mark.parametrize("offload", [True, False])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_burst_arrives_whole_and_in_order(host: str, offload: bool) -> None:
    inbox = Inbox()
    receiver = await SystemNet().open_batch(inbox, local=Address(host, 0))
    sender = FastUdpEndpoint(
        bind_udp(Family.IPV4, Address(host, 0)), Inbox(), offload=offload and sys.platform == "linux"
    )
    data, datagrams = _burst(100, 600, 77)
    assert sender.send_burst(data, 600, receiver.local)
    await inbox.wait(100)
    assert inbox.datagrams == datagrams
    assert inbox.remote == sender.local
    if sys.platform == "linux":
        assert inbox.kernel_stamps == {True}
        if offload and sender.segments:
            assert inbox.reads < 100
    sender.close()
    receiver.close()
    receiver.close()


async def test_a_closed_port_is_told_and_does_not_stop_the_next_burst() -> None:
    inbox, peer = Inbox(), Inbox()
    gone = bind_udp(Family.IPV4, Address("127.0.0.1", 0))
    dead = Address(*gone.getsockname())
    gone.close()
    sender = await SystemNet().open_batch(inbox, local=Address("127.0.0.1", 0))
    alive = await SystemNet().open_batch(peer, local=Address("127.0.0.1", 0))
    for _ in range(3):
        sender.send_burst(bytes(2000), 500, dead)
    sender.send_burst(bytes(2000), 500, alive.local)
    await peer.wait(4)
    await asyncio.sleep(0.01)
    if sys.platform == "linux":
        assert {error.reason for error in inbox.errors} == {NetError.Reason.REFUSED}
    sender.close()
    alive.close()
    with pytest.raises(NetError):
        sender.send_burst(b"x", 1, alive.local)


class FullSocket:
    """A socket with room for a number of calls, then none; with or without segmentation."""

    def __init__(self, real: socket.socket, room: int, error: int | None = None) -> None:
        self._real = real
        self.room = room
        self.error = error
        self.sent: list[bytes] = []

    def sendmsg(self, parts: list[bytes], ancillary: object, flags: int, remote: Address) -> None:
        if self.error is not None:
            raise OSError(self.error, "no")
        self._take(b"".join(parts))

    def sendto(self, data: bytes, remote: Address) -> None:
        self._take(data)

    def _take(self, data: bytes) -> None:
        if not self.room:
            raise BlockingIOError
        self.room -= 1
        self.sent.append(data)

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)


async def test_a_full_socket_queues_a_little_then_refuses_then_tells_of_room() -> None:
    inbox = Inbox()
    with bind_udp(Family.IPV4, Address("127.0.0.1", 0)) as real:
        full = FullSocket(real, room=1)
        endpoint = FastUdpEndpoint(full, inbox, offload=False)  # type: ignore[arg-type]
        data, datagrams = _burst(3, 100, 50)
        asyncio.get_running_loop().remove_writer(real)
        taken = 0
        while endpoint.send_burst(data, 100, endpoint.local):
            taken += 1
            assert taken < 100
        assert full.sent == datagrams[:1]
        full.room = 1_000
        await asyncio.sleep(0.05)
        assert full.sent == datagrams * taken
        assert inbox.room == 1
        assert endpoint.send_burst(data, 100, endpoint.local)
        endpoint.close()


@pytest.mark.parametrize("code", [errno.EIO, errno.EINVAL])
async def test_a_way_out_that_cannot_segment_gets_single_sends_for_good(code: int) -> None:
    with bind_udp(Family.IPV4, Address("127.0.0.1", 0)) as real:
        full = FullSocket(real, room=100, error=code)
        endpoint = FastUdpEndpoint(full, Inbox())  # type: ignore[arg-type]
        data, datagrams = _burst(5, 100, 50)
        endpoint.send_burst(data, 100, endpoint.local)
        assert full.sent == datagrams
        assert not endpoint.segments
        endpoint.close()


async def test_too_big_is_said_at_once() -> None:
    with bind_udp(Family.IPV4, Address("127.0.0.1", 0)) as real:
        endpoint = FastUdpEndpoint(FullSocket(real, 1, errno.EMSGSIZE), Inbox())  # type: ignore[arg-type]
        with pytest.raises(NetError) as caught:
            endpoint.send_burst(bytes(3000), 1500, endpoint.local)
        assert caught.value.reason is NetError.Reason.TOO_BIG
        endpoint.close()


class Reads(Inbox):
    """Keeps every read as (source port, sizes)."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, list[int]]] = []

    def batch_received(
        self, data: memoryview, segment_bytes: int, remote: Address, received_at_s: float, kernel_stamp: bool
    ) -> None:
        sizes = [len(data[at : at + segment_bytes]) for at in range(0, len(data), segment_bytes)]
        self.seen.append((remote.port, sizes))
        super().batch_received(data, segment_bytes, remote, received_at_s, kernel_stamp)


async def test_without_offload_datagrams_that_belong_together_are_gathered() -> None:
    """Sizes that fall end a burst, sizes that rise and other sources begin one; nothing is lost or changed."""
    inbox = Reads()
    sock = bind_udp(Family.IPV4, Address("127.0.0.1", 0))
    endpoint = FastUdpEndpoint(sock, inbox, offload=False)
    first, second = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    sent = []
    with first, second:
        for each in (first, second):
            each.connect(endpoint.local)
        ports = [each.getsockname()[1] for each in (first, second)]
        plan = [(first, 1200)] * 3 + [(first, 1100), (first, 1400), (first, 1400), (second, 1400), (first, 8)]
        for number, (each, size) in enumerate(plan):
            sent.append(bytes((number,)) * size)
            each.send(sent[-1])
        await inbox.wait(len(plan))
    endpoint.close()
    assert inbox.datagrams == sent
    assert inbox.seen == [
        (ports[0], [1200, 1200, 1200, 1100]),
        (ports[0], [1400, 1400]),
        (ports[1], [1400]),
        (ports[0], [8]),
    ]


async def test_without_offload_more_than_the_memory_holds_comes_in_turns() -> None:
    inbox = Reads()
    endpoint = FastUdpEndpoint(bind_udp(Family.IPV4, Address("127.0.0.1", 0)), inbox, offload=False)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as source:
        source.connect(endpoint.local)
        sent = [bytes((number,)) * 9000 for number in range(12)] + [bytes(60_000), bytes(60_000)]
        for data in sent:
            source.send(data)
        await inbox.wait(len(sent))
    endpoint.close()
    assert inbox.datagrams == sent
    assert inbox.reads < len(sent)
