"""What the doctor's measurements prove, and what they leave open."""

import pytest

from netstack.core.doctor_facts import GROUPS, UNMEASURED, blank, name_facts, size_facts, way_facts
from netstack.model.doctor import Quality, Rung, Segment


def segment(rung: Rung, sent: int, answered: int, rtt_s: float | None = 0.01) -> Segment:
    return Segment(rung, "192.0.2.1", 1, sent, answered, rtt_s)


def way(router: Segment | None, internet: Segment | None, end: Segment) -> dict:
    return way_facts(tuple(each for each in (router, internet, end) if each))


def test_every_fact_has_one_measurement_or_none() -> None:
    named = [fact for facts in GROUPS.values() for fact in facts] + list(UNMEASURED)
    assert sorted(named) == sorted(blank())
    assert set(blank().values()) == {None}


R, N, S = Rung.ROUTER, Rung.INTERNET, Rung.SERVER


@pytest.mark.parametrize(
    ("router", "internet", "end", "where"),
    [
        (segment(R, 10, 6), segment(N, 10, 5), segment(S, 200, 120), "home"),
        (segment(R, 10, 6), None, segment(S, 200, 120), "home"),
        (segment(R, 10, 10), segment(N, 10, 5), segment(S, 200, 120), "line"),
        (segment(R, 10, 10), segment(N, 10, 10), segment(S, 200, 120), "beyond"),
        # a middle hop alone proves nothing: behind it nothing is lost
        (segment(R, 10, 3), segment(N, 10, 10), segment(S, 200, 200), None),
        (segment(R, 10, 3), segment(N, 10, 10), segment(S, 200, 150), None),
        # ten probes cannot tell five per cent from none
        (segment(R, 10, 10), segment(N, 10, 10), segment(S, 200, 190), None),
        (None, None, segment(S, 200, 120), None),
        (segment(R, 10, 0, None), segment(N, 10, 0, None), segment(S, 200, 120), None),
        (segment(R, 10, 6), segment(N, 10, 5), segment(S, 200, 0, None), None),
    ],
)
def test_loss_is_blamed_on_the_first_stretch_that_is_bad_to_the_end(router, internet, end, where) -> None:
    assert way(router, internet, end)["lossy_from"] == where


@pytest.mark.parametrize(
    ("router_s", "internet_s", "end_s", "where"),
    [
        (0.4, 0.45, 0.5, "home"),
        (0.002, 0.6, 0.62, "line"),
        (0.002, 0.02, 0.3, "beyond"),
        (None, 0.6, 0.62, None),
        (0.002, None, 0.62, None),
        (0.002, 0.6, None, None),
    ],
)
def test_time_is_spent_where_more_than_half_of_it_passes(router_s, internet_s, end_s, where) -> None:
    near = [segment(rung, 10, 10, at_s) for rung, at_s in ((R, router_s), (N, internet_s)) if at_s]
    assert way_facts((*near, segment(S, 200, 200, end_s)))["slow_from"] == where


def test_one_name_that_is_missing_is_no_failing_resolver() -> None:
    assert name_facts((("a.example", 0.01), ("b.example", None))) == {"dns": "ok"}
    assert name_facts((("a.example", None),)) == {"dns": "failing"}
    assert name_facts(()) == {"dns": "ok"}


def test_the_size_that_passes_counts_its_headers() -> None:
    facts = size_facts(Quality("a", 0, 0, mtu_bytes=1232, mtu_sent_bytes=1452), 48)
    assert (facts["mtu_blackhole"], facts["ip_bytes"]) == (True, 1280)
