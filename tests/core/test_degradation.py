"""A path that gets worse is told of once, with what it was; one that merely wobbles is not."""

from random import Random

import pytest

from netstack.core.degradation import LASTS_S, Watch
from netstack.model.path import Degradation


def feed(
    watch: Watch, seconds: int, rtt_s: float, lost: int = 0, at_s: float = 0.0
) -> list[Degradation | None]:
    return [watch.second([rtt_s] * (10 - lost), 10, lost, at_s + second) for second in range(seconds)]


def test_a_rise_is_told_with_before_and_now_and_goes_when_it_is_well_again() -> None:
    watch = Watch()
    assert feed(watch, 60, 0.02)[-1] is None
    found = [each for each in feed(watch, 20, 0.09, at_s=60) if each]
    assert found[0].what == "rtt"
    assert (found[-1].before, found[-1].now) == (0.02, pytest.approx(0.09))
    assert {each.since_s for each in found} == {found[0].since_s}
    assert feed(watch, 10, 0.02, at_s=80)[-1] is None


def test_loss_is_told_too() -> None:
    watch = Watch()
    feed(watch, 60, 0.02)
    found = feed(watch, 10, 0.02, lost=2, at_s=60)[-1]
    assert found is not None
    assert (found.what, found.before) == ("loss", 0.0)
    assert 0.1 <= found.now <= 0.2


def test_without_a_past_nothing_is_said() -> None:
    assert feed(Watch(), 20, 0.5) == [None] * 20


def test_a_wobble_is_nothing() -> None:
    random, watch = Random(1), Watch()
    for second in range(600):
        rtts = [0.03 + random.expovariate(100) for _ in range(10)]
        lost = int(random.random() < 0.05)
        assert watch.second(rtts[lost:], 10, lost, second) is None


def test_what_stays_becomes_normal() -> None:
    watch = Watch()
    feed(watch, 60, 0.02)
    told = feed(watch, int(LASTS_S) + 60, 0.09, at_s=60)
    assert told[60] is not None
    assert told[-1] is None
