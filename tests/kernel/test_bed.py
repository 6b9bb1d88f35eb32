"""The bed is what it claims to be: two programs that nobody here wrote say so of every NAT in it."""

import re
import socket
import threading
import time

import pytest

from netstack.model.nat import Mapping
from tests.kernel import oracles
from tests.kernel.bed import FULL_SERVER, FULL_SERVER_OTHER, PLAIN_SERVERS, SPARE, Bed, Site
from tests.kernel.conftest import Place, everywhere
from tests.kernel.namespaces import BedError, Host
from tests.kernel.nat_rules import NO_DROP
from tests.kernel.stun_by_hand import ask, round_trip_s

pytestmark = pytest.mark.kernel

CLASSIC = {
    "open": "Open",
    "firewall": "Firewall",
    "full-cone": "Independent Mapping, Independent Filter, preserves ports",
    "address-restricted": "Independent Mapping, Address Dependent Filter, preserves ports",
    "port-restricted": "Independent Mapping, Port Dependent Filter, preserves ports",
    "port-restricted-nopreserve": "Independent Mapping, Port Dependent Filter, random port",
    "addr-dep-mapping": "Dependent Mapping, random port",
    "symmetric": "Dependent Mapping, random port",
    "symmetric-seq": "Dependent Mapping, random port",
    "udp-blocked": "Blocked or could not reach STUN server",
    "port-restricted > symmetric": "Dependent Mapping, random port",
    "port-restricted > port-restricted-nopreserve": "Independent Mapping, Port Dependent Filter, random port",
    "port-restricted > full-cone": "Independent Mapping, Port Dependent Filter, preserves ports",
}


def _translates(place: Place) -> bool:
    return place.expected.mapping not in {Mapping.NONE, Mapping.UNKNOWN}


@pytest.fixture(scope="module")
def said(places: tuple[Place, ...]) -> dict[str, oracles.Said]:
    """What the oracles say, by the place's name."""
    return everywhere(places, lambda _: oracles.ask_all())


def test_mapping_by_natdiscovery(places: tuple[Place, ...], said: dict[str, oracles.Said]) -> None:
    # It compares answers with each other only, so no translation looks endpoint-independent to it.
    words = {Mapping.NONE: Mapping.ENDPOINT_INDEPENDENT, Mapping.UNKNOWN: None}
    for place in places:
        expected = place.expected.mapping
        assert said[place.name].mapping == words.get(expected, expected), place.name


def test_filtering_by_natdiscovery(places: tuple[Place, ...], said: dict[str, oracles.Said]) -> None:
    for place in places:
        expected = None if place.expected.udp == "blocked" else place.expected.filtering
        assert said[place.name].filtering == expected, place.name


def test_hairpin_by_natdiscovery(places: tuple[Place, ...], said: dict[str, oracles.Said]) -> None:
    for place in filter(_translates, places):
        expected = bool(place.expected.hairpin and place.expected.hairpin[place.hairpin])
        assert said[place.name].hairpin is expected, place.name


def test_verdict_by_vovida(places: tuple[Place, ...], said: dict[str, oracles.Said]) -> None:
    for place in places:
        words = f"Primary: {CLASSIC[place.name.partition(',')[0]]}"
        if _translates(place):
            will = place.expected.hairpin and place.expected.hairpin[place.hairpin]
            words += ", will hairpin" if will else ", no hairpin"
        assert said[place.name].classic == words, place.name


def test_a_mapping_lives_as_long_as_the_gateway_is_told(bed: Bed) -> None:
    for site in (bed.a, bed.b):
        site.set("port-restricted", idle_s=3)
    early = bed.a.client.submit(oracles.mapping_outlives, 2)
    late = bed.b.client.submit(oracles.mapping_outlives, 4)
    assert early.result()
    assert not late.result()


def test_the_sequential_nat_counts(bed: Bed) -> None:
    bed.a.set("symmetric-seq")
    with bed.a.client.do(_udp_socket) as client:
        ports = [ask(client, (host, 3478))[1] for host in (FULL_SERVER, FULL_SERVER_OTHER, *PLAIN_SERVERS)]
    assert ports == list(range(ports[0], ports[0] + 4))


def test_two_clients_with_one_port_keep_their_own_mappings(bed: Bed) -> None:
    site = bed.add_site()
    try:
        neighbour = site.add_neighbour()
        site.set("port-restricted")
        seen = []
        for host in (site.client, neighbour):
            with host.do(_udp_socket, 6000) as client:
                seen.append({ask(client, (server, 3478)) for server in (FULL_SERVER, *PLAIN_SERVERS)})
    finally:
        bed.remove_site(site)
    first, second = seen
    assert first == {(site.public, 6000)}
    assert len(second) == 1
    assert second != first


@pytest.mark.parametrize(("kind", "keeps_its_port"), [("port-restricted", True), (NO_DROP, False)])
def test_an_early_stranger_costs_the_port_only_where_the_gateway_listens(
    bed: Bed, kind: str, keeps_its_port: bool
) -> None:
    """Linux counts a stranger's packet to the gateway as a flow, which then holds the port."""
    bed.a.set(kind)
    with bed.a.client.do(_udp_socket, 5555) as client, bed.internet.do(_udp_socket, 7000, SPARE) as stranger:
        assert ask(client, (FULL_SERVER, 3478)) == (bed.a.public, 5555)
        stranger.sendto(b"early", (bed.a.public, 5555))
        client.sendto(b"late", (SPARE, 7000))
        seen = stranger.recvfrom(100)[1]
    assert (seen == (bed.a.public, 5555)) is keeps_its_port


def test_a_wire_delays_every_packet_and_loses_the_same_ones_again(bed: Bed) -> None:
    site = bed.add_site(wire=True)
    try:
        site.set("port-restricted")
        assert site.wire
        site.wire.set(delay_s=0.02)
        with site.client.do(_udp_socket) as client:
            ask(client, (FULL_SERVER, 3478))
            assert round_trip_s(client, (FULL_SERVER, 3478)) >= 0.04
        tallies = []
        for _ in range(2):
            site.wire.set(loss=0.1, seed=7)
            _flood(site, 500)
            tallies += re.findall(r"out: (\d+) lost of (\d+)", site.wire.cut())
    finally:
        bed.remove_site(site)
    assert tallies[0] == tallies[1]
    lost, sent = map(int, tallies[0])
    assert sent == 500
    assert 25 <= lost <= 80


def _flood(site: Site, packets: int) -> None:
    with site.client.do(_udp_socket) as client:
        for _ in range(packets):
            client.sendto(b"", (FULL_SERVER, 9))
            time.sleep(0.0005)  # the queue of a TAP is short
    time.sleep(0.1)


def test_nothing_is_left_of_a_site(bed: Bed) -> None:
    threads = threading.active_count()
    before = bed.internet.call("ip", "-br", "link").stdout
    site = bed.add_site(carrier=True, wire=True)
    bed.remove_site(site)
    after = bed.internet.call("ip", "-br", "link").stdout
    assert after == before
    assert threading.active_count() == threads


def test_a_program_that_is_missing_is_named() -> None:
    with Host("lonely") as host, pytest.raises(BedError, match="no-such-server is not installed"):
        host.call("no-such-server")


def _udp_socket(port: int = 0, host: str = "0.0.0.0") -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(1)
    sock.bind((host, port))
    return sock
