"""The real network, on loopback."""

import asyncio
import socket
import sys

import pytest

from netstack.errors import NetError
from netstack.model.address import Address, Family
from netstack.net.protocol import LinkKind, Stream
from netstack.net.system import SystemNet

HERE = Address("127.0.0.1", 0)


class Inbox:
    """A receiver that keeps what comes."""

    def __init__(self) -> None:
        self.datagrams: asyncio.Queue[tuple[bytes, Address, float]] = asyncio.Queue()
        self.errors: asyncio.Queue[tuple[NetError, Address | None]] = asyncio.Queue()

    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        self.datagrams.put_nowait((data, remote, received_at_s))

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        self.errors.put_nowait((error, remote))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_datagram_arrives_with_its_source_and_a_stamp_of_the_loops_clock(host: str) -> None:
    net = SystemNet()
    one, two = Inbox(), Inbox()
    a = await net.open_datagram(one, local=Address(host, 0))
    b = await net.open_datagram(two, local=Address(host, 0))
    before_s = net.now()
    a.send(b"hello", b.local)
    data, source, at_s = await asyncio.wait_for(two.datagrams.get(), 5)
    assert (data, source) == (b"hello", a.local)
    assert before_s - 0.01 <= at_s <= net.now()
    a.close()
    b.close()
    b.close()


@pytest.mark.skipif(sys.platform != "linux", reason="IP_RECVERR is Linux")
async def test_a_refusal_names_the_address_that_refused_and_later_sends_go_on() -> None:
    net = SystemNet()
    inbox, peer = Inbox(), Inbox()
    a = await net.open_datagram(inbox, local=HERE)
    gone = await net.open_datagram(peer, local=HERE)
    dead = gone.local
    gone.close()
    alive = await net.open_datagram(peer, local=HERE)
    a.send(b"x", dead)
    a.send(b"y", alive.local)
    error, remote = await asyncio.wait_for(inbox.errors.get(), 5)
    assert error.reason is NetError.Reason.REFUSED
    assert remote == dead
    assert error.reporter == HERE.host
    assert (await asyncio.wait_for(peer.datagrams.get(), 5))[0] == b"y"
    a.close()
    alive.close()


async def test_bad_sends_are_net_errors() -> None:
    net = SystemNet()
    endpoint = await net.open_datagram(Inbox(), local=HERE)
    with pytest.raises(NetError) as caught:
        endpoint.send(bytes(70_000), endpoint.local)
    assert caught.value.reason is NetError.Reason.TOO_BIG
    endpoint.close()
    with pytest.raises(NetError) as caught:
        endpoint.send(b"x", HERE)
    assert caught.value.reason is NetError.Reason.CLOSED


async def test_a_used_port_and_a_foreign_address_are_told() -> None:
    net = SystemNet()
    endpoint = await net.open_datagram(Inbox(), local=HERE)
    with pytest.raises(NetError) as caught:
        await net.open_datagram(Inbox(), local=endpoint.local)
    assert caught.value.reason is NetError.Reason.IN_USE
    endpoint.close()
    with pytest.raises(NetError) as caught:
        await net.open_datagram(Inbox(), local=Address("203.0.113.1", 0))
    assert caught.value.reason is NetError.Reason.NO_ADDRESS


async def test_a_stream_carries_bytes_both_ways_and_ends() -> None:
    net = SystemNet()
    accepted: asyncio.Queue[Stream] = asyncio.Queue()
    listener = await net.listen_stream(accepted.put_nowait, local=HERE)
    ours = await net.open_stream(listener.local, timeout_s=5)
    theirs = await asyncio.wait_for(accepted.get(), 5)
    assert theirs.remote == ours.local
    ours.write(b"ping")
    await ours.drain()
    assert await theirs.read(100) == b"ping"
    theirs.close()
    assert await asyncio.wait_for(ours.read(100), 5) == b""
    ours.close()
    ours.write(b"late")
    with pytest.raises(NetError):
        await ours.drain()
    await ours.wait_closed()
    await theirs.wait_closed()
    listener.close()


async def test_nobody_listens() -> None:
    with socket.socket() as sock:
        sock.bind(HERE)
        address = Address(*sock.getsockname())
        with pytest.raises(NetError) as caught:
            await SystemNet().open_stream(address, timeout_s=5)
    assert caught.value.reason is NetError.Reason.REFUSED


async def test_names() -> None:
    net = SystemNet()
    assert await net.resolve("203.0.113.1") == ("203.0.113.1",)
    assert await net.resolve("2001:db8::1") == ("2001:db8::1",)
    assert "127.0.0.1" in await net.resolve("localhost")
    with pytest.raises(NetError) as caught:
        await net.resolve("a" * 70 + ".invalid")
    assert caught.value.reason is NetError.Reason.UNKNOWN_HOST


async def test_lookups_are_bounded_and_a_cancelled_one_gives_its_place_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import threading

    gate = threading.Event()
    monkeypatch.setattr("netstack.net.system._lookup", lambda host: gate.wait(10) and (host,))
    net = SystemNet()
    waiting = [asyncio.ensure_future(net.resolve("slow.example")) for _ in range(16)]  # noqa: TID251
    await asyncio.sleep(0)
    with pytest.raises(NetError, match="too many"):
        await net.resolve("slow.example")
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    gate.set()
    for _ in range(100):
        if net._lookups.acquire(blocking=False):
            break
        await asyncio.sleep(0.02)
    else:
        pytest.fail("no place came back")


async def test_loopback_is_among_the_interfaces() -> None:
    interfaces = await SystemNet().interfaces()
    assert any("127.0.0.1" in i.hosts and i.kind is LinkKind.LOOPBACK for i in interfaces)
    for gateway in await SystemNet().gateways():
        assert gateway.family in Family
