"""The user's speed limits hold in sessions that are open, and are lifted again; in virtual time."""

import asyncio

import pytest

from netstack.core.identity import Identity, fingerprint
from netstack.core.session_code import SessionCode
from netstack.lab.lab import Lab, open_scenario
from netstack.model.config import Cap
from netstack.model.meeting import Role
from netstack.rendezvous.memory import MemoryDriver, MemoryHub
from netstack.service.attempt import Attempt
from netstack.service.peer_book import PeerBook
from netstack.service.peers import Peers

CODE = SessionCode("482915", ("amber", "walnut", "kayak"))
SIZE = 200_000
BEN = fingerprint(Identity(bytes([2]) * 32).public)


@pytest.mark.parametrize(
    ("caps", "capped"),
    [
        ((Cap(800_000),), True),
        ((Cap(800_000, BEN), Cap(8_000_000)), True),
        ((Cap(800_000, "0000 0000 0000 0000"),), False),
        ((Cap(800_000, transport="ble"),), False),
        ((), False),
    ],
)
def test_a_cap_holds_for_whom_it_names(caps: tuple[Cap, ...], capped: bool) -> None:
    async def talk(lab: Lab) -> tuple[float, float]:
        hub = MemoryHub()
        people = [
            Peers(
                lab.net(name),
                Identity(bytes([n]) * 32),
                PeerBook(),
                stun=lab.stun_servers,
                turn=lab.turn_servers,
            )
            for n, name in enumerate(("anna", "ben"), 1)
        ]
        try:
            ana, ben = await asyncio.gather(
                *(
                    each.meet(role, CODE, [MemoryDriver(hub)], Attempt())
                    for each, role in zip(people, (Role.HOST, Role.GUEST), strict=True)
                )
            )
            await asyncio.sleep(2)
            took: list[float] = []
            for given in (caps, (), ()):  # the second one finds out how fast the way is again
                people[0].set_caps(given)
                began_s = lab.net("anna").now()
                await ana.connection.send(bytes(SIZE), wait=True)
                await ben.connection.receive()
                took.append(lab.net("anna").now() - began_s)
            return took[0], took[2]
        finally:
            for each in people:
                await each.close()

    with_caps_s, without_s = open_scenario("home").run(talk)
    least_s = SIZE * 8 / 800_000
    assert (with_caps_s > 0.7 * least_s) == capped
    assert without_s < 0.7 * least_s
