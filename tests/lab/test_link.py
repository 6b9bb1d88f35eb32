import asyncio
from itertools import pairwise
from math import exp

import pytest

from netstack.errors import NetError
from netstack.lab.link import Burst, Shape
from netstack.lab.world import World
from netstack.model.address import Address
from tests.lab.town import Town, bind

A, B = "203.0.113.1", "203.0.113.2"
PORT = Address(B, 9000)


async def sent(shape: Shape, count: int, size: int = 100, gap_s: float = 0.001, seed: int = 1):
    """Sends numbered datagrams over one shaped link; gives (number, delay) in order of arrival."""
    town = Town(seed=seed, shape=Shape())
    a, b = town.host("a", A, shape=shape), town.host("b", B)
    inbox, _ = await bind(b, PORT)
    _, endpoint = await bind(a)
    when = {}
    for number in range(count):
        when[number] = town.world.now()
        endpoint.send(number.to_bytes(4) + bytes(size - 4), PORT)
        if gap_s:
            await asyncio.sleep(gap_s)
    await asyncio.sleep(30)
    came = []
    while not inbox.came.empty():
        data, _, at_s = inbox.came.get_nowait()
        number = int.from_bytes(data[:4])
        came.append((number, at_s - when[number]))
    town.world.close()
    return came


async def test_delay_is_what_was_asked_for() -> None:
    came = await sent(Shape(delay_s=0.05), 20)
    assert [number for number, _ in came] == list(range(20))
    assert all(delay == pytest.approx(0.05, abs=1e-5) for _, delay in came)


async def test_jitter_keeps_the_order_and_its_bound() -> None:
    came = await sent(Shape(delay_s=0.01, jitter_s=0.02), 300)
    assert [number for number, _ in came] == list(range(300))
    assert 0.01 <= min(delay for _, delay in came) < max(delay for _, delay in came) <= 0.0301


async def test_equal_deadlines_keep_their_order() -> None:
    came = await sent(Shape(delay_s=0.01), 500, gap_s=0)
    assert [number for number, _ in came] == list(range(500))


@pytest.mark.parametrize("loss", [0.02, 0.3])
async def test_loss_is_the_chance_that_was_asked_for(loss: float) -> None:
    count = 4000
    lost = count - len(await sent(Shape(loss=loss), count))
    sigma = (count * loss * (1 - loss)) ** 0.5
    assert abs(lost - count * loss) < 4 * sigma


async def test_bursts_lose_neighbours_and_have_the_mean_that_was_asked_for() -> None:
    burst = Burst(good_s=0.2, bad_s=0.02)
    count = 40_000
    came = {number for number, _ in await sent(Shape(burst=burst), count)}
    lost = [number for number in range(count) if number not in came]
    assert len(lost) / count == pytest.approx(0.02 / 0.22, rel=0.2)
    neighbours = sum(after - before == 1 for before, after in pairwise(lost))
    assert neighbours / len(lost) == pytest.approx(exp(-0.001 / 0.02), abs=0.03)  # sent 1 ms apart


async def test_a_sparse_flow_is_not_lost_in_rows() -> None:
    count = 2000
    came = {number for number, _ in await sent(Shape(burst=Burst(good_s=0.2, bad_s=0.02)), count, gap_s=1.0)}
    lost = [number for number in range(count) if number not in came]
    neighbours = sum(after - before == 1 for before, after in pairwise(lost))
    assert len(lost) / count == pytest.approx(0.02 / 0.22, rel=0.3)
    assert neighbours / len(lost) < 0.2


async def test_duplicates_come_twice_and_late_ones_are_overtaken() -> None:
    came = await sent(Shape(duplicate=1.0), 10)
    assert sorted(number for number, _ in came) == sorted([*range(10)] * 2)
    came = await sent(Shape(reorder=0.2, reorder_s=0.0025), 500)
    numbers = [number for number, _ in came]
    assert sorted(numbers) == list(range(500))
    assert 50 < sum(after < before for before, after in pairwise(numbers)) < 150


async def test_bandwidth_is_shared_out_and_the_queue_is_as_long_as_a_round_trip() -> None:
    shape = Shape(delay_s=0.05, bandwidth_bps=1e6)
    came = await sent(shape, 400, size=972, gap_s=0)  # 1000 B on the wire: 8 ms each
    assert [number for number, _ in came] == list(range(len(came)))
    assert len(came) == pytest.approx(0.1 / 0.008 + 1, abs=1)  # what does not fit the queue is lost
    assert max(delay for _, delay in came) == pytest.approx(0.15, abs=0.01)


async def test_mtu_cuts_or_refuses() -> None:
    town = Town()
    a, b = town.host("a", A), town.host("b", B, shape=Shape(mtu_bytes=1000))
    inbox, _ = await bind(b, PORT)
    plain_inbox, plain = await bind(a)
    whole_inbox, whole = await bind(a, dont_fragment=True)
    plain.send(bytes(1400), PORT)
    assert len((await inbox.one())[0]) == 1400
    whole.send(bytes(1400), PORT)
    error, remote = await whole_inbox.refusal()
    assert (error.reason, remote) == (NetError.Reason.TOO_BIG, PORT)
    assert "1000" in error.detail
    assert await inbox.one() is None
    whole.send(bytes(1000 - 28), PORT)
    assert len((await inbox.one())[0]) == 972
    with pytest.raises(NetError) as caught:
        whole.send(bytes(1473), PORT)
    assert caught.value.reason is NetError.Reason.TOO_BIG
    assert plain_inbox.failed.empty()


async def test_mtu_black_hole_says_nothing() -> None:
    town = Town()
    a = town.host("a", A)
    b = town.host("b", B, shape=Shape(mtu_bytes=1000, icmp_too_big=False))
    inbox, _ = await bind(b, PORT)
    whole_inbox, whole = await bind(a, dont_fragment=True)
    whole.send(bytes(1400), PORT)
    assert await whole_inbox.refusal() is None
    assert await inbox.one() is None


async def test_blackhole_after_some_packets_and_a_cut_link() -> None:
    assert [number for number, _ in await sent(Shape(blackhole_after=7), 20)] == list(range(7))
    town = Town()
    a, b = town.host("a", A), town.host("b", B)
    inbox, _ = await bind(b, PORT)
    _, endpoint = await bind(a)
    link = town.world.links["a-internet"]
    link.cut()
    endpoint.send(b"1", PORT)
    assert await inbox.one() is None
    link.cut(False)
    endpoint.send(b"2", PORT)
    assert (await inbox.one())[0] == b"2"
    assert link.ports[0].counters.lost == 1


async def test_fragments_are_lost_each_for_itself() -> None:
    shape = Shape(loss=0.1, mtu_bytes=576)
    count = 2000
    whole = len(await sent(shape, count, size=500)) / count
    parts = len(await sent(shape, count, size=2200)) / count  # 4 fragments
    assert whole == pytest.approx(0.9, abs=0.03)
    assert parts == pytest.approx(0.9**4, abs=0.05)


async def test_reshaping_keeps_what_is_under_way_in_order() -> None:
    town = Town(shape=Shape())
    a, b = town.host("a", A, shape=Shape(delay_s=0.2)), town.host("b", B)
    inbox, _ = await bind(b, PORT)
    _, endpoint = await bind(a)
    endpoint.send(b"slow", PORT)
    town.world.links["a-internet"].reshape(Shape(delay_s=0.01))
    endpoint.send(b"fast", PORT)
    assert [(await inbox.one())[0], (await inbox.one())[0]] == [b"slow", b"fast"]


async def test_a_queue_of_events_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netstack.lab.world._MAX_EVENTS", 10)
    world = World()
    for _ in range(20):
        world.at(1.0, lambda _: None, None)
    assert world.dropped_events == 10
    world.close()
