"""Our own engine in the grid: every pair connects, directly where the table of routes says so."""

from random import Random

import msgspec
import pytest

from netstack.lab.duel import duel
from netstack.lab.lab import Lab
from netstack.lab.link import Shape
from netstack.lab.matrix import _SERVERS, PAIRS, one_try
from netstack.lab.meet import SIGNALLING_S, connect
from tests.expectations import Route, route

DIRECT = {Route.DIRECT, Route.PREDICTION, Route.TCP}
SERVER_RTT_S = 0.0144
RELAY_RTT_S = 2 * SERVER_RTT_S
COUNTING = ("symmetric-seq", "symmetric-seq")  # direct now and then: each check moves both counters


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_every_pair_connects_and_directly_where_it_can(one: str, other: str) -> None:
    outcomes = [one_try(one, other, seed=7, index=index) for index in range(2)]
    assert all(outcome.connected for outcome in outcomes)
    assert all(outcome.first_byte_s is not None for outcome in outcomes)
    if (one, other) != COUNTING:
        assert [outcome.direct for outcome in outcomes] == [route(one, other) in DIRECT] * 2


@pytest.mark.parametrize(
    ("kind", "allocating_s"),
    # a challenge and an allocation; TCP has a round trip before, and waits half of it all for UDP
    [("symmetric", 2 * SERVER_RTT_S), ("udp-blocked", 1.5 * 3 * SERVER_RTT_S)],
)
@pytest.mark.parametrize("late_s", [0.0, 0.4])
def test_by_relay_both_have_heard_the_other_two_round_trips_after_its_address_was_told(
    kind: str, allocating_s: float, late_s: float
) -> None:
    made = duel(kind, kind, Random(1))
    boxes = tuple(msgspec.structs.replace(box, link=Shape(delay_s=0.005)) for box in made.box)
    lab = Lab(msgspec.structs.replace(made, box=boxes, server=_SERVERS), seed=1)
    outcome = lab.run(lambda lab: connect(lab, late_s=late_s))
    assert outcome.first_byte_s is not None
    assert outcome.first_byte_s - late_s - allocating_s - SIGNALLING_S <= 2 * RELAY_RTT_S + 0.001


def test_the_same_seed_gives_the_same_outcome() -> None:
    assert one_try("port-restricted", "symmetric", 1, 0) == one_try("port-restricted", "symmetric", 1, 0)
