"""The servers on real sockets, asked by a client that we did not write."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import aioice.turn
import pytest

from app.cli.serve import _servers
from netstack.errors import InputError, NetError
from netstack.model.address import Address, Family
from netstack.net.protocol import Interface, LinkKind
from netstack.net.system import SystemNet
from netstack.server.echo import EchoServer
from netstack.server.machine import OpenRelay, RelaySend, Server
from netstack.server.turn import TurnServer
from netstack.server.turn_credentials import Credentials
from netstack.server.turn_peers import PeerPolicy
from netstack.service.serve import READ_BYTES, STREAM_SHORT_BYTES, ServerHost
from netstack.tasks import TaskScope
from tests.service.test_nat import _port


def _turn(port: int) -> TurnServer:
    credentials = Credentials("lab", {"u": "p"}, os.urandom(32))
    return TurnServer(
        (Address("127.0.0.1", port),), credentials, os.urandom, peers=PeerPolicy(["127.0.0.0/8"])
    )


class _Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.transport.sendto(data, addr)  # type: ignore[attr-defined]


class _Inbox(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.queue.put_nowait(data)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_another_projects_client_relays_through_it(transport: str) -> None:
    server = _turn(_port())
    host = ServerHost(SystemNet(), server, {Family.IPV4: "127.0.0.1"})
    await host.open()
    loop = asyncio.get_running_loop()
    echo, _ = await loop.create_datagram_endpoint(_Echo, local_addr=("127.0.0.1", 0))
    relay, inbox = await aioice.turn.create_turn_endpoint(
        _Inbox, server.addresses[0], "u", "p", transport=transport
    )
    for size in (1, 2, 3, 1000):
        relay.sendto(bytes(size), echo.get_extra_info("sockname"))
        assert await asyncio.wait_for(inbox.queue.get(), 5) == bytes(size)
    assert server.gauges()["allocations"][0] == 1
    relay.close()
    for _ in range(100):
        if not server.gauges()["allocations"][0]:
            break
        await asyncio.sleep(0.01)
    assert server.gauges()["allocations"][0] == 0
    echo.close()
    await host.close()
    await host.close()
    await asyncio.sleep(0.01)


async def test_a_client_that_writes_before_it_reads_gets_everything_back() -> None:
    address = Address("127.0.0.1", _port())
    host = ServerHost(SystemNet(), EchoServer(address))
    await host.open()
    reader, writer = await asyncio.open_connection(*address)
    sent = os.urandom(8_000_000)

    async def write() -> None:
        writer.write(sent)
        await writer.drain()

    async with TaskScope("test") as tasks:
        writing = tasks.start(write(), "write")
        await asyncio.sleep(0.2)  # nothing is read meanwhile: the server must not take more than it can hold
        [connection] = host._streams.values()
        assert connection._queued_bytes <= STREAM_SHORT_BYTES + READ_BYTES
        assert await asyncio.wait_for(reader.readexactly(len(sent)), 20) == sent
        await writing
    writer.close()
    await writer.wait_closed()
    await host.close()


async def test_a_used_port_leaves_nothing_behind() -> None:
    port = _port()
    first = ServerHost(SystemNet(), _turn(port))
    await first.open()
    with pytest.raises(NetError):
        await ServerHost(SystemNet(), _turn(port)).open()
    await first.close()


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
async def test_the_command_serves_until_it_is_told_to_stop() -> None:
    command = [sys.executable, "-m", "app", "serve", "--stun", "--turn", "--port", str(_port())]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert process.stdout is not None
    lines = [await asyncio.wait_for(process.stdout.readline(), 20) for _ in range(3)]
    assert lines[0].startswith(b"STUN on stun:127.0.0.1:")
    assert b"password: " in lines[1]
    process.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(process.wait(), 10) == 0


def test_no_address_of_this_computer_is_a_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    second = Interface("eth1", LinkKind.CABLE, ("198.51.100.9", "2001:db8::9"))
    monkeypatch.setattr("app.cli.serve.read_interfaces", lambda: (second,))
    [server], _ = _servers(["203.0.113.5"], 3478, stun=False, turn=True, allow=[], external="192.0.2.5")
    assert isinstance(server, TurnServer)
    for host in (*second.hosts, "203.0.113.5", "192.0.2.5"):
        assert not server.peers.permits(host)
    assert server.peers.permits("198.51.100.10")
    with pytest.raises(InputError, match="no IP address"):
        _servers(["203.0.113.5"], 3478, stun=False, turn=True, allow=[], external="here")


async def test_even_ports_and_their_neighbours() -> None:
    net = SystemNet()
    server = Server()
    opened: dict[int, Address] = {}
    server.relay_opened = lambda relay_id, local, _: opened.update({relay_id: local})  # type: ignore[method-assign]
    host = ServerHost(net, server, {Family.IPV4: "127.0.0.1"})
    for number in range(8):
        server._actions.append(OpenRelay(2 * number, Family.IPV4, even=True, reserve=number % 2 == 0))
    host._pump()
    for _ in range(100):
        if len(opened) == 8:
            break
        await asyncio.sleep(0.01)
    assert sorted(opened) == list(range(0, 16, 2))
    assert all(address.port % 2 == 0 for address in opened.values())
    for relay_id in range(0, 16, 4):
        assert host._relays[relay_id + 1].local.port == opened[relay_id].port + 1
        assert relay_id + 3 not in host._relays
    await host.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux: others do not let us say so")
async def test_what_must_not_be_fragmented_is_told_when_it_is_too_big() -> None:
    server = Server()
    told: asyncio.Queue[tuple[object, ...]] = asyncio.Queue()
    server.relay_failed = lambda *what: told.put_nowait(what)  # type: ignore[method-assign]
    host = ServerHost(SystemNet(), server, {Family.IPV4: "127.0.0.1"})
    server._actions.append(OpenRelay(0, Family.IPV4))
    host._pump()
    for _ in range(100):
        if host._relays:
            break
        await asyncio.sleep(0.01)
    sink = await SystemNet().open_datagram(_Nobody(), local=Address("127.0.0.1", 0))
    server._actions += [
        RelaySend(0, bytes(65_507), sink.local),
        RelaySend(0, bytes(65_508), sink.local, dont_fragment=True),
    ]
    host._pump()
    relay_id, remote, icmp_type, icmp_code, _ = await asyncio.wait_for(told.get(), 5)
    assert (relay_id, remote, icmp_type, icmp_code) == (0, sink.local, 3, 4)
    sink.close()
    await host.close()


class _Nobody:
    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        pass

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        pass
