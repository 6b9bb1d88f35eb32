"""Spans of a second, ten seconds and a minute say what was in them."""

from random import Random

import pytest

from netstack.observe.downsample import Downsampler, Span


def test_each_step_covers_every_value_once() -> None:
    spans: list[Span] = []
    sampler = Downsampler(spans.append)
    random = Random(3)
    values = [random.random() for _ in range(1200)]
    for turn, value in enumerate(values):
        sampler.add(1_000_000 + turn / 10, value)
    sampler.close()
    for step_s, count in ((1, 120), (10, 12), (60, 3)):
        mine = [span for span in spans if span.step_s == step_s]
        assert len(mine) == count
        assert sum(span.n for span in mine) == len(values)
        assert min(span.least for span in mine) == min(values)
        assert max(span.most for span in mine) == max(values)
        assert sum(span.mean * span.n for span in mine) / len(values) == pytest.approx(
            sum(values) / len(values)
        )
        assert all(span.least <= span.p99 <= span.most for span in mine)
        assert all(span.at_s % step_s == 0 for span in mine)


def test_a_weighted_value_counts_as_many() -> None:
    spans: list[Span] = []
    sampler = Downsampler(spans.append)
    sampler.add(0.0, 0.5, 10)
    sampler.add(0.5, 0.0, 30)
    sampler.close()
    assert (spans[0].n, spans[0].mean) == (40, 0.125)


def test_a_pause_leaves_no_span() -> None:
    spans: list[Span] = []
    sampler = Downsampler(spans.append)
    sampler.add(0.0, 1.0)
    sampler.add(100.0, 1.0)
    sampler.close()
    assert [span.at_s for span in spans if span.step_s == 1] == [0, 100]
