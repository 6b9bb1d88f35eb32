"""The doctor behind NATs of the kernel: what it finds, and where on the way it is bad."""

from collections.abc import Iterator

import pytest

from netstack.model.doctor import DoctorReport, Rung, Severity
from netstack.net.system import SystemNet
from netstack.service.doctor import Doctor
from tests.kernel.bed import SERVERS, Bed, Site

pytestmark = pytest.mark.kernel

EXAMINE_S = 30
WITHIN_S = 15


@pytest.fixture
def site(bed: Bed) -> Iterator[Site]:
    site = bed.add_site(wire=True)
    yield site
    bed.remove_site(site)


def _examine(site: Site) -> DoctorReport:
    return site.client.run(Doctor(SystemNet()).examine(SERVERS), EXAMINE_S)


def test_the_router_tells_how_far_it_is_and_a_healthy_line_has_no_problem(site: Site) -> None:
    site.set("port-restricted")
    report = _examine(site)
    assert [f.rule for f in report.findings if f.severity is Severity.PROBLEM] == []
    assert report.duration_s < WITHIN_S
    first, last = report.segments[0], report.segments[-1]
    assert (first.rung, first.hop, first.host) == (Rung.ROUTER, 1, report.nat.gateway)
    assert first.answered == first.sent
    assert last.rung is Rung.SERVER
    assert first.rtt_p50_s < last.rtt_p50_s


def test_a_line_that_loses_packets_behind_the_router_is_not_blamed_on_the_home(site: Site) -> None:
    site.set("symmetric")
    site.wire.set(loss=0.15, seed=1)
    report = _examine(site)
    rules = {f.rule: f for f in report.findings}
    assert {"nat.strict", "loss.bursty"} <= rules.keys()
    assert report.segments[0].answered == report.segments[0].sent
    assert report.bad_from != "home"
