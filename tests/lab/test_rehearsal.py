import pytest

from netstack.lab.rehearsal import rehearse
from netstack.lab.scenario import NAMES, load_scenario

NEED_A_RELAY = {"hotel-wifi", "udp-blocked", "symmetric-vs-restricted", "vpn"}
NO_RELAY_YET = pytest.mark.xfail(strict=True, reason="the lab has no TURN server yet")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=NO_RELAY_YET if name in NEED_A_RELAY else ()) for name in NAMES]
)
def test_every_scenario_shows_what_it_is_meant_to_show(name: str) -> None:
    run = rehearse(load_scenario(name), seed=3)
    assert run.as_expected, run
    assert run.scenario == name
    assert all(report.network == name for report in run.nat.values())


def test_a_run_repeats() -> None:
    scenario = load_scenario("bursty-wifi")
    assert rehearse(scenario, seed=1) == rehearse(scenario, seed=1)
    assert rehearse(scenario, seed=1) != rehearse(scenario, seed=2)
