import itertools

import pytest

from netstack.core.port_mapping import Grant
from netstack.core.port_mapping_lease import Change, EpochWatch, Lease

GRANT = Grant("203.0.113.101", 5000, 3600, 10)


def test_a_lease_is_renewed_at_half():
    lease = Lease(GRANT, 100.0)
    assert lease.deadline() == 1900.0
    assert lease.granted(GRANT, 1900.0) is Change.RENEWED
    assert lease.deadline() == 3700.0


def test_silence_halves_what_is_left_until_it_has_run_out():
    lease = Lease(GRANT, 0.0)
    tried = []
    while lease.failed(lease.deadline()):
        tried.append(lease.deadline())
        assert len(tried) < 20
    assert tried[:3] == [2700.0, 3150.0, 3375.0]
    assert tried[-1] == 3600.0
    assert min(b - a for a, b in itertools.pairwise(tried[:-1])) >= 4.0


def test_another_port_or_address_is_a_move():
    lease = Lease(GRANT, 0.0)
    assert lease.granted(Grant("203.0.113.101", 5001, 3600), 1800.0) is Change.MOVED
    assert lease.granted(Grant("203.0.113.102", 5001, 3600), 1900.0) is Change.MOVED


def test_what_the_gateway_forgot_is_due_now_and_tried_for_the_rest_of_the_lease():
    lease = Lease(GRANT, 0.0)
    lease.forgotten(60.0)
    assert lease.deadline() == 60.0
    assert lease.failed(60.0)


def test_a_lease_of_seconds_does_not_spin():
    lease = Lease(Grant("203.0.113.101", 5000, 2), 0.0)
    assert lease.granted(Grant("203.0.113.101", 5000, 1), 1.0) is Change.RENEWED
    assert lease.deadline() == 5.0


@pytest.mark.parametrize(
    ("pcp", "epoch_s", "lost"),
    [
        (True, 160, False),
        (True, 158, False),
        (True, 150, True),  # RFC 6887 8.5: slower than 15/16
        (True, 175, True),  # and faster
        (True, 0, True),
        (False, 160, False),
        (False, 151, False),
        (False, 150, True),  # RFC 6886 3.6: slower than 7/8 and 2 s
        (False, 900, False),
        (False, 0, True),
    ],
)
def test_an_uptime_that_jumps_means_a_restart(pcp, epoch_s, lost):
    watch = EpochWatch(pcp=pcp)
    assert not watch.lost_state(100, 1000.0)
    assert watch.lost_state(epoch_s, 1060.0) is lost
