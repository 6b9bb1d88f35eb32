"""What a path's failure does to a game, in virtual time: no reliable message lost, none twice, and little silence."""

import asyncio
import itertools

import pytest

from netstack.core.selector import DWELL_S
from netstack.lab.drill import SCENARIO, WIFI, Players, drill, play, ride_wifi
from netstack.lab.lab import Lab
from netstack.lab.link import PROFILES
from netstack.lab.scenario import load_scenario
from netstack.model.coordinator import DrillCause
from netstack.model.session import Priority

WARM_S, COLD_S = 0.25, 1.0


@pytest.mark.parametrize("warm", [True, False], ids=["warm", "cold"])
@pytest.mark.parametrize("cause", DrillCause)
async def test_the_silence_is_short_and_nothing_is_lost_or_doubled(cause: DrillCause, warm: bool) -> None:
    async with Lab(load_scenario(SCENARIO), seed=7) as lab:
        result = await drill(lab, cause, warm=warm)
    assert (result.lost, result.duplicated) == (0, 0)
    assert result.blackout_s <= (WARM_S if warm else COLD_S)
    assert result.n > 500


async def _switches_on_bursty_wifi(seconds: float) -> list[float]:
    """When Anna's realtime traffic moved, while her Wi-Fi loses in bursts."""
    async with Lab(load_scenario(SCENARIO), seed=3) as lab, Players.meet(lab) as players:
        await ride_wifi(lab, players.anna)
        players.coordinate(warm=True)
        await play(players, 5.0, messages_per_s=10)
        lab.world.links[WIFI].reshape(PROFILES["bursty-wifi"])
        await play(players, seconds, messages_per_s=10)
        await asyncio.sleep(3.0)
        assert players.anna.missing_from(players.ben) == players.ben.missing_from(players.anna) == 0
        moves = players.anna.coordinator.state.decisions
    return sorted(move.at_s for move in moves if move.priority is Priority.REALTIME)


async def test_bursty_wifi_does_not_make_it_flap() -> None:
    moves = await _switches_on_bursty_wifi(240.0)
    assert len(moves) <= 2
    assert all(b - a >= DWELL_S for a, b in itertools.pairwise(moves))


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_an_hour_of_bursty_wifi() -> None:
    moves = await _switches_on_bursty_wifi(3600.0)
    assert len(moves) <= 4
    assert all(b - a >= DWELL_S for a, b in itertools.pairwise(moves))
