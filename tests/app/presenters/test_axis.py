"""Axes: round, few, and in words."""

import pytest

from app.presenters.axis import ago_text, decades, nice_ceiling, quantile, rate_unit, second_ticks, ticks


@pytest.mark.parametrize(
    ("value", "ceiling"), [(0, 1), (0.07, 0.07), (1.1, 1.5), (1.6, 2), (42, 50), (71, 100), (float("nan"), 1)]
)
def test_the_top_is_the_next_round_number(value: float, ceiling: float) -> None:
    assert nice_ceiling(value) == pytest.approx(ceiling)


@pytest.mark.parametrize(
    ("top", "most", "expected"),
    [(200, 4, [0, 50, 100, 150, 200]), (3, 2, [0, 2]), (0.5, 2, [0, 0.25, 0.5]), (7, 4, [0, 2, 4, 6])],
)
def test_ticks_are_few_and_round(top: float, most: int, expected: list[float]) -> None:
    assert ticks(top, most) == pytest.approx(expected)


def test_a_logarithmic_axis_has_ones_twos_and_fives() -> None:
    assert decades(1, 60) == [1, 2, 5, 10, 20, 50]


def test_units_of_rates_suit_the_top() -> None:
    assert rate_unit(900) == (1.0, "bit/s")
    assert rate_unit(2e6) == (1e6, "Mbit/s")


def test_time_in_words() -> None:
    assert second_ticks(60, 6) == [0, 10, 20, 30, 40, 50, 60]
    assert [ago_text(seconds) for seconds in (0, 30, 60, 90, 3600)] == [
        "now",
        "−30\u202fs",
        "−1\u202fmin",
        "−1:30",
        "−1\u202fh",
    ]


def test_quantiles_are_values_that_were_measured() -> None:
    ranked = [float(n) for n in range(1, 101)]
    assert (quantile(ranked, 0.5), quantile(ranked, 0.99), quantile(ranked, 1.0)) == (50, 99, 100)
    assert quantile([7.0], 0.99) == 7.0
