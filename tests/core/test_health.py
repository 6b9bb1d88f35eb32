"""Health is what happened in the last window."""

import pytest

from netstack.core.health import MAX_SAMPLES, WINDOW_S, Health, Traffic
from netstack.core.probe_stats import Totals


def test_percentiles_are_of_real_samples():
    health = Health(0.0)
    for number in range(100):
        health.answered((number + 1) / 1000, number * 0.05)
    read = health.read(3, "udp", 5.0)
    assert (read.path, read.transport, read.n) == (3, "udp", 100)
    assert (read.p50_s, read.p99_s) == (0.050, 0.099)


def test_a_dead_path_does_not_keep_its_good_figures():
    health = Health(0.0)
    for number in range(20):
        at_s = number * 0.1
        health.answered(0.02, at_s)
        health.count(Totals(number, 0, 0), Traffic(number, 0, number * 1000), at_s)
    assert health.read(0, "udp", 2.0).n == 20
    later = health.read(0, "udp", 2.0 + WINDOW_S)
    assert (later.n, later.p50_s, later.p99_s) == (0, None, None)
    assert (later.probes, later.loss_out, later.packets, later.success) == (0, None, 0, None)
    assert later.checked_s == pytest.approx(2.0 + WINDOW_S - 1.9)


def test_losses_have_a_direction():
    health = Health(0.0)
    for second in range(9):
        sent = second * 10
        health.count(Totals(sent, second * 2, second * 4), Traffic(), float(second))
    read = health.read(0, "udp", 8.0)
    assert read.probes == 80
    assert read.loss_out == pytest.approx(16 / 80)
    assert read.loss_back == pytest.approx(32 / 64)
    assert read.loss == pytest.approx(1 - 0.8 * 0.5)


def test_nothing_measured_is_not_zero():
    read = Health(0.0).read(0, "udp", 5.0)
    assert (read.n, read.p99_s, read.loss, read.success, read.throughput, read.checked_s) == (0, *[None] * 5)


def test_the_fastest_second_and_the_share_that_arrived():
    health = Health(0.0)
    for second, total in enumerate([0, 1000, 101_000, 101_500]):
        health.count(Totals(), Traffic(second * 100, second * 3, total, True), float(second))
    read = health.read(0, "udp", 3.0)
    assert read.throughput == pytest.approx(100_000)
    assert read.success == pytest.approx(1 - 9 / 300)


def test_counters_that_begin_anew_give_no_nonsense():
    """A path whose congestion state was forgotten while it was idle counts from 0."""
    health = Health(0.0)
    health.count(Totals(), Traffic(1000, 100, 10**6), 1.0)
    health.count(Totals(), Traffic(2, 1, 2000, True), 2.0)
    health.count(Totals(), Traffic(12, 2, 12_000, True), 3.0)
    read = health.read(0, "udp", 3.0)
    assert read.packets == 10
    assert read.success == pytest.approx(0.9)
    assert read.throughput == pytest.approx(10_000)


def test_samples_are_bounded():
    health = Health(0.0)
    for _ in range(10 * MAX_SAMPLES):
        health.answered(0.01, 1.0)
    assert health.read(0, "udp", 1.0).n == MAX_SAMPLES


def test_data_that_waits_is_told():
    assert Health(0.0).read(0, "udp", 5.0, stalled_since_s=4.25).stalled_s == pytest.approx(0.75)
