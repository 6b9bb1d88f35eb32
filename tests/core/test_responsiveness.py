"""When throughput has settled, and what a minute holds."""

import pytest

from netstack.core.responsiveness import Settling, round_trips, round_trips_per_minute


def settled_at(rates: list[float]) -> float | None:
    settling, total = Settling(0.0), 0.0
    for turn, rate in enumerate(rates, 1):
        total += rate / 2
        settling.look(turn / 2, int(total))
    return settling.stable_at_s


def test_a_steady_rate_settles_and_a_growing_one_does_not() -> None:
    assert settled_at([1e6] * 20) == 3.5
    assert settled_at([1e6 * 1.3**turn for turn in range(20)]) is None
    assert settled_at([0.0] * 20) is None
    assert settled_at([1e5, 2e5, 4e5] + [1e6] * 17) == pytest.approx(5.0, abs=0.5)


def test_one_straggler_does_not_decide() -> None:
    trips = round_trips([0.1] * 99 + [10.0])
    assert trips.mean_s == pytest.approx(0.1)
    assert (trips.n, trips.p50_s, trips.p99_s, trips.worst_s) == (100, 0.1, 0.1, 10.0)


def test_a_minute_holds_the_average_of_both_kinds() -> None:
    path, message = round_trips([0.1] * 10), round_trips([0.3] * 10)
    assert round_trips_per_minute(path, message) == pytest.approx((600 + 200) / 2)
    assert round_trips_per_minute(round_trips([0.1] * 4), message) is None
    assert round_trips_per_minute(round_trips([]), message) is None
    assert round_trips_per_minute(path, round_trips([])) == pytest.approx(
        600
    )  # small messages go another way
