import asyncio

import pytest

from netstack.lab.rehearsal import rehearse, rehearse_beside
from netstack.lab.scenario import NAMES, load_scenario


@pytest.fixture
def loop_factory():
    """Real time: a child process takes as long as it takes."""


@pytest.mark.parametrize("name", NAMES)
def test_every_scenario_shows_what_it_is_meant_to_show(name: str) -> None:
    run = rehearse(load_scenario(name), seed=3)
    assert run.as_expected, run
    assert run.scenario == name
    assert all(report.network == name for report in run.nat.values())


def test_a_run_repeats() -> None:
    scenario = load_scenario("bursty-wifi")
    assert rehearse(scenario, seed=1) == rehearse(scenario, seed=1)
    assert rehearse(scenario, seed=1) != rehearse(scenario, seed=2)


async def test_beside_a_running_loop_it_is_the_same() -> None:
    beside = await asyncio.wait_for(rehearse_beside("home", seed=1), 30)
    assert beside == await asyncio.to_thread(rehearse, load_scenario("home"), seed=1)
    await asyncio.get_running_loop().shutdown_default_executor()
