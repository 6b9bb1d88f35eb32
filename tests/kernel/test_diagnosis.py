"""The NAT check on real NATs: right of every kind, with and without hairpin, and of two NATs in a row."""

from collections.abc import Generator

import pytest

from netstack.model.nat import Lifetime, NatReport
from netstack.net.system import SystemNet
from netstack.service.nat import NatService
from tests import expectations
from tests.expectations import said
from tests.kernel.bed import FULL_SERVER, PLAIN_SERVERS, SERVERS, SPARE, Bed, Site
from tests.kernel.conftest import Place
from tests.kernel.diagnosis import Tally, diagnose, diagnose_all, explain, settle_all
from tests.kernel.responder import honest, responder

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def reports(places: tuple[Place, ...]) -> dict[str, NatReport]:
    """One check at every place."""
    found = settle_all(places)
    tally = Tally()
    for place in places:
        tally.add(place, found[place.name])
    tally.print("every kind, no loss, all at once")
    return found


def test_every_kind_is_told_right(places: tuple[Place, ...], reports: dict[str, NatReport]) -> None:
    for place in places:
        expected = place.expected.facts(hairpin=place.hairpin)
        assert said(reports[place.name], expected) == expected, place.name


def test_the_public_address_is_the_one_that_servers_see(
    places: tuple[Place, ...], reports: dict[str, NatReport]
) -> None:
    for place in places:
        blocked = place.expected.udp == "blocked"
        expected = () if blocked else (place.site.public_host,)
        assert reports[place.name].public_addresses == expected, place.name
        assert reports[place.name].local_addresses == (place.site.client_host,), place.name


def test_honest_servers_get_no_strike_and_nothing_fails(reports: dict[str, NatReport]) -> None:
    for name, report in reports.items():
        assert [server.strikes for server in report.servers] == [0, 0, 0], name
        assert report.failure is None, name
        assert not report.provisional, name


def test_a_server_without_a_second_address_leaves_filtering_unknown(
    bed: Bed, places: tuple[Place, ...]
) -> None:
    servers = [f"stun:{host}" for host in (*PLAIN_SERVERS, SPARE)]
    with responder(bed.internet, honest):
        reports = diagnose_all(places, servers)
    for place in places:
        report, expected = reports[place.name], place.expected
        assert report.filtering == "unknown", place.name
        assert (report.mapping, report.udp) == (expected.mapping, expected.udp) or (
            # Without a second port nobody can tell on what the mapping depends.
            (report.mapping, report.verdict) == ("unknown", "strict") == ("unknown", expected.verdict)
        ), place.name
        if expected.udp == "ok" and expected.verdict != "strict":
            assert (report.verdict, report.label) == ("moderate", "unknown"), place.name
            assert report.confidence <= 0.6, place.name


def test_one_server_alone_proves_no_mapping(bed: Bed) -> None:
    bed.a.set("port-restricted")
    report = diagnose(bed.a.client, [f"stun:{PLAIN_SERVERS[0]}"])
    assert (report.udp, report.mapping, report.filtering) == ("ok", "unknown", "unknown")
    assert report.verdict == "unknown" or report.confidence <= 0.6


def test_one_server_with_two_addresses_proves_everything(bed: Bed) -> None:
    bed.a.set("address-restricted", hairpin=True)
    report = diagnose(bed.a.client, [f"stun:{FULL_SERVER}"])
    expected = expectations.nat("address-restricted").facts(hairpin=True)
    assert said(report, expected) == expected


def test_a_gateway_that_answers_strangers_is_port_restricted(bed: Bed) -> None:
    bed.a.set("linux-no-drop")
    expected = expectations.nat("port-restricted").facts()
    assert said(diagnose(bed.a.client), expected) == expected


@pytest.fixture
def third_site(bed: Bed) -> Generator[Site, None, None]:
    """One more than `a` and `b`."""
    site = bed.add_site()
    yield site
    bed.remove_site(site)


def test_a_router_that_refuses_udp_blocks_it(bed: Bed, third_site: Site) -> None:
    """Many firewalls reject (ICMP) instead of dropping; that is no sign of a server's closed port."""
    places = []
    reasons = ("admin-prohibited", "host-unreachable", "port-unreachable")
    for site, reason in zip((bed.a, bed.b, third_site), reasons, strict=True):
        site.set("port-restricted")
        rule = f"insert rule ip nat forw meta l4proto udp reject with icmp type {reason}"
        site.home.host.call("nft", rule)
        places.append(Place(reason, site, expectations.nat("udp-blocked"), hairpin=False))
    for reason, report in diagnose_all(places).items():
        expected = expectations.nat("udp-blocked").facts() | {"failure": None}
        assert said(report, expected) == expected, f"{reason}{explain(report)}"


def test_lifetime_brackets_what_the_gateway_does(bed: Bed, third_site: Site) -> None:
    kinds = {"full-cone": bed.a, "port-restricted": bed.b, "symmetric-seq": third_site}
    for kind, site in kinds.items():
        site.set(kind, idle_s=4)
    checks = {
        kind: site.client.begin(NatService(SystemNet()).check(SERVERS, lifetime=True), 40)
        for kind, site in kinds.items()
    }
    for kind, check in checks.items():
        report, expected = check.result(), expectations.nat(kind).facts()
        assert said(report, expected) == expected, f"{kind}{explain(report)}"
        assert report.lifetime == Lifetime(alive_s=3.0, gone_s=5.0), kind
