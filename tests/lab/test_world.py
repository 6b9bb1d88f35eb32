import asyncio

import pytest

from netstack.lab.clock import VirtualTimeLoop
from netstack.lab.link import Port, Shape
from netstack.lab.nat import NatBehaviour
from netstack.lab.world import World
from netstack.model.address import Address
from tests.lab.town import INSIDE, Town, bind


async def test_events_happen_at_their_time_and_in_their_order() -> None:
    world = World()
    seen = []
    for number, due_s in enumerate((0.3, 0.1, 0.2, 0.1, 0.1)):
        world.at(due_s, seen.append, number)
    await asyncio.sleep(1)
    assert seen == [1, 3, 4, 2, 0]


async def test_an_event_may_schedule_another_for_now() -> None:
    world = World()
    seen = []
    world.at(0.1, lambda _: world.at(0.1, lambda _: seen.append(world.now()), None), None)
    await asyncio.sleep(1)
    assert seen == [pytest.approx(0.1)]


async def test_asyncio_timers_come_between_events_in_time() -> None:
    world, loop = World(), asyncio.get_running_loop()
    seen = []

    def note(what: str) -> None:
        seen.append((what, round(world.now(), 9)))

    for due_s in (0.1, 0.2, 0.3, 0.4):
        world.at(due_s, note, "event")
    for due_s in (0.15, 0.2, 0.35):
        loop.call_at(due_s, note, "timer")
    world.at(0.25, lambda _: loop.call_soon(note, "soon"), None)
    await asyncio.sleep(1)
    assert [at_s for _, at_s in seen] == [0.1, 0.15, 0.2, 0.2, 0.25, 0.3, 0.35, 0.4]
    assert ("soon", 0.25) in seen


def test_the_world_stands_still_when_the_program_has_ended() -> None:
    ticks = []

    async def main() -> None:
        world = World()

        def tick(_: None) -> None:
            ticks.append(world.now())
            world.at(world.now() + 1.0, tick, None)

        tick(None)
        await asyncio.sleep(2.5)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(main())
    assert ticks == [0.0, 1.0, 2.0]


async def test_one_that_fails_does_not_stop_the_others(expected_logs) -> None:
    expected_logs("Exception in callback")
    world = World()
    seen = []
    world.at(0.1, lambda _: 1 // 0, None)
    world.at(0.1, seen.append, 1)
    world.at(0.2, seen.append, 2)
    await asyncio.sleep(1)
    assert seen == [1, 2]


async def test_closing_forgets_everything() -> None:
    with World() as world:
        seen = []
        world.at(0.1, seen.append, 1)
    world.at(0.1, seen.append, 2)
    await asyncio.sleep(1)
    assert seen == []
    world.close()


async def test_two_links_of_one_name_are_refused() -> None:
    town = Town()
    host = town.host("a", "192.0.2.1")
    with pytest.raises(ValueError, match="a-internet"):
        town.world.connect(Port(host, "a.2"), Port(town.internet, "internet.2"))


async def test_the_log_tells_what_happened_and_to_which_bytes() -> None:
    town = Town()
    me = town.host("me", INSIDE, behind=town.box("nat", NatBehaviour()))
    _, end = await bind(me, Address(INSIDE, 5000))
    inbox, _ = await bind(town.host("far", "192.0.2.7"), Address("192.0.2.7", 9000))
    end.send(b"hi", Address("192.0.2.7", 9000))
    await inbox.one()
    lines = town.world.log_text().splitlines()
    assert lines[0] == "0.000000000 send me.nat udp 10.0.1.2:5000 > 192.0.2.7:9000 30 B d8932aac"
    assert lines[1].startswith("0.010000000 send nat.wan udp 203.0.113.101:5000 > 192.0.2.7:9000")
    assert lines[-1] == "0.030000000 deliver far udp 203.0.113.101:5000 > 192.0.2.7:9000 30 B d8932aac"


async def test_a_generator_for_each_purpose() -> None:
    draws = {
        (seed, purpose): World(seed).random(purpose).random() for seed in (1, 2) for purpose in ("a", "b")
    }
    assert len(set(draws.values())) == 4
    assert World(1).random("a").random() == draws[1, "a"]


async def test_a_link_is_reshaped_both_ways_or_each_its_own() -> None:
    town = Town()
    host = town.host("a", "192.0.2.1")
    link = town.world.links["a-internet"]
    link.reshape(Shape(delay_s=1.0), Shape(delay_s=2.0))
    assert [shape.delay_s for shape in link.shapes] == [1.0, 2.0]
    link.cut()
    assert [(shape.delay_s, shape.cut) for shape in link.shapes] == [(1.0, True), (2.0, True)]
    assert host.interfaces[0].port.link is link
