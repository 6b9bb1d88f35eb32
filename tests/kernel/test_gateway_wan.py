"""The NAT check asks the router for its outside address (NAT-PMP), and believes no nonsense."""

import struct
from collections.abc import Generator
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from netstack.model.nat import NatReport
from tests import expectations
from tests.expectations import said
from tests.kernel.bed import Bed, Site
from tests.kernel.diagnosis import diagnose, explain
from tests.kernel.gateway_daemon import OUTSIDE, GatewayDaemon
from tests.kernel.responder import Habit, responder

pytestmark = pytest.mark.kernel

NAT_PMP_PORT = 5351


def _facts_hold(report: NatReport) -> None:
    expected = expectations.nat("port-restricted").facts()
    assert said(report, expected) == expected, explain(report)


@pytest.fixture
def public_site(bed: Bed) -> Generator[Site, None, None]:
    """A site whose router translates to OUTSIDE."""
    site = bed.add_site()
    site.home.outside = OUTSIDE
    site.home.host.ip(f"addr add {OUTSIDE}/32 dev wan")
    bed.internet.ip(f"route replace {OUTSIDE} via {site.public}")
    site.set("port-restricted")
    yield site
    bed.remove_site(site)


def _diagnose_with_daemon(site: Site, folder: Path, outside: str | None) -> NatReport:
    daemon = GatewayDaemon(site, folder)
    try:
        daemon.start(outside=outside)
        oracle = site.client.call("natpmpc", check=False).stdout
        assert (f"Public IP address : {outside}" in oracle) is (outside is not None)
        return diagnose(site.client)
    finally:
        daemon.stop()


def test_the_router_tells_the_address_that_servers_see(public_site: Site, tmp_path: Path) -> None:
    report = _diagnose_with_daemon(public_site, tmp_path, OUTSIDE)
    assert report.gateway == public_site.home.inside
    assert report.gateway_wan == OUTSIDE
    assert report.public_addresses == (OUTSIDE,)
    assert (report.double_nat, report.cgnat) == (False, False)
    _facts_hold(report)


def test_a_router_with_another_address_is_behind_a_second_nat(bed: Bed, tmp_path: Path) -> None:
    bed.a.set("port-restricted")
    report = _diagnose_with_daemon(bed.a, tmp_path, OUTSIDE)
    assert (report.gateway_wan, report.double_nat) == (OUTSIDE, True)
    _facts_hold(report)


def test_a_router_that_knows_no_address_tells_nothing(bed: Bed, tmp_path: Path) -> None:
    bed.a.set("port-restricted")
    report = _diagnose_with_daemon(bed.a, tmp_path, None)
    assert (report.gateway_wan, report.double_nat, report.cgnat) == (None, None, None)
    _facts_hold(report)


def _says(host: str, code: int = 0) -> Habit:
    return lambda *_: [struct.pack(">BBHI4s", 0, 128, code, 1, IPv4Address(host).packed)]


def test_behind_a_carrier_the_router_gives_it_away(bed: Bed) -> None:
    site = bed.add_site(carrier=True)
    try:
        site.set("port-restricted", carrier="symmetric")
        with responder(site.home.host, _says(site.home.outside), site.home.inside, NAT_PMP_PORT):
            report = diagnose(site.client)
    finally:
        bed.remove_site(site)
    assert report.gateway_wan == f"100.64.{site.number}.2"
    assert (report.cgnat, report.double_nat) == (True, True)
    expected = expectations.chain("port-restricted", "symmetric").facts()
    assert said(report, expected) == expected, explain(report)


@pytest.mark.parametrize(
    "habit",
    [
        _says("0.0.0.0"),
        _says("127.0.0.1"),
        _says("224.0.0.1"),
        _says("10.0.0.1"),
        _says("203.0.113.9", 3),
        lambda *_: [b"\0" * 12],
        lambda *_: [b"\0\x80\0\0"],
        lambda *_: [b"\0\x81" + b"\0" * 10],
        lambda *_: [b"\xff" * 1400],
        lambda *_: [],
    ],
    ids=[
        "no address",
        "loopback",
        "multicast",
        "itself",
        "failure",
        "wrong opcode",
        "cut short",
        "other answer",
        "noise",
        "silence",
    ],
)
def test_a_router_that_talks_nonsense_is_not_believed(bed: Bed, habit: Habit) -> None:
    bed.a.set("port-restricted")
    assert bed.a.home.inside == "10.0.0.1"
    with responder(bed.a.home.host, habit, bed.a.home.inside, NAT_PMP_PORT):
        report = diagnose(bed.a.client)
    assert report.gateway_wan is None, explain(report)
    _facts_hold(report)
