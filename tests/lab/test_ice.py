"""aioice, unmodified, agrees with the table of routes that the kernel's NATs gave."""

from random import Random

import ifaddr
import msgspec
import pytest

from netstack.lab.duel import duel
from netstack.lab.ice import connect_with_aioice, lab_adapters, meet_with_aioice
from netstack.lab.lab import Lab, open_scenario
from netstack.lab.loop import on
from netstack.lab.matrix import PAIRS
from netstack.lab.scenario import ServerPart, load_scenario
from netstack.model.lab import PairOutcome
from tests.expectations import Route, route

SERVERS = (
    ServerPart(name="stun", kind="stun", hosts=("203.0.113.10",), dns="stun.example"),
    ServerPart(name="relay", kind="turn", hosts=("203.0.113.40",), dns="relay.example"),
)


def one_try(one: str, other: str, seed: int, index: int) -> PairOutcome:
    random = Random(f"{seed} {one} {other} {index}")
    scenario = msgspec.structs.replace(duel(one, other, random), server=SERVERS)
    return meet_with_aioice(scenario, random.getrandbits(63))


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_pair_connects_directly_where_the_table_says_so_and_over_a_relay_elsewhere(
    one: str, other: str
) -> None:
    outcomes = [one_try(one, other, seed=7, index=index) for index in range(2)]
    assert all(outcome.connected for outcome in outcomes)
    assert [outcome.direct for outcome in outcomes] == [route(one, other) is Route.DIRECT] * 2
    assert {outcome.paths for outcome in outcomes} <= {("direct", "direct"), ("relay", "relay")}


def test_with_a_relay_from_the_start_aioice_takes_whichever_answers_first() -> None:
    outcomes = [Lab(load_scenario("home"), seed=seed).run(connect_with_aioice) for seed in range(10)]
    assert all(outcome.connected for outcome in outcomes)


def test_outcomes_repeat_although_aioice_draws_its_own_random_numbers() -> None:
    assert one_try("port-restricted", "symmetric", 1, 0) == one_try("port-restricted", "symmetric", 1, 0)


def test_interfaces_are_those_of_the_host_one_is_on() -> None:
    async def look(lab: Lab) -> dict[str, list[str]]:
        async def addresses() -> list[str]:
            return [ip.ip if ip.is_IPv4 else ip.ip[0] for a in ifaddr.get_adapters() for ip in a.ips]

        with lab_adapters():
            return {name: await on(lab.hosts[name], addresses()) for name in ("anna", "ben")}

    assert open_scenario("ipv6-one-side").run(look) == {
        "anna": ["192.168.1.10", "2001:db8:a::10"],
        "ben": ["192.168.178.20"],
    }
    assert "192.168.1.10" not in str(ifaddr.get_adapters())
