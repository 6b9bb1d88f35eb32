import multiprocessing
import threading

import pytest

from netstack.lab.workers import WorkerError, spread
from tests.lab.chores import die_at_three, double


def test_results_come_in_order() -> None:
    assert list(spread(double, range(20), 3)) == [2 * number for number in range(20)]
    assert list(spread(double, [], 2)) == []
    assert not multiprocessing.active_children()


def test_a_worker_that_dies_is_an_error_instead_of_a_hang() -> None:
    with pytest.raises(WorkerError) as caught:
        list(spread(die_at_three, range(10), 2))
    assert "ended unexpectedly" in caught.value.sentence
    assert not multiprocessing.active_children()


def test_it_stops_early_and_whoever_stops_reading_leaves_nobody_behind() -> None:
    stop = threading.Event()
    results = spread(double, range(10_000), 2, stop)
    assert next(results) == 0
    stop.set()
    assert len(list(results)) < 10_000
    results = spread(double, range(10_000), 2)
    assert next(results) == 0
    results.close()
    assert not multiprocessing.active_children()
