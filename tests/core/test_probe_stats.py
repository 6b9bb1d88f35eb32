"""Probes over a link whose every fate is known: the figures must say so."""

import random

import pytest

from netstack.core.probe_stats import LATE_S, WINDOW_S, ProbeStats
from netstack.model.path import ProbeSummary

OFFSET_S = 1234.5  # the far clock is another one


def _play(
    count: int,
    *,
    out: float = 0.0,
    back: float = 0.0,
    seed: int = 1,
    gap_s: float = 0.05,
    start_s: float = 0.0,
) -> tuple[ProbeStats, int, int]:
    """`count` probes, 10 ms there and 10 ms back, with random loss each way; returns the true losses too."""
    rng = random.Random(seed)
    stats, reflected, lost_out, lost_back = ProbeStats(), 0, 0, 0
    for sequence in range(count):
        t1 = start_s + sequence * gap_s
        stats.sent(sequence, t1)
        if rng.random() < out:
            lost_out += 1
            continue
        reflected += 1
        if rng.random() < back:
            lost_back += 1
            continue
        t2 = t1 + 0.010 + OFFSET_S
        t3 = t2 + 0.002
        stats.answered(sequence, t1, t2, t3, t1 + 0.022, reflected, kernel_stamp=True)
    return stats, lost_out, lost_back


def _end(count: int, gap_s: float = 0.05) -> float:
    return count * gap_s + LATE_S


def test_the_far_sides_own_time_is_taken_off() -> None:
    stats, _, _ = _play(100)
    summary = stats.summary(_end(100))
    assert summary.p50_s == pytest.approx(0.020, rel=0.01)
    assert summary.floor_s == pytest.approx(0.020)
    assert summary.jitter_out_s == pytest.approx(0.0, abs=1e-9)
    assert (summary.n, summary.sent, summary.lost_out, summary.lost_back) == (100, 100, 0, 0)
    assert (summary.loss_out, summary.loss_back) == (0.0, 0.0)


@pytest.mark.parametrize(("out", "back"), [(0.1, 0.0), (0.0, 0.1), (0.1, 0.05)])
@pytest.mark.parametrize("seed", range(5))
def test_loss_has_a_direction(out: float, back: float, seed: int) -> None:
    stats, lost_out, lost_back = _play(1000, out=out, back=back, seed=seed)
    stats.sent(1000, 50.0)
    reflected = 1000 - lost_out + 1
    stats.answered(1000, 50.0, 50.01 + OFFSET_S, 50.01 + OFFSET_S, 50.02, reflected, kernel_stamp=True)
    summary = stats.summary(_end(1000))
    assert summary.sent == 1001
    assert (summary.lost_out, summary.lost_back) == (lost_out, lost_back)


def test_nothing_measured_is_none_and_not_zero() -> None:
    summary = ProbeStats().summary(0.0)
    assert (summary.n, summary.p50_s, summary.loss_out, summary.loss_back, summary.floor_s) == (
        0,
        None,
        None,
        None,
        None,
    )


def test_old_figures_do_not_stay() -> None:
    stats, _, _ = _play(100)
    assert stats.summary(5.0 + WINDOW_S + 10).p50_s is None
    assert stats.summary(5.0 + WINDOW_S + 10).last_s is None


def test_duplicates_and_reordering_are_counted_and_change_nothing_else() -> None:
    stats = ProbeStats()
    for sequence in range(3):
        stats.sent(sequence, 0.0)
    stats.answered(1, 0.0, 1.0, 1.0, 0.02, 2, kernel_stamp=False)
    stats.answered(0, 0.0, 1.0, 1.0, 0.03, 1, kernel_stamp=False)
    assert stats.answered(0, 0.0, 1.0, 1.0, 0.04, 1, kernel_stamp=False) is None
    assert stats.answered(77, 0.0, 1.0, 1.0, 0.04, 1, kernel_stamp=False) is None
    summary = stats.summary(0.05)
    assert (summary.n, summary.reordered, summary.duplicated, summary.kernel_stamps) == (2, 1, 2, False)


def test_an_answer_after_it_was_given_up_takes_the_loss_back() -> None:
    stats = ProbeStats()
    stats.sent(0, 0.0)
    assert stats.expire(LATE_S) == 1
    assert stats.summary(LATE_S).lost_out == 1
    assert stats.answered(0, 0.0, 1.0, 1.0, LATE_S + 1, 1, kernel_stamp=True) is not None
    summary = stats.summary(LATE_S + 1)
    assert (summary.lost_out + summary.lost_back, summary.duplicated, summary.reordered) == (1, 0, 1) or (
        summary.lost_out + summary.lost_back == 0
    )


def test_a_loss_is_told_by_the_next_answer_and_not_three_seconds_later() -> None:
    stats = ProbeStats()
    for sequence, reflected in ((0, 1), (1, None), (2, None), (3, 3)):
        stats.sent(sequence, sequence * 0.1)
        if reflected is not None:
            at_s = sequence * 0.1
            stats.answered(sequence, at_s, at_s, at_s, at_s + 0.02, reflected, kernel_stamp=True)
    summary = stats.summary(0.5)
    assert (summary.sent, summary.lost_out, summary.lost_back) == (4, 1, 1)
    assert stats.totals == (4, 1, 1)


def test_jitter_is_that_of_rfc_3550() -> None:
    stats = ProbeStats()
    jitter = 0.0
    previous = None
    for sequence, delay_s in enumerate((0.010, 0.014, 0.010, 0.018)):
        stats.sent(sequence, float(sequence))
        stats.answered(
            sequence,
            float(sequence),
            sequence + delay_s,
            sequence + delay_s,
            sequence + 0.03,
            sequence + 1,
            kernel_stamp=True,
        )
        if previous is not None:
            difference = abs(delay_s - previous)
            jitter = difference if sequence == 1 else jitter + (difference - jitter) / 16
        previous = delay_s
    assert stats.summary(4.0).jitter_out_s == pytest.approx(jitter)


def test_a_counter_that_began_before_us_is_no_loss() -> None:
    stats = ProbeStats()
    for sequence in range(5):
        stats.sent(sequence, sequence * 0.1)
        stats.answered(sequence, 0.0, 0.0, 0.0, sequence * 0.1 + 0.01, 1001 + sequence, kernel_stamp=True)
    summary: ProbeSummary = stats.summary(10.0)
    assert (summary.lost_out, summary.lost_back) == (0, 0)
