"""After the first way: both see both ladders and one verdict; better ways are taken later; a network may change."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import NamedTuple

import msgspec
import pytest

from netstack.core.identity import Identity
from netstack.core.session_code import SessionCode
from netstack.lab.duel import duel
from netstack.lab.lab import Lab
from netstack.lab.link import Port
from netstack.lab.matrix import _SERVERS
from netstack.lab.packet import Packet
from netstack.model.meeting import Role
from netstack.model.pair import PairCause, PairRoute, PairSide
from netstack.rendezvous.memory import MemoryDriver, MemoryHub
from netstack.service.attempt import Attempt, Met
from netstack.service.peer_book import PeerBook
from netstack.service.peers import Peers
from netstack.service.port_mapping import PortMappingService
from netstack.service.signalling import Signalling
from netstack.service.traversal import Reached, TraversalError
from netstack.tasks import TaskScope
from netstack.wire.candidate_note import CandidateNote, encode

CODE = SessionCode("482915", ("amber", "walnut", "kayak"))


class Side(NamedTuple):
    """One of the two."""

    met: Met
    attempt: Attempt
    moves: list[Reached]

    @property
    def now(self) -> Reached:
        return self.moves[-1] if self.moves else self.met.reached


async def _together(
    lab: Lab,
    story: Callable[[Side, Side], Awaitable[None]],
    *,
    relay: bool = True,
    hidden: tuple[bool, bool] = (False, False),
    maps: tuple[bool, bool] = (False, False),
) -> None:
    hub = MemoryHub()
    moves: tuple[list[Reached], list[Reached]] = ([], [])
    attempts = [Attempt(moved=moves[n].append, hidden=hidden[n]) for n in (0, 1)]
    people = [
        Peers(
            lab.net(name),
            Identity(bytes((number,)) * 32),
            PeerBook(),
            name=name,
            stun=lab.stun_servers,
            turn=lab.turn_servers if relay else (),
        )
        for number, name in enumerate(("anna", "ben"), 1)
    ]

    services = [PortMappingService(lab.net(name)) for name in ("anna", "ben")]
    for person, service, wanted in zip(people, services, maps, strict=True):
        service.allow(wanted)
        person.mappings = service if wanted else None

    def drivers() -> list[MemoryDriver]:
        return [MemoryDriver(hub)]

    async with TaskScope("test") as tasks:
        try:
            meeting = [
                tasks.start(person.meet(role, CODE, drivers(), attempt, make_drivers=drivers), role.value)
                for person, role, attempt in zip(people, (Role.HOST, Role.GUEST), attempts, strict=True)
            ]
            met = [await each for each in meeting]
            await story(
                *(Side(m, attempt, moved) for m, attempt, moved in zip(met, attempts, moves, strict=True))
            )
        finally:
            for person in people:
                await person.close()
            await asyncio.sleep(1)
            assert [service.mappings for service in services] == [(), ()]  # the router keeps nothing
            for service in services:
                await service.close()


async def _echo(one: Side, other: Side, word: bytes) -> None:
    async with asyncio.timeout(30):
        await one.met.connection.send(word, wait=True)
        assert (await other.met.connection.receive()).data == word
        await other.met.connection.send(word, wait=True)
        assert (await one.met.connection.receive()).data == word


def _duel(a: str, b: str) -> Lab:
    return Lab(msgspec.structs.replace(duel(a, b, Random(7)), server=_SERVERS), seed=7)


def test_both_sides_see_both_ladders_and_one_verdict() -> None:
    async def story(anna: Side, ben: Side) -> None:
        await asyncio.sleep(20)
        verdicts = [side.attempt.verdict(side.now) for side in (anna, ben)]
        assert [verdict and verdict.cause for verdict in verdicts] == [PairCause.MAPS_PER_DESTINATION] * 2
        assert [verdict and verdict.side for verdict in verdicts] == [PairSide.OURS, PairSide.THEIRS]
        assert [verdict and verdict.actual for verdict in verdicts] == [PairRoute.RELAY] * 2
        assert verdicts[1] is not None
        assert verdicts[1].sentence == (
            "Moderate + Strict: a relay expected; got a relay; anna's router maps per destination."
        )
        for one, other in ((anna, ben), (ben, anna)):
            told = one.attempt.their_stories
            assert told is not None
            assert [(each.kind, each.state) for each in told] == [
                (each.kind, each.state) for each in other.attempt.stories[: len(told)]
            ]

    _duel("symmetric", "port-restricted").run(lambda lab: _together(lab, story))


@pytest.mark.parametrize("maps", [(True, False), (False, True)])
def test_a_port_that_the_router_opens_makes_strict_networks_direct(maps: tuple[bool, bool]) -> None:
    async def story(anna: Side, ben: Side) -> None:
        await asyncio.sleep(8)
        for side in (anna, ben):
            assert (side.now.kind, side.now.transport.value) == ("direct", "udp")
            verdict = side.attempt.verdict(side.now)
            assert verdict is not None
            assert (verdict.expected, verdict.cause) == (PairRoute.DIRECT, PairCause.AS_EXPECTED)
        await _echo(anna, ben, b"through a port that the router opened")

    made = duel("symmetric", "symmetric", Random(7))
    boxes = tuple(msgspec.structs.replace(box, maps_ports=True) for box in made.box)
    lab = Lab(msgspec.structs.replace(made, box=boxes, server=_SERVERS), seed=7)
    lab.run(lambda lab: _together(lab, story, maps=maps))


def test_also_where_no_way_is_found_both_know_what_the_other_tried() -> None:
    async def meet(lab: Lab) -> None:
        attempts = [Attempt(), Attempt()]
        hub = MemoryHub()
        loop = asyncio.get_running_loop()
        people = [
            Peers(lab.net(name), Identity(bytes((n,)) * 32), PeerBook(), name=name, stun=lab.stun_servers)
            for n, name in enumerate(("anna", "ben"), 1)
        ]
        async with TaskScope("test") as tasks:
            began_s = loop.time()
            meeting = [
                tasks.start(_refused(person.meet(role, CODE, [MemoryDriver(hub)], attempt)), role.value)
                for person, role, attempt in zip(people, Role, attempts, strict=True)
            ]
            for each in meeting:
                await each
            assert loop.time() - began_s < 12  # both networks are known: nobody waits for the whole time
        for attempt in attempts:
            verdict = attempt.verdict(None)
            assert verdict is not None
            assert (verdict.actual, verdict.cause) == (PairRoute.NONE, PairCause.MAPS_PER_DESTINATION)
            assert "Relays page" in verdict.remedy
            assert attempt.their_stories
        for person in people:
            await person.close()

    Lab(duel("symmetric", "port-restricted", Random(7)), seed=7).run(meet)


async def _refused(meeting: Awaitable[Met]) -> None:
    with pytest.raises(TraversalError):
        await meeting


@pytest.mark.parametrize(("a", "b"), [("udp-blocked", "open"), ("open", "udp-blocked")])
def test_whoever_is_blocked_a_relay_gives_way_to_tcp(a: str, b: str) -> None:
    async def story(anna: Side, ben: Side) -> None:
        await asyncio.sleep(6)
        for side in (anna, ben):
            assert (side.now.kind, side.now.transport.value) == ("direct", "tcp")
            verdict = side.attempt.verdict(side.now)
            assert verdict is not None
            # The filter of an open network is not looked at by gathering alone.
            assert (verdict.expected, verdict.cause) == (PairRoute.UNKNOWN, PairCause.AS_EXPECTED)
        await _echo(anna, ben, b"over tcp")

    _duel(a, b).run(lambda lab: _together(lab, story))


@pytest.mark.parametrize(("a", "b"), [("udp-blocked", "open"), ("open", "udp-blocked")])
def test_tcp_is_dialled_by_whoever_can_even_without_a_relay(a: str, b: str) -> None:
    async def story(anna: Side, ben: Side) -> None:
        assert anna.now.transport.value == "tcp"
        await _echo(anna, ben, b"over tcp")

    _duel(a, b).run(lambda lab: _together(lab, story, relay=False))


@pytest.mark.parametrize("hides", [0, 1])
@pytest.mark.parametrize("kind", ["open", "port-restricted"])
def test_who_hides_the_address_is_seen_by_the_relay_alone(kind: str, hides: int) -> None:
    notes: list[tuple[Signalling, bytes]] = []
    told: list[bytes] = []
    packets: list[tuple[str, str]] = []

    async def meet(lab: Lab) -> None:
        receive, send = lab.internet.receive, Signalling.send
        name = lab.scenario.pair[hides]
        own = {host for each in lab.hosts[name].interfaces for host in each.hosts}
        own.add(lab.boxes[f"{name}-router"].wan_host)
        relay = next(server.hosts[0] for server in _SERVERS if server.kind == "turn")

        def look(packet: Packet, port: Port) -> None:
            packets.append((packet.src.host, packet.dst.host))
            receive(packet, port)

        lab.internet.receive = look  # type: ignore[method-assign]

        async def story(anna: Side, ben: Side) -> None:
            await asyncio.sleep(16)
            for side in (anna, ben):
                assert side.now.kind == "relay"
                verdict = side.attempt.verdict(side.now)
                assert verdict is not None
                assert (verdict.expected, verdict.cause) == (PairRoute.RELAY, PairCause.HIDDEN_ADDRESS)
            await _echo(anna, ben, b"hidden")
            traversal = (anna, ben)[hides].attempt.traversal
            assert traversal is not None
            told.extend(data for who, data in notes if who is traversal.signalling)

        def tell(signalling: Signalling, note: CandidateNote) -> None:
            notes.append((signalling, encode(note)))
            send(signalling, note)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Signalling, "send", tell)
            await _together(lab, story, hidden=(hides == 0, hides == 1))
        met = {peer for pair in packets for peer in pair if own & set(pair)} - own
        assert met == {relay}
        words = b" ".join(told).decode()
        assert '"kind":"relayed"' in words
        assert not any(host in words for host in own), words

    _duel(kind, "port-restricted" if hides == 0 else kind).run(meet)


def test_without_a_relay_nobody_who_hides_is_kept_waiting() -> None:
    async def meet(lab: Lab) -> None:
        people = Peers(lab.net("anna"), Identity(bytes(32)), PeerBook())
        with pytest.raises(TraversalError, match="needs a relay"):
            await people.meet(Role.HOST, CODE, [MemoryDriver(MemoryHub())], Attempt(hidden=True))
        await people.close()

    _duel("open", "open").run(meet)


def test_where_every_path_is_gone_the_two_find_each_other_by_a_mailbox() -> None:
    async def meet(lab: Lab) -> None:
        async def story(anna: Side, ben: Side) -> None:
            await _echo(anna, ben, b"before")
            for router in ("anna-router", "ben-router"):
                lab.reboot_nat(router)  # both take other ports from now on, and nothing gets in
            await asyncio.sleep(30)
            await _echo(anna, ben, b"after")

        await _together(lab, story, relay=False)

    kind = "port-restricted-nopreserve"
    Lab(msgspec.structs.replace(duel(kind, kind, Random(7)), server=_SERVERS), seed=7).run(meet)


@pytest.mark.parametrize("cut_s", [2.0, 12.0])
def test_a_search_ends_as_soon_as_the_peer_is_heard_again(cut_s: float) -> None:
    async def meet(lab: Lab) -> None:
        async def story(anna: Side, ben: Side) -> None:
            await _echo(anna, ben, b"before")
            lab.cut_link("anna-router-internet")
            await asyncio.sleep(cut_s)
            lab.cut_link("anna-router-internet", cut=False)
            await asyncio.sleep(4)
            for side in (anna, ben):
                assert side.attempt.upkeep is not None
                assert not side.attempt.upkeep.silent
            await _echo(anna, ben, b"after")

        await _together(lab, story, relay=False)

    _duel("port-restricted", "port-restricted").run(meet)
