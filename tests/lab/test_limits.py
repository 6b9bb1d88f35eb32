"""What may come in follows the settings in sessions that are open; a flood is counted, listed with its end, and no more."""

import asyncio

import msgspec

from netstack.core.identity import Identity
from netstack.core.rate_limits import RateLimits
from netstack.core.session_code import SessionCode
from netstack.lab.lab import Lab, open_scenario
from netstack.model.guard import SuspectState
from netstack.model.meeting import Role
from netstack.rendezvous.memory import MemoryDriver, MemoryHub
from netstack.service.attempt import Attempt
from netstack.service.peer_book import PeerBook
from netstack.service.peers import Peers
from netstack.tasks import TaskScope

CODE = SessionCode("482915", ("amber", "walnut", "kayak"))
TIGHT = RateLimits(peer_packets_per_s=50, burst_s=0.1)


class Told(msgspec.Struct):
    before: int
    dropped: int
    suspects: tuple[SuspectState, ...]
    wall_s: float
    arrived: int


def test_new_limits_hold_in_an_open_session_and_are_lifted_again() -> None:
    async def talk(lab: Lab) -> Told:
        hub, tasks = MemoryHub(), TaskScope("test")
        people = [
            Peers(lab.net(name), Identity(bytes([n]) * 32), PeerBook(), stun=lab.stun_servers)
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
            before = people[1].guard()[0]["peer-packets"]
            people[1].set_limits(TIGHT)
            sending = tasks.start(ana.connection.send(bytes(600_000), wait=True), "sending")
            await asyncio.sleep(20)
            dropped, suspects = people[1].guard()[0]["peer-packets"], people[1].suspects()
            wall_s = lab.net("ben").wall_time()
            people[1].set_limits(RateLimits())
            await asyncio.sleep(60)
            message = await ben.connection.receive()
            await sending
            return Told(before, dropped, suspects, wall_s, len(message.data))
        finally:
            await tasks.close()
            for each in people:
                await each.close()

    told = open_scenario("home").run(talk)
    assert told.before == 0
    assert told.dropped > 100
    assert told.suspects
    assert all(told.wall_s < each.until_s <= told.wall_s + 60 for each in told.suspects)
    assert told.arrived == 600_000
