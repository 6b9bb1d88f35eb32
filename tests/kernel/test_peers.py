"""Two computers behind NATs of the kernel connect directly, where the expectations say that it is possible."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from netstack.core.identity import Identity
from netstack.core.rendezvous_uri import RendezvousUri
from netstack.core.session_code import SessionCode
from netstack.model.address import Address
from netstack.model.meeting import Role, Way
from netstack.net.system import SystemNet
from netstack.rendezvous.websocket import WebSocketDriver
from netstack.service.peer_book import PeerBook
from netstack.service.peers import Peers
from netstack.service.port_mapping import PortMappingService
from netstack.service.rendezvous_host import RendezvousHost
from netstack.service.traversal import Reached
from tests import expectations
from tests.kernel.bed import SERVERS, SPARE, Bed
from tests.kernel.gateway_daemon import OUTSIDE, GatewayDaemon
from tests.kernel.namespaces import Host

pytestmark = pytest.mark.kernel

SERVER = Address(SPARE, 21_081)
DIRECT = {expectations.Route.DIRECT, expectations.Route.TCP, expectations.Route.PREDICTION}
COUNTING = ("symmetric-seq", "symmetric-seq")
REPRESENTATIVE = [
    ("open", "udp-blocked"),
    ("firewall", "port-restricted"),
    ("full-cone", "symmetric"),
    ("address-restricted", "addr-dep-mapping"),
    ("port-restricted", "port-restricted"),
    ("port-restricted", "symmetric-seq"),
    ("port-restricted-nopreserve", "port-restricted-nopreserve"),
]


@pytest.fixture(scope="module")
def mailboxes(bed: Bed) -> Iterator[None]:
    """Our own rendezvous, on the internet."""
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run() -> None:
        done = asyncio.Event()
        server = RendezvousHost(SERVER)
        await server.open()
        loops.append((asyncio.get_running_loop(), done))
        try:
            await done.wait()
        finally:
            await server.close()

    with Host("peers-mailboxes", beside=bed.internet) as machine:
        serving = machine.begin(run(), timeout_s=600)
        while not loops:
            time.sleep(0.01)
        yield
        loop, done = loops[0]
        loop.call_soon_threadsafe(done.set)
        serving.result()


async def _meet(role: Role, code: SessionCode, number: int, *, opens_ports: bool = False) -> Reached:
    net = SystemNet()
    here = Peers(net, Identity(bytes((number,)) * 32), PeerBook(), name=role.value, stun=SERVERS)
    mappings = PortMappingService(net)
    if opens_ports:
        mappings.allow(True)
        here.mappings = mappings
    try:
        driver = WebSocketDriver(RendezvousUri(Way.WEBSOCKET, SERVER.host, SERVER.port))
        met = await here.meet(role, code, [driver])
        if role is Role.GUEST:
            await met.connection.send(b"hello" * 1000, wait=True)
        else:
            assert (await met.connection.receive()).data == b"hello" * 1000
        return met.reached
    finally:
        await here.close()
        await mappings.close()


def _connect(bed: Bed, one: str, two: str) -> Reached:
    bed.a.set(one)
    bed.b.set(two)
    code = SessionCode.make(SystemNet().random_bytes)
    hosting = bed.a.client.begin(_meet(Role.HOST, code, 1))
    guest = bed.b.client.run(_meet(Role.GUEST, code, 2))
    assert hosting.result().transport is guest.transport
    return guest


@pytest.mark.parametrize(("one", "two"), REPRESENTATIVE)
def test_a_pair_connects_directly(bed: Bed, mailboxes: None, one: str, two: str) -> None:
    reached = _connect(bed, one, two)
    print(f"{one} x {two}: {reached.transport} in {reached.connect_s * 1000:.0f} ms")
    assert (reached.transport.value == "tcp") == (expectations.route(one, two) is expectations.Route.TCP)


@pytest.mark.slow
def test_every_pair_that_can_connects_directly(bed: Bed, mailboxes: None) -> None:
    times = {}
    for one, two in expectations.PAIRS:
        if expectations.route(one, two) in DIRECT and (one, two) != COUNTING:
            times[one, two] = _connect(bed, one, two).connect_s
    print(
        f"{len(times)} pairs, median {sorted(times.values())[len(times) // 2] * 1000:.0f} ms, worst {max(times.values()) * 1000:.0f} ms"
    )


def test_two_strict_networks_are_direct_through_a_port_that_a_real_router_opens(
    bed: Bed, mailboxes: None, tmp_path: Path
) -> None:
    site = bed.add_site()
    daemon = GatewayDaemon(site, tmp_path)
    try:
        site.home.host.ip(f"addr add {OUTSIDE}/32 dev wan")
        bed.internet.ip(f"route replace {OUTSIDE} via {site.public}")
        site.set("symmetric")
        bed.b.set("symmetric")
        daemon.start()
        code = SessionCode.make(SystemNet().random_bytes)
        hosting = site.client.begin(_meet(Role.HOST, code, 1, opens_ports=True))
        guest = bed.b.client.run(_meet(Role.GUEST, code, 2))
        hosting.result()
        print(
            f"through a mapped port: {guest.transport} at {guest.remote} in {guest.connect_s * 1000:.0f} ms"
        )
        assert guest.kind == "direct"
        assert guest.remote.startswith(f"{OUTSIDE}:")
    finally:
        daemon.stop()
        bed.internet.call("ip", "route", "del", OUTSIDE, check=False)
        bed.remove_site(site)
