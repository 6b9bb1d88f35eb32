import asyncio
from contextlib import asynccontextmanager

import pytest

from netstack.errors import NetError
from netstack.lab.link import Burst, Shape
from netstack.lab.nat import NatBehaviour
from netstack.lab.net import LabNet
from netstack.lab.tcp import State
from netstack.model.address import Address
from netstack.tasks import TaskScope
from tests.lab.town import INSIDE, WAN, Town

FAR = Address("192.0.2.7", 80)
PAYLOAD = bytes(range(256)) * 800


class Recorder:
    """A user of a raw connection."""

    def __init__(self) -> None:
        self.events: list[object] = []
        self.data = bytearray()

    def opened(self) -> None:
        self.events.append("opened")

    def received(self, data: bytes) -> None:
        self.data += data

    def ended(self) -> None:
        self.events.append("ended")

    def writable(self) -> None:
        self.events.append("writable")

    def closed(self, reason: NetError.Reason | None) -> None:
        self.events.append(("closed", reason))


@asynccontextmanager
async def pair(client, server):
    """A connected stream and what came out at the other end."""
    accepted: asyncio.Future = asyncio.get_running_loop().create_future()
    listener = await LabNet(server).listen_stream(accepted.set_result, local=FAR)
    ours = await LabNet(client).open_stream(FAR, timeout_s=30)
    theirs = await accepted
    listener.close()
    yield ours, theirs
    ours.abort()
    theirs.abort()


async def read_all(stream) -> bytes:
    got = bytearray()
    while data := await stream.read(65_536):
        got += data
    return bytes(got)


SHAPES = {
    "clean": Shape(delay_s=0.01),
    "lossy": Shape(delay_s=0.01, loss=0.05),
    "bursty": Shape(delay_s=0.01, burst=Burst(good_s=0.5, bad_s=0.02)),
    "reordering": Shape(delay_s=0.01, reorder=0.1, duplicate=0.1),
    "narrow": Shape(delay_s=0.02, bandwidth_bps=2e6),
    "small": Shape(delay_s=0.01, mtu_bytes=576),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
async def test_bytes_arrive_in_order_both_ways_whatever_the_link_does(shape: Shape) -> None:
    town = Town(shape=shape)
    me = town.host("me", INSIDE, behind=town.box("nat", NatBehaviour()))
    async with (
        TaskScope("test") as scope,
        asyncio.timeout(3600),
        pair(me, town.host("far", FAR.host)) as (ours, theirs),
    ):
        reading = [scope.start(read_all(stream), "read") for stream in (ours, theirs)]
        for stream in (ours, theirs):
            for start in range(0, len(PAYLOAD), 5000):
                stream.write(PAYLOAD[start : start + 5000])
                await stream.drain()
        ours.close()
        theirs.close()
        got_theirs = await reading[1]
    assert got_theirs == PAYLOAD


async def test_end_of_stream_reaches_the_other_side_and_both_forget() -> None:
    town = Town()
    me, far = town.host("me", "192.0.2.1"), town.host("far", FAR.host)
    async with pair(me, far) as (ours, theirs):
        assert theirs.remote == ours.local
        ours.write(b"bye")
        ours.close()
        assert await read_all(theirs) == b"bye"
        theirs.close()
        await theirs.wait_closed()
        await asyncio.sleep(1)
    assert not me._connections
    assert not far._connections


async def test_refused_and_unreachable_and_silent() -> None:
    town = Town()
    me = LabNet(town.host("me", "192.0.2.1"))
    town.host("far", FAR.host)
    for remote, reason in (
        (FAR, NetError.Reason.REFUSED),
        (Address("192.0.2.99", 80), NetError.Reason.TIMED_OUT),
        (Address("2001:db8::1", 80), NetError.Reason.UNREACHABLE),
    ):
        with pytest.raises(NetError) as caught:
            await me.open_stream(remote, timeout_s=5)
        assert caught.value.reason is reason
    await asyncio.sleep(200)
    assert not me.host._connections


async def test_abort_is_a_reset_for_the_other_side() -> None:
    town = Town()
    async with pair(town.host("me", "192.0.2.1"), town.host("far", FAR.host)) as (ours, theirs):
        ours.abort()
        with pytest.raises(NetError) as caught:
            await theirs.read(1)
    assert caught.value.reason is NetError.Reason.RESET


async def test_half_open_is_found_when_something_is_sent() -> None:
    town = Town()
    me, far = town.host("me", "192.0.2.1"), town.host("far", FAR.host)
    async with pair(me, far) as (ours, theirs):
        far.vanish()
        with pytest.raises(NetError):
            await theirs.read(1)
        await asyncio.sleep(60)
        ours.write(b"still there?")
        with pytest.raises(NetError) as caught:
            await ours.read(1)
    assert caught.value.reason is NetError.Reason.RESET


async def test_a_cut_link_times_out_after_retransmissions() -> None:
    town = Town()
    async with pair(town.host("me", "192.0.2.1"), town.host("far", FAR.host)) as (ours, _):
        town.world.links["far-internet"].cut()
        ours.write(b"hello?")
        began_s = town.world.now()
        with pytest.raises(NetError) as caught:
            async with asyncio.timeout(3600):
                await ours.read(1)
        assert caught.value.reason is NetError.Reason.TIMED_OUT
        assert 300 < town.world.now() - began_s < 1200


async def test_a_reader_who_waits_closes_the_window_and_nothing_is_lost() -> None:
    town = Town()
    async with (
        TaskScope("test") as scope,
        asyncio.timeout(600),
        pair(town.host("me", "192.0.2.1"), town.host("far", FAR.host)) as (ours, theirs),
    ):
        payload = PAYLOAD * 8

        async def send() -> None:
            for start in range(0, len(payload), 10_000):
                ours.write(payload[start : start + 10_000])
                await ours.drain()
            ours.close()

        sending = scope.start(send(), "send")
        await asyncio.sleep(30)
        assert not sending.done()
        assert await read_all(theirs) == payload


async def test_simultaneous_open() -> None:
    town = Town()
    a, b = town.host("a", "192.0.2.1"), town.host("b", "192.0.2.2")
    one, two = Recorder(), Recorder()
    ends = Address("192.0.2.1", 5000), Address("192.0.2.2", 5000)
    first = a.connect(ends[1], one, local=ends[0])
    second = b.connect(ends[0], two, local=ends[1])
    await asyncio.sleep(1)
    assert one.events == two.events == ["opened"]
    first.write(b"a" * 5000)
    second.write(b"b")
    first.finish()
    second.finish()
    await asyncio.sleep(1)
    assert (bytes(two.data), bytes(one.data)) == (b"a" * 5000, b"b")
    assert one.events[-1] == two.events[-1] == ("closed", None)


async def test_a_stray_segment_is_reset_and_a_listener_has_a_backlog(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netstack.lab.host._MAX_BACKLOG", 2)
    town = Town()
    me, far = town.host("me", "192.0.2.1"), town.host("far", FAR.host)
    user = Recorder()
    connection = me.connect(FAR, user)
    await asyncio.sleep(1)
    assert user.events == [("closed", NetError.Reason.REFUSED)]
    listener = far.listen(FAR, lambda _: Recorder())
    town.world.links["me-internet"].reshape(Shape(delay_s=0.01), Shape(cut=True))  # their answers are lost
    for _ in range(5):
        me.connect(FAR, Recorder())
    await asyncio.sleep(0.5)
    assert listener.waiting == 2
    await asyncio.sleep(300)
    assert listener.waiting == 0
    assert not far._connections
    assert connection.state is State.CLOSED


async def test_two_streams_through_one_nat_have_ports_of_their_own() -> None:
    town = Town()
    box = town.box("nat", NatBehaviour())
    far = town.host("far", FAR.host)
    seen = []

    def accept(stream) -> None:
        seen.append(stream.remote)
        stream.abort()

    await LabNet(far).listen_stream(accept, local=FAR)
    for name, host in (("one", INSIDE), ("two", "10.0.1.3")):
        net = LabNet(town.host(name, host, behind=box))
        stream = await net.open_stream(FAR, timeout_s=5, local=Address(host, 5000))
        await asyncio.sleep(0.1)
        stream.abort()
    assert [remote.host for remote in seen] == [WAN, WAN]
    assert seen[0].port == 5000
    assert seen[1].port != 5000
