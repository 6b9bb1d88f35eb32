"""Streams that hand over what comes: on loopback and in the lab, to their end."""

import asyncio

import pytest

from netstack.errors import NetError
from netstack.model.address import Address
from netstack.net.protocol import PushedStream, Stream
from netstack.net.system import SystemNet

HERE = Address("127.0.0.1", 0)


class Kept:
    """A receiver that greets as soon as it may, and keeps what it is told."""

    def __init__(self) -> None:
        self.stream: PushedStream | None = None
        self.data = b""
        self.ends: list[NetError | None] = []
        self.told = asyncio.Event()
        self.writable = asyncio.Event()

    def stream_opened(self, stream: PushedStream) -> None:
        self.stream = stream
        stream.write(b"hello")

    def stream_received(self, data: bytes) -> None:
        self.data += data
        self.told.set()

    def stream_ended(self, error: NetError | None) -> None:
        self.ends.append(error)
        self.told.set()

    def stream_writable(self) -> None:
        self.writable.set()


async def pair() -> tuple[Kept, Stream]:
    net = SystemNet()
    accepted: asyncio.Queue[Stream] = asyncio.Queue()
    listener = await net.listen_stream(accepted.put_nowait, local=HERE)
    kept = Kept()
    await net.push_stream(kept, listener.local, timeout_s=5)
    theirs = await asyncio.wait_for(accepted.get(), 5)
    listener.close()
    assert kept.stream.local == theirs.remote
    return kept, theirs


async def test_bytes_come_as_they_are_and_the_end_is_told_once() -> None:
    kept, theirs = await pair()
    assert await theirs.read(100) == b"hello"
    theirs.write(b"welcome")
    await asyncio.wait_for(kept.told.wait(), 5)
    assert kept.data == b"welcome"
    kept.told.clear()
    theirs.close()
    await asyncio.wait_for(kept.told.wait(), 5)
    await asyncio.wait_for(kept.stream.wait_closed(), 5)
    kept.stream.write(b"nobody reads this")
    kept.stream.close()
    assert kept.ends == [None]
    await theirs.wait_closed()


async def test_a_cut_is_told_with_its_reason_and_our_own_close_is_not() -> None:
    kept, theirs = await pair()
    await theirs.read(100)
    theirs.abort()  # nothing is unread, so the reset may also look like an end
    await asyncio.wait_for(kept.told.wait(), 5)
    assert len(kept.ends) == 1
    assert kept.ends[0] is None or kept.ends[0].reason is NetError.Reason.RESET
    kept, theirs = await pair()
    kept.stream.abort()
    await asyncio.wait_for(kept.stream.wait_closed(), 5)
    assert kept.ends == []
    theirs.abort()


async def test_a_reader_that_sleeps_makes_it_unwritable_and_wakes_it_again() -> None:
    kept, theirs = await pair()
    sent = 5
    while kept.stream.writable:
        kept.stream.write(bytes(65_536))
        sent += 65_536
        assert sent < 64 << 20
    got = 0
    while got < sent:
        got += len(await asyncio.wait_for(theirs.read(1 << 20), 5))
    await asyncio.wait_for(kept.writable.wait(), 5)
    assert kept.stream.writable
    kept.stream.close()
    theirs.close()
    await theirs.wait_closed()


async def test_nobody_listens() -> None:
    with pytest.raises(NetError) as told:
        await SystemNet().push_stream(Kept(), Address("127.0.0.1", 9), timeout_s=5)
    assert told.value.reason is NetError.Reason.REFUSED
