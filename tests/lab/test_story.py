"""A scenario played in real time, in the lab that is there: what it tells meanwhile, and what it leaves behind."""

import asyncio

import msgspec
import pytest

import netstack.lab.meet
import netstack.lab.story
from netstack.lab.ice import connect_with_aioice
from netstack.lab.lab import Lab, open_scenario
from netstack.lab.loop import RealTimeLabLoop
from netstack.lab.meet import connect
from netstack.lab.scenario import EventPart, load_scenario
from netstack.lab.story import play
from netstack.model.lab import LabRun, StoryState


@pytest.fixture
def loop_factory():
    """Real time, as in the window."""
    return RealTimeLabLoop


async def played(lab: Lab) -> tuple[LabRun, list[StoryState]]:
    states: list[StoryState] = []
    return await asyncio.wait_for(play(lab, states.append), 40), states


async def test_both_sides_are_checked_and_meet_as_in_the_rehearsal() -> None:
    async with open_scenario("double-nat") as lab:
        run, states = await played(lab)
    assert run.as_expected
    assert run.connection.direct
    assert list(run.nat) == ["anna", "ben"]
    assert run.nat["anna"].double_nat
    shares = [state.progress for state in states]
    assert shares == sorted(shares)
    assert {len(state.nat) for state in states} == {0, 1, 2}
    assert any("Anna's laptop" in state.step for state in states)
    assert states[-1] == StoryState(progress=1.0, nat=run.nat, run=run)


async def test_it_takes_the_links_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netstack.lab.meet, "LIMIT_S", 0.5)
    async with open_scenario("home") as lab:
        lab.cut_link("ben-router-internet")
        run, _ = await played(lab)
        assert not run.connection.connected
        assert not run.as_expected
        assert run.nat["anna"].verdict == "moderate"
        assert run.nat["ben"].verdict != "moderate"


async def test_a_pair_that_cannot_meet_directly_takes_the_relay() -> None:
    async with open_scenario("symmetric-vs-restricted") as lab:
        run, states = await played(lab)
    assert (run.connection.connected, run.connection.direct) == (True, False)
    assert run.connection.method == "peerscope"
    assert run.as_expected
    assert any("connect" in state.step for state in states)


async def test_events_happen_and_cancelling_mends_what_they_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netstack.lab.meet, "AFTER_EVENTS_S", 0.1)
    scenario = load_scenario("failover")
    first = EventPart(at_s=0.0, action="cut", target="anna-anna-router")
    later = EventPart(at_s=60.0, action="mend", target="anna-anna-router")
    cuts: list[bool] = []
    async with Lab(msgspec.structs.replace(scenario, event=(later, first))) as lab:
        link = lab.world.links["anna-anna-router"]
        states: list[StoryState] = []
        task = asyncio.get_running_loop().create_task(play(lab, states.append))
        async with asyncio.timeout(20):
            while not any("mended" in state.step for state in states):
                await asyncio.sleep(0.02)
                cuts.append(link.shapes[0].cut)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert cuts[-1]
        assert not link.shapes[0].cut
        assert not states[-1].running
        assert not states[-1].step


@pytest.mark.parametrize("meet", [lambda lab: connect_with_aioice(lab, relay=False), connect])
@pytest.mark.parametrize("wait_s", [0.01, 0.5])
async def test_a_meeting_that_is_cancelled_leaves_no_task(meet, wait_s: float) -> None:
    async with open_scenario("symmetric-vs-restricted") as lab:
        before = asyncio.all_tasks()
        task = asyncio.get_running_loop().create_task(meet(lab))
        await asyncio.sleep(wait_s)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == before


def test_on_a_loop_that_knows_no_lab_it_does_not_touch_the_real_network() -> None:
    async def main() -> None:
        async with open_scenario("home") as lab:
            with pytest.raises(RuntimeError):
                await play(lab, lambda _: None)

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(main())
