"""Two computers behind NATs of the kernel meet by a code: over our own server, and on one local network."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future

import pytest

from netstack.core.rendezvous_uri import RendezvousUri
from netstack.core.session_code import SessionCode
from netstack.model.address import Address
from netstack.model.meeting import Role, Way
from netstack.net.system import SystemNet
from netstack.rendezvous.driver import Driver
from netstack.rendezvous.lan import NOT_FOUND, LanDriver
from netstack.rendezvous.websocket import WebSocketDriver
from netstack.service.meeting import Meeting
from netstack.service.rendezvous_host import RendezvousHost
from tests.kernel.bed import SPARE, Bed
from tests.kernel.namespaces import Host

pytestmark = pytest.mark.kernel

SERVER = Address(SPARE, 21_080)


async def exchange(role: Role, code: SessionCode, make: Callable[[SystemNet], Driver]) -> tuple[bytes, bytes]:
    """Meets, and swaps a note with the other; gives the psk and the note."""
    net = SystemNet()
    async with Meeting(net, role, code, [make(net)]) as meeting, asyncio.timeout(20):
        psk = await meeting.confirmed()
        meeting.send(role.value.encode())
        note = await meeting.receive()
        assert note is not None
        await asyncio.sleep(0.5)  # so that the other's note is acknowledged, too
        return psk, note


def both(one: Host, other: Host, make: Callable[[SystemNet], Driver]) -> list[tuple[bytes, bytes]]:
    code = SessionCode.make(SystemNet().random_bytes)
    asked: list[Future[tuple[bytes, bytes]]] = [
        host.begin(exchange(role, code, make)) for host, role in ((one, Role.HOST), (other, Role.GUEST))
    ]
    return [future.result() for future in asked]


def test_behind_symmetric_nats_by_our_own_server(bed: Bed) -> None:
    bed.a.set("symmetric")
    bed.b.set("symmetric")
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run() -> None:
        done = asyncio.Event()
        loops.append((asyncio.get_running_loop(), done))
        server = RendezvousHost(SERVER)
        await server.open()
        try:
            await done.wait()
        finally:
            await server.close()

    with Host("mailboxes", beside=bed.internet) as machine:
        serving = machine.begin(run())
        first, second = both(
            bed.a.client,
            bed.b.client,
            lambda _: WebSocketDriver(RendezvousUri(Way.WEBSOCKET, SERVER.host, SERVER.port)),
        )
        loop, done = loops[0]
        loop.call_soon_threadsafe(done.set)
        serving.result()
    assert first[0] == second[0]
    assert (first[1], second[1]) == (b"guest", b"host")


def test_neighbours_find_each_other_without_any_server(bed: Bed) -> None:
    site = bed.add_site()
    try:
        site.set("port-restricted")
        neighbour = site.add_neighbour()
        for host in (site.client, neighbour):
            host.call("ip", "route", "replace", "224.0.0.0/4", "dev", "eth0")
        first, second = both(site.client, neighbour, lambda net: LanDriver(net, RendezvousUri(Way.LAN)))
        assert first[0] == second[0]
        assert (first[1], second[1]) == (b"guest", b"host")
    finally:
        bed.remove_site(site)


def test_a_network_that_hides_them_from_each_other_is_told(bed: Bed) -> None:
    """A guest Wi-Fi: both reach the router, and nobody else."""

    site = bed.add_site()
    try:
        site.set("port-restricted")
        neighbour = site.add_neighbour()
        for host in (site.client, neighbour):
            host.call("ip", "route", "replace", "224.0.0.0/4", "dev", "eth0")
        ports = ("client", "neighbour")
        site.home.host.ip(*(f"link set {port} type bridge_slave isolated on" for port in ports))
        code = SessionCode.make(SystemNet().random_bytes)

        async def wait_alone() -> bool:
            net = SystemNet()
            async with Meeting(net, Role.HOST, code, [LanDriver(net, RendezvousUri(Way.LAN))]) as meeting:
                await asyncio.sleep(7)
                return meeting.failures == 0

        alone = neighbour.begin(wait_alone())
        texts = site.client.run(texts_of(code))
        assert alone.result()
        assert NOT_FOUND in texts
    finally:
        bed.remove_site(site)


async def texts_of(code: SessionCode) -> list[str]:
    """What the guest's way says, one after the other, until it gives advice."""
    net = SystemNet()
    driver = LanDriver(net, RendezvousUri(Way.LAN))
    texts: list[str] = []
    advised = asyncio.Event()

    def note() -> None:
        texts.append(driver.health.text)
        if driver.health.text == NOT_FOUND:
            advised.set()

    async with Meeting(net, Role.GUEST, code, [driver], on_change=note), asyncio.timeout(15):
        await advised.wait()
    return texts
