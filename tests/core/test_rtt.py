import pytest

from netstack.core.rtt import RttEstimator


def test_the_first_sample_sets_everything():
    rtt = RttEstimator()
    rtt.add(0.100)
    assert (rtt.smoothed_s, rtt.variation_s, rtt.least_s, rtt.latest_s) == (0.100, 0.050, 0.100, 0.100)
    assert rtt.probe_timeout_s(0.025) == pytest.approx(0.100 + 0.200 + 0.025)


def test_later_samples_follow_rfc_9002_section_5_3():
    rtt = RttEstimator()
    rtt.add(0.100)
    rtt.add(0.200)
    assert rtt.smoothed_s == pytest.approx(0.1125)
    assert rtt.variation_s == pytest.approx(0.0625)


def test_the_peers_delay_is_subtracted_but_never_below_the_least():
    rtt = RttEstimator()
    rtt.add(0.100)
    assert rtt.add(0.130, 0.020) == pytest.approx(0.110)
    assert rtt.add(0.105, 0.020) == pytest.approx(0.105)
    assert rtt.least_s == 0.100
