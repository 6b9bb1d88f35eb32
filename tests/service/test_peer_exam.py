"""The doctor with a live peer in the lab: both networks as a pair, and the way between them."""

from random import Random

import pytest

from netstack.core.identity import Identity
from netstack.core.session_code import SessionCode
from netstack.lab.duel import duel
from netstack.lab.lab import Lab
from netstack.model.doctor import DoctorReport, Rung, Severity, Side
from netstack.model.meeting import MeetingError, Role
from netstack.model.pair import PairRoute
from netstack.model.port_mapping import Carried
from netstack.rendezvous.memory import MemoryDriver, MemoryHub
from netstack.service.chat import Chat
from netstack.service.doctor import Doctor
from netstack.service.peer_book import PeerBook
from netstack.service.peer_exam import examine_peer
from netstack.service.peers import Peers
from netstack.tasks import TaskScope

CODE = SessionCode("482915", ("amber", "walnut", "kayak"))


def _peers(lab: Lab, name: str) -> Peers:
    net = lab.net(name)
    identity = Identity(net.random_bytes(32))
    return Peers(net, identity, PeerBook(), name=name, stun=lab.stun_servers, turn=lab.turn_servers)


async def _host(lab: Lab, peers: Peers, hub: MemoryHub) -> None:
    met = await peers.meet(Role.HOST, CODE, [MemoryDriver(hub)])
    chat = Chat(lab.net("ben"), met.connection, peer_key=met.established.peer_key, initiator=False, echo=True)
    await chat.run()


def _examine(anna_kind: str, ben_kind: str, *, hidden: bool = False) -> DoctorReport:
    async def work(lab: Lab) -> DoctorReport:
        net, hub = lab.net("anna"), MemoryHub()
        doctor, ours, theirs = Doctor(net), _peers(lab, "anna"), _peers(lab, "ben")
        async with TaskScope("test") as tasks:
            tasks.start(_host(lab, theirs, hub), "ben")
            await doctor.examine(lab.stun_servers, lab.turn_servers)
            await doctor.look_at_ports([(Carried.TCP, 7777)])
            report = await examine_peer(net, doctor, ours, CODE, [MemoryDriver(hub)], hidden=hidden)
            await ours.close()
            await theirs.close()
        return report

    return Lab(duel(anna_kind, ben_kind, Random(3))).run(work)


def test_two_ordinary_homes_are_connected_as_well_as_they_can_be() -> None:
    report = _examine("port-restricted", "port-restricted")
    assert report.peer is not None
    assert (report.peer.name, report.peer.kind, report.peer.pair.actual) == (
        "ben",
        "direct",
        PairRoute.DIRECT,
    )
    assert report.peer.probes.sent == report.peer.probes.n == 150
    assert report.peer.probes.p50_s == pytest.approx(_rtt_s(), rel=0.2)
    assert not [f for f in report.findings if f.rule.startswith("pair.")]
    end = report.segments[-1]
    assert (end.rung, end.sent, end.answered) == (Rung.PEER, 150, 150)
    assert report.ports[0].reachable is False
    assert "asked ben" in report.ports[0].reachable_text


def _rtt_s() -> float:
    """Both boxes' links, there and back, and a little for the way inside."""
    boxes = duel("port-restricted", "port-restricted", Random(3)).box
    return 2 * sum(box.link.delay_s for box in boxes)


@pytest.mark.parametrize(
    ("anna", "ben", "side"),
    [("port-restricted", "symmetric", Side.PEER), ("symmetric", "port-restricted", Side.ROUTER)],
)
def test_a_relay_is_told_with_whose_side_it_is(anna: str, ben: str, side: Side) -> None:
    report = _examine(anna, ben)
    assert report.peer is not None
    assert report.peer.kind == "relay"
    (pair,) = [f for f in report.findings if f.rule.startswith("pair.")]
    assert (pair.rule, pair.side, pair.severity) == ("pair.maps-per-destination", side, Severity.HINT)
    assert "relay expected; got a relay" in pair.evidence[0]
    assert bool(pair.letter) is (side is Side.PEER)


def test_a_peer_that_never_comes_leaves_our_own_side_as_it_was() -> None:
    async def work(lab: Lab) -> DoctorReport:
        net = lab.net("anna")
        doctor, ours = Doctor(net), _peers(lab, "anna")
        await doctor.examine(lab.stun_servers)
        with pytest.raises(MeetingError):
            await examine_peer(net, doctor, ours, CODE, [MemoryDriver(MemoryHub())])
        await ours.close()
        return doctor.known()

    report = Lab(duel("port-restricted", "open", Random(3))).run(work)
    assert report.peer is None
    assert report.nat is not None
    assert report.nat.verdict == "moderate"


def test_who_hides_the_address_meets_by_a_relay_and_lets_nobody_knock() -> None:
    report = _examine("port-restricted", "port-restricted", hidden=True)
    assert report.peer is not None
    assert report.peer.kind == "relay"
    assert report.ports[0].reachable is None
    assert "your address is hidden" in report.ports[0].reachable_text
