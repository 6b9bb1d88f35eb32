"""With a relay at hand every pair of NATs of the kernel connects, over lines with a delay, and ends on the best way."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from netstack.core.identity import Identity
from netstack.core.rendezvous_uri import RendezvousUri
from netstack.core.session_code import SessionCode
from netstack.model.address import Address
from netstack.model.config import TurnServer
from netstack.model.meeting import Role, Way
from netstack.net.system import SystemNet
from netstack.rendezvous.websocket import WebSocketDriver
from netstack.service.attempt import Attempt
from netstack.service.peer_book import PeerBook
from netstack.service.peers import Peers
from netstack.service.rendezvous_host import RendezvousHost
from netstack.service.traversal import Reached
from tests import expectations
from tests.expectations import Route
from tests.kernel.bed import FULL_SERVER, SERVERS, SPARE, TURN_PASSWORD, TURN_USER, Bed, Site
from tests.kernel.namespaces import Host

pytestmark = pytest.mark.kernel

SERVER = Address(SPARE, 21_084)
RELAY = TurnServer(f"turn:{FULL_SERVER}", TURN_USER, TURN_PASSWORD)
LINE_S = (0.005, 0.015)
"""One way, from each site to the internet: 40 ms of round trip between the two."""
UPGRADE_S = 6.0
STAY_S = 1.0
GUESS_S = 14.0
"""So long it might turn out that a pair without a direct way has one."""
BEST = {
    Route.DIRECT: {"udp direct"},
    Route.PREDICTION: {"udp direct"},
    Route.TCP: {"tcp direct"},
    Route.BIRTHDAY: {"relay"},
    Route.RELAY: {"relay"},
}
COUNTING = ("symmetric-seq", "symmetric-seq")  # each check moves both counters: direct now and then
LEAN = [
    ("port-restricted", "port-restricted"),
    ("port-restricted", "symmetric-seq"),
    ("symmetric", "symmetric"),
    ("udp-blocked", "udp-blocked"),
]


class Result(NamedTuple):
    """Of one pair: what it connected by first, and where it was in the end."""

    first: Reached
    last: Reached


@pytest.fixture(scope="module")
def sites(bed: Bed) -> Iterator[tuple[Site, Site]]:
    """Two with a line that takes its time, and our own rendezvous on the internet."""
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

    made = [bed.add_site(wire=True) for _ in LINE_S]
    try:
        for site, delay_s in zip(made, LINE_S, strict=True):
            assert site.wire is not None
            site.wire.set(delay_s=delay_s)
        with Host("relayed-mailboxes", beside=bed.internet) as machine:
            serving = machine.begin(run(), timeout_s=900)
            while not loops:
                time.sleep(0.01)
            yield made[0], made[1]
            loop, done = loops[0]
            loop.call_soon_threadsafe(done.set)
            serving.result()
    finally:
        for site in made:
            bed.remove_site(site)


async def _meet(
    role: Role, code: SessionCode, number: int, best: set[str], *, guesses: bool = False
) -> Result:
    net = SystemNet()
    moves: list[Reached] = []
    moved = asyncio.Event()

    def heard(reached: Reached) -> None:
        moves.append(reached)
        moved.set()

    here = Peers(
        net, Identity(bytes((number,)) * 32), PeerBook(), name=role.value, stun=SERVERS, turn=[RELAY]
    )
    here.guess_ports = guesses
    try:
        driver = WebSocketDriver(RendezvousUri(Way.WEBSOCKET, SERVER.host, SERVER.port))
        met = await here.meet(role, code, [driver], Attempt(moved=heard))
        if role is Role.HOST:
            assert (await met.connection.receive()).data == b"hello" * 1000
            assert (await met.connection.receive()).data == b"enough"
            return Result(met.reached, moves[-1] if moves else met.reached)
        await met.connection.send(b"hello" * 1000, wait=True)
        last = met.reached
        try:
            async with asyncio.timeout(GUESS_S if guesses else STAY_S if "relay" in best else UPGRADE_S):
                while _way(last) == "relay" or _way(last) not in best:
                    await moved.wait()
                    moved.clear()
                    last = moves[-1]
        except TimeoutError:
            pass
        await met.connection.send(b"enough", wait=True)
        return Result(met.reached, last)
    finally:
        await here.close()


def _way(reached: Reached) -> str:
    return "relay" if reached.kind == "relay" else f"{reached.transport} direct"


def _connect(sites: tuple[Site, Site], one: str, two: str, *, guesses: bool = False) -> Result:
    for site, kind in zip(sites, (one, two), strict=True):
        site.set(kind)
    code = SessionCode.make(SystemNet().random_bytes)
    best = {"udp direct"} if guesses else BEST[expectations.route(one, two)]
    hosting = sites[0].client.begin(_meet(Role.HOST, code, 1, best, guesses=guesses))
    guest = sites[1].client.run(_meet(Role.GUEST, code, 2, best, guesses=guesses))
    hosting.result()
    return guest


@pytest.mark.parametrize(("one", "two"), LEAN)
def test_a_pair_connects_and_ends_on_its_best_way(sites: tuple[Site, Site], one: str, two: str) -> None:
    first, last = _connect(sites, one, two)
    print(f"{one} x {two}: {_way(first)} in {first.connect_s * 1000:.0f} ms, then {_way(last)}")
    assert _way(last) in BEST[expectations.route(one, two)]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("one", "two"), [("port-restricted", "symmetric"), ("addr-dep-mapping", "firewall")])
def test_ports_by_chance_where_both_agree(sites: tuple[Site, Site], one: str, two: str) -> None:
    lasts = [_connect(sites, one, two, guesses=True).last for _ in range(5)]
    direct = [last for last in lasts if _way(last) == "udp direct"]
    print(
        f"{one} x {two}: {len(direct)} of {len(lasts)} direct, {[round(each.connect_s, 1) for each in direct]} s"
    )
    assert len(direct) >= 3  # 98 % each


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_pair_connects(sites: tuple[Site, Site], tmp_path: Path) -> None:
    lines = []
    for one, two in expectations.PAIRS:
        first, last = _connect(sites, one, two)
        lines.append((one, two, first, last))
        print(
            f"| {one} + {two} | {_way(first)}, {first.connect_s * 1000:.0f} ms | {_way(last)}, {last.connect_s * 1000:.0f} ms | {expectations.route(one, two)} |",
            flush=True,
        )
    times = sorted(first.connect_s for _, _, first, _ in lines)
    print(
        f"{len(lines)} pairs, median {times[len(times) // 2] * 1000:.0f} ms, worst {times[-1] * 1000:.0f} ms"
    )
    for one, two, _, last in lines:
        if (one, two) != COUNTING:
            assert _way(last) in BEST[expectations.route(one, two)], (one, two)
