"""The doctor behind NATs of the kernel: what it finds, and where on the way it is bad."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from netstack.model.doctor import DoctorReport, Rung, Severity
from netstack.model.nat import Verdict
from netstack.net.protocol import HostFirewall
from netstack.net.system import SystemNet
from netstack.service.doctor import Doctor
from netstack.service.web_check import check_web
from tests.kernel.bed import PLAIN_SERVERS, SERVERS, Bed, Site, wait_until
from tests.kernel.conftest import Place

pytestmark = pytest.mark.kernel

EXAMINE_S = 30
PAGE = """
import sys
from http.server import SimpleHTTPRequestHandler
from socketserver import TCPServer

with TCPServer((sys.argv[1], 80), SimpleHTTPRequestHandler) as server:
    print("Serving")
    server.serve_forever()
"""
LED_TO_THE_PAGE = """
table ip login {{
    chain pre {{
        type nat hook prerouting priority -101;
        iifname "lan" tcp dport 80 dnat to {page}:80
    }}
}}
"""
ONLY_ANSWERS = """
table inet own {
    chain in {
        type filter hook input priority 0; policy drop;
        ct state established,related accept
    }
}
"""
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
    assert site.wire is not None
    site.wire.set(delay_s=0.02)
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


def test_every_kind_of_nat_gives_its_problem_and_no_other(places: tuple[Place, ...]) -> None:
    asked = [place for place in places if not place.hairpin]
    checks = {
        place.name: place.site.client.begin(Doctor(SystemNet()).examine(SERVERS), EXAMINE_S)
        for place in asked
    }
    for place in asked:
        report = checks[place.name].result()
        problems = {f.rule for f in report.findings if f.severity is Severity.PROBLEM}
        expected = _problems(place.expected.facts())
        assert problems <= expected, f"{place.name}: {problems}"
        if report.nat.verdict is not Verdict.UNKNOWN:
            assert problems == expected, f"{place.name}: {problems}"


def _problems(facts: dict[str, object]) -> set[str]:
    """What such a network's user must hear; a carrier's NAT is seen only where the router tells its address."""
    return {"strict": {"nat.strict"}, "blocked": {"udp.blocked"}}.get(str(facts["verdict"]), set())


def test_a_login_page_in_the_way_and_this_computers_firewall_are_seen(site: Site, log_path: Path) -> None:
    site.set("port-restricted")
    gateway, client = site.home.host, site.client
    page = gateway.start([sys.executable, "-u", "-c", PAGE, site.home.inside], log_path)
    gateway.call("nft", "-f", "-", text=LED_TO_THE_PAGE.format(page=site.home.inside))
    client.call("nft", "-f", "-", text=ONLY_ANSWERS)
    try:
        wait_until(lambda: b"Serving" in log_path.read_bytes(), "the page did not start", log_path)
        (answer,) = client.run(check_web(SystemNet(), [f"http://{PLAIN_SERVERS[0]}/"]))
        firewall = client.run(SystemNet().firewall())
    finally:
        client.call("nft", "delete table inet own")
        gateway.call("nft", "delete table ip login")
        gateway.stop(page)
    assert answer.portal is True, answer
    assert firewall == HostFirewall("nftables (own)", drops_unasked=True)
