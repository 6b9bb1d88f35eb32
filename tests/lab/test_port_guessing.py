"""The birthday method on the lab's NATs: how often it finds a direct way, and that it asks for consent first."""

import asyncio
from collections.abc import Awaitable
from random import Random

import pytest

from netstack.core.identity import Identity
from netstack.core.port_guessing import chance
from netstack.core.session_code import SessionCode
from netstack.lab.duel import duel
from netstack.lab.lab import Lab
from netstack.lab.matrix import wilson
from netstack.model.meeting import Role
from netstack.rendezvous.memory import MemoryDriver, MemoryHub
from netstack.service.attempt import Attempt, Met
from netstack.service.peer_book import PeerBook
from netstack.service.peers import Peers
from netstack.service.traversal import Reached, TraversalError
from netstack.tasks import TaskScope

CODE = SessionCode("482915", ("amber", "walnut", "kayak"))
GOES_ON_S = 14.0


async def _meet(lab: Lab, agree: tuple[bool, bool], *, relay: bool) -> list[Reached]:
    """Where the guest was, one after the other."""
    ways: list[Reached] = []
    hub = MemoryHub()
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
    async with TaskScope("test") as tasks:
        try:
            for person, agrees in zip(people, agree, strict=True):
                person.guess_ports = agrees
            hosting = tasks.start(_quietly(people[0].meet(Role.HOST, CODE, [MemoryDriver(hub)])), "host")
            met = await _quietly(
                people[1].meet(Role.GUEST, CODE, [MemoryDriver(hub)], Attempt(moved=ways.append))
            )
            await hosting
            if met is not None:
                ways.insert(0, met.reached)
                await asyncio.sleep(GOES_ON_S)
                await met.connection.send(b"still here", wait=True)
            return ways
        finally:
            for person in people:
                await person.close()


async def _quietly(meeting: Awaitable[Met]) -> Met | None:
    try:
        return await meeting
    except TraversalError:
        return None


def _direct(
    a: str, b: str, seed: int, agree: tuple[bool, bool] = (True, True), *, relay: bool = True
) -> bool:
    ways = Lab(duel(a, b, Random(seed)), seed=seed).run(lambda lab: _meet(lab, agree, relay=relay))
    return bool(ways) and ways[-1].kind == "direct"


@pytest.mark.parametrize(("a", "b"), [("port-restricted", "symmetric"), ("symmetric", "firewall")])
def test_a_router_that_maps_by_chance_is_met(a: str, b: str) -> None:
    assert _direct(a, b, 1)


def test_without_a_relay_it_is_what_connects_them() -> None:
    assert _direct("port-restricted", "symmetric", 1, relay=False)


@pytest.mark.parametrize(
    ("a", "b", "agree"),
    [
        ("port-restricted", "symmetric", (True, False)),
        ("port-restricted", "symmetric", (False, True)),
        ("symmetric", "symmetric", (True, True)),
    ],
)
def test_it_is_left_alone_without_both_consents_or_any_hope(a: str, b: str, agree: tuple[bool, bool]) -> None:
    assert not _direct(a, b, 1, agree)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_how_often_it_meets() -> None:
    tries = 30
    direct = sum(_direct("port-restricted", "symmetric", seed) for seed in range(tries))
    low, high = wilson(direct, tries)
    print(
        f"birthday method: {direct} of {tries} direct (95 % {low:.3f} to {high:.3f}), theory {chance():.3f}"
    )
    assert low <= chance() <= high + 0.02
