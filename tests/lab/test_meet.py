"""Our own engine in the grid: every pair connects, directly where the table of routes says so."""

import pytest

from netstack.lab.matrix import PAIRS, one_try
from tests.expectations import Route, route

DIRECT = {Route.DIRECT, Route.PREDICTION, Route.TCP}
COUNTING = ("symmetric-seq", "symmetric-seq")  # direct now and then: each check moves both counters


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_every_pair_connects_and_directly_where_it_can(one: str, other: str) -> None:
    outcomes = [one_try(one, other, seed=7, index=index) for index in range(2)]
    assert all(outcome.connected for outcome in outcomes)
    assert all(outcome.first_byte_s is not None for outcome in outcomes)
    if (one, other) != COUNTING:
        assert [outcome.direct for outcome in outcomes] == [route(one, other) in DIRECT] * 2


def test_the_same_seed_gives_the_same_outcome() -> None:
    assert one_try("port-restricted", "symmetric", 1, 0) == one_try("port-restricted", "symmetric", 1, 0)
