"""Latency under load over links whose queue is known: what is measured is that queue, and the bounds hold."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from netstack.core.identity import Identity, KnownPeer
from netstack.lab.link import Shape
from netstack.lab.net import LabNet
from netstack.model.address import Address
from netstack.model.load import LoadError, LoadPlan, LoadStage
from netstack.model.session import SessionError
from netstack.service.chat import Chat
from netstack.service.path_watch import PathWatch
from netstack.service.peer_book import PeerBook
from netstack.service.sessions import Sessions
from netstack.tasks import TaskScope
from tests.lab.town import Town

PSK = bytes(range(32))
FAR = "192.0.2.7"
SLOW = Shape(delay_s=0.01, bandwidth_bps=8e6, queue_s=0.3)
FAST = Shape(delay_s=0.01, bandwidth_bps=100e6, queue_s=0.005)


@asynccontextmanager
async def talking(shape: Shape, *, echo: bool = True) -> AsyncIterator[tuple[Chat, Chat]]:
    """Two hosts, a sealed session between them, and a chat on each side."""
    town = Town()
    one, two = (
        LabNet(town.host(name, host, shape=link))
        for name, host, link in (("me", "192.0.2.1", shape), ("far", FAR, Shape(delay_s=0.01)))
    )
    ana, ben = Identity(b"\1" * 32), Identity(b"\2" * 32)
    books = PeerBook(), PeerBook()
    books[0].keep(KnownPeer(ben.public, PSK))
    books[1].keep(KnownPeer(ana.public, PSK))
    accepted: asyncio.Queue = asyncio.Queue()
    dialling, listening = Sessions(one, ana, books[0]), Sessions(two, ben, books[1], accepted.put_nowait)
    at = await listening.open_udp(local=Address(FAR, 0))
    await dialling.open_udp()
    ours = await dialling.connect(at, peer_key=ben.public)
    theirs = await accepted.get()
    chats = (
        Chat(one, ours, peer_key=ben.public, initiator=True),
        Chat(two, theirs, peer_key=ana.public, initiator=False, echo=echo),
    )
    async with TaskScope("chats") as tasks:
        for chat in chats:
            tasks.start(chat.run(), "chat")
        try:
            yield chats
        finally:
            await dialling.close()
            await listening.close()


async def test_a_deep_queue_shows_as_added_latency_each_way() -> None:
    async with talking(SLOW) as (ana, ben):
        report = await ana.load.measure("Ben")
        assert report.transport == "udp"
        assert report.idle.path.p50_s == pytest.approx(0.04, rel=0.05)
        assert report.idle.bytes == 0
        for phase in (report.up, report.down):
            assert phase.path.n >= 10
            assert 0.12 < phase.path.p50_s < 0.36  # the queue holds 0.3 s
            assert phase.goodput * 8 == pytest.approx(8e6, rel=0.15)
            assert phase.rpm == pytest.approx(60 / phase.path.mean_s, rel=0.35)
        assert report.rpm < 450
        assert report.added_s > 0.1
        assert ana.load.state.report == report
        await asyncio.sleep(1)  # the end is told behind what is in the queue
        assert (ana.load.state.stage, ben.load.state.stage) == (LoadStage.NONE, LoadStage.NONE)


async def test_a_shallow_queue_adds_little() -> None:
    async with talking(FAST) as (ana, _):
        report = await ana.load.measure("Ben")
        assert report.added_s < 0.02
        assert report.rpm > 900


async def test_the_bounds_hold_both_ways() -> None:
    async with talking(SLOW) as (ana, ben):
        before = asyncio.get_running_loop().time()
        report = await ana.load.measure("Ben", LoadPlan(idle_s=1.0, max_s=3, max_bytes=1 << 20))
        assert asyncio.get_running_loop().time() - before < 1 + 2 * 3 + 2
        for phase in (report.up, report.down):
            assert 0 < phase.bytes <= 1 << 20
            assert not phase.stable
        assert ana._connection.session.stats.sent_payload_bytes < (1 << 20) + 100_000
        assert ben._connection.session.stats.sent_payload_bytes < (1 << 20) + 100_000


async def test_the_peer_is_asked_and_may_refuse() -> None:
    async with talking(SLOW, echo=False) as (ana, ben), TaskScope("test") as tasks:
        measuring = tasks.start(_refused(ana), "measure")
        await asyncio.sleep(1)
        assert ana.load.state.stage is LoadStage.ASKING
        assert ben.load.state.asked == LoadPlan(max_s=10, max_bytes=64 << 20)
        ben.load.answer(allow=False)
        assert await measuring is LoadError.Reason.REFUSED
        assert ben.load.state.asked is None
        assert ana._connection.session.stats.sent_payload_bytes < 2000


async def test_without_an_answer_it_ends_by_itself_and_takes_the_wish_back() -> None:
    async with talking(SLOW, echo=False) as (ana, ben):
        assert await _refused(ana) is LoadError.Reason.SILENT
        await asyncio.sleep(1)
        assert ben.load.state.asked is None


async def test_either_side_can_end_it() -> None:
    async with talking(SLOW, echo=False) as (ana, ben), TaskScope("test") as tasks:
        measuring = tasks.start(_refused(ana), "measure")
        await asyncio.sleep(1)
        ben.load.answer(allow=True)
        await asyncio.sleep(4)
        assert (ana.load.state.stage, ben.load.state.stage) == (LoadStage.UP, LoadStage.SERVING)
        ben.load.stop()
        assert await measuring is LoadError.Reason.STOPPED
        assert (ana.load.state.stage, ben.load.state.stage) == (LoadStage.NONE, LoadStage.NONE)


async def test_cancelling_stops_the_load_there_too() -> None:
    async with talking(SLOW) as (ana, ben), TaskScope("test") as tasks:
        measuring = tasks.start(ana.load.measure("Ben"), "measure")
        for _ in range(200):
            await asyncio.sleep(0.1)
            if ana.load.state.stage is LoadStage.DOWN:
                break
        measuring.cancel()
        await asyncio.sleep(2)
        before = ben._connection.session.stats.sent_payload_bytes
        await asyncio.sleep(2)
        assert ben._connection.session.stats.sent_payload_bytes - before < 1000
        assert ben.load.state.stage is LoadStage.NONE


async def test_the_end_of_the_session_ends_it() -> None:
    async with talking(SLOW) as (ana, ben), TaskScope("test") as tasks:
        measuring = tasks.start(_ended(ana), "measure")
        await asyncio.sleep(4)
        ben._connection.close()
        async with asyncio.timeout(5):
            assert await measuring


async def test_the_watch_of_the_path_keeps_its_figures() -> None:
    """Its own probes are used: nothing is counted twice."""
    async with talking(SLOW) as (ana, _):
        seen: list = []
        watch = PathWatch(ana._net, seen.append)
        watch.watch(ana._connection, "Ben")
        report = await ana.load.measure("Ben")
        await watch.close()
        assert report.up.path.n >= 10
        assert seen[-1][0].probes.duplicated == 0


async def _refused(chat: Chat) -> object:
    try:
        await chat.load.measure("Ben")
    except LoadError as error:
        return error.reason
    return None


async def _ended(chat: Chat) -> bool:
    try:
        await chat.load.measure("Ben")
    except (LoadError, SessionError):
        return True
    return False
