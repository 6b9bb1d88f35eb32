"""Whole meetings: several ways at once, of which some are dead, slow, noisy or lying."""

import asyncio
import random

import pytest

from netstack.core.rendezvous_uri import RendezvousUri
from netstack.core.session_code import SessionCode
from netstack.model.address import Address
from netstack.model.meeting import MeetingError, Role, Way, WayState
from netstack.net.system import SystemNet
from netstack.rendezvous.driver import Driver, DriverStoppedError, MailboxTakenError, Receive
from netstack.rendezvous.memory import MemoryDriver, MemoryHub
from netstack.rendezvous.websocket import WebSocketDriver
from netstack.service.meeting import Meeting, invite
from netstack.service.rendezvous_host import RendezvousHost

R = MeetingError.Reason
CODE = SessionCode("482915", ("amber", "walnut", "kayak"))
WRONG = SessionCode("482915", ("amber", "walnut", "lemon"))


class DeadDriver(Driver):
    """A way that never works."""

    way = Way.MQTT

    async def _carry(self, mailbox: str, role: Role, receive: Receive) -> None:
        raise DriverStoppedError("It is broken.")


def pair(host_drivers: list[Driver], guest_drivers: list[Driver], guest_code: SessionCode = CODE):
    net = SystemNet()
    return Meeting(net, Role.HOST, CODE, host_drivers), Meeting(net, Role.GUEST, guest_code, guest_drivers)


async def meet(host: Meeting, guest: Meeting) -> None:
    async with asyncio.timeout(20):
        one, other = await asyncio.gather(host.confirmed(), guest.confirmed())
        assert one == other
        host.send(b"host's candidates")
        guest.send(b"guest's candidates")
        assert await guest.receive() == b"host's candidates"
        assert await host.receive() == b"guest's candidates"


async def test_the_first_way_that_answers_wins_and_dead_ones_say_why() -> None:
    hub, slow = MemoryHub(delay_s=0.01), MemoryHub(delay_s=0.5)
    server = RendezvousHost(Address("127.0.0.1", 0))
    await server.open()
    gone = RendezvousUri(Way.WEBSOCKET, *server.local)
    await server.close()
    ways = [
        [DeadDriver("broken"), MemoryDriver(slow), WebSocketDriver(gone), MemoryDriver(hub)] for _ in range(2)
    ]
    host, guest = pair(*ways)
    async with host, guest:
        await meet(host, guest)
        assert guest.winner is ways[1][3]
        broken, _, dead, good = guest.health
        assert (broken.state, broken.text) == (WayState.FAILED, "It is broken.")
        assert (dead.state, good.state) == (WayState.FAILED, WayState.HEARD)
        assert "Nothing listens there" in dead.text


async def test_over_our_own_server_either_may_come_first() -> None:
    server = RendezvousHost(Address("127.0.0.1", 0))
    await server.open()
    uri = RendezvousUri(Way.WEBSOCKET, *server.local)
    for first in (0, 1):
        code = SessionCode.make(SystemNet().random_bytes)
        net = SystemNet()
        sides = [Meeting(net, role, code, [WebSocketDriver(uri)]) for role in (Role.HOST, Role.GUEST)]
        sides[first].start()
        await asyncio.sleep(0.1)
        sides[1 - first].start()
        await meet(*sides)
        await asyncio.gather(*(side.close() for side in sides))
    assert server.machine.used[1] == 0
    await server.close()


async def test_a_noisy_mailbox_costs_time_only() -> None:
    source = random.Random(4)

    def disturb(note: bytes) -> list[bytes]:
        if source.random() < 0.2:
            return []
        return [note, source.randbytes(60), b"\x71" + source.randbytes(41), note]

    hub = MemoryHub(delay_s=0.005, disturb=disturb)
    host, guest = pair([MemoryDriver(hub)], [MemoryDriver(hub)])
    async with host, guest:
        await meet(host, guest)
        assert host.failures == 0


async def test_a_wrong_code_is_told_on_both_sides() -> None:
    hub = MemoryHub(delay_s=0.005)
    host, guest = pair([MemoryDriver(hub)], [MemoryDriver(hub)], WRONG)
    async with host, guest:
        with pytest.raises(MeetingError) as caught:
            await guest.confirmed()
        assert caught.value.reason is R.WRONG_CODE
        assert host.failures == 1
        with pytest.raises(MeetingError):
            await guest.receive()
        async with Meeting(SystemNet(), Role.GUEST, CODE, [MemoryDriver(hub)]) as right:
            await meet(host, right)


async def test_without_a_way_there_is_no_meeting() -> None:
    with pytest.raises(MeetingError) as caught:
        Meeting(SystemNet(), Role.HOST, CODE, []).start()
    assert caught.value.reason is R.NO_WAY


async def test_when_all_ways_failed_the_end_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    from netstack.core import invitation

    monkeypatch.setattr(invitation, "LIFE_S", 0.1)
    async with Meeting(SystemNet(), Role.HOST, CODE, [DeadDriver("broken")]) as host:
        with pytest.raises(MeetingError, match=r"broken: It is broken\.") as caught:
            await host.confirmed()
        assert caught.value.reason is R.NO_WAY


async def test_closing_wakes_who_waits() -> None:
    host = Meeting(SystemNet(), Role.HOST, CODE, [MemoryDriver(MemoryHub())])
    host.start()
    asyncio.get_running_loop().call_later(0.05, host._machine.close)
    asyncio.get_running_loop().call_later(0.06, host._pump)
    with pytest.raises(MeetingError) as caught:
        await host.confirmed()
    assert caught.value.reason is R.WITHDRAWN
    assert await host.receive() is None
    await host.close()
    await host.close()
    with pytest.raises(MeetingError):  # nobody reads it any more
        host.send(b"too late")


class CrowdedDriver(MemoryDriver):
    """A way whose first numbers are taken."""

    tries = 0

    async def _carry(self, mailbox: str, role: Role, receive: Receive) -> None:
        CrowdedDriver.tries += 1
        if CrowdedDriver.tries < 3:
            raise MailboxTakenError("The server sent us away: two are here already.")
        await super()._carry(mailbox, role, receive)


async def test_a_number_that_is_taken_is_replaced() -> None:
    hub = MemoryHub(delay_s=0.005)
    host = await invite(SystemNet(), lambda: [CrowdedDriver(hub)])
    assert CrowdedDriver.tries == 3
    async with Meeting(SystemNet(), Role.GUEST, host.code, [MemoryDriver(hub)]) as guest:
        await meet(host, guest)
    await host.close()
