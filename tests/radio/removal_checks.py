"""The check that comes last: an adapter goes away in the middle of a session that has a second path."""

import asyncio
from typing import TYPE_CHECKING

from tests.radio.checks import Reason, World, check, shell, until
from tests.radio.session_checks import two_sides

if TYPE_CHECKING:
    from netstack.service.connection import Connection
    from tests.transport.ble_bed import Side

MESSAGES = 120
EVERY_S = 0.05
TAKEN_AWAY_AT = 40


def carried_by(connection: "Connection") -> str:
    """What carries messages."""
    session = connection.session
    assert session is not None
    path = session.paths.table.get(session.paths.main)
    return "" if path is None or path.traits is None else path.traits.kind.value


async def add_udp(host: "Side", guest: "Side", ours: "Connection") -> None:
    """A second path by this computer's own network, which stands by."""
    from netstack.model.address import Address
    from netstack.model.session import UDP_TRAITS, Flow

    place = await host.sessions.open_udp(local=Address("127.0.0.1", 0))
    await guest.sessions.open_udp(local=Address("127.0.0.1", 0))
    link = guest.sessions.udp_transports()[0].link
    ours.add_path(Flow(link, place), UDP_TRAITS, asyncio.get_running_loop().time())
    session = ours.session
    assert session is not None
    await until(lambda: sum(path.in_use for path in session.paths.table.values()) == 2)


@check
async def a_session_moves_to_the_network_when_its_adapter_is_taken_away(world: World) -> None:
    from netstack.net.system import SystemNet
    from tests.transport.ble_bed import session

    async with two_sides(world, bluez_hosts=False, net=SystemNet()) as (host, guest):
        ours, theirs = await session(host, guest)
        await add_udp(host, guest, ours)
        sent = [number.to_bytes(2, "big") + bytes(number) for number in range(MESSAGES)]
        carriers: list[str] = []

        async def send() -> None:
            for number, data in enumerate(sent):
                if number == TAKEN_AWAY_AT:
                    await shell("kill $(cat /run/btvirt.pid)")
                await ours.send(data)
                carriers.append(carried_by(ours))
                await asyncio.sleep(EVERY_S)

        sending = asyncio.get_running_loop().create_task(send())
        came = [(await theirs.receive()).data for _ in sent]
        await sending
        assert came == sent
        assert (carriers[0], carriers[TAKEN_AWAY_AT - 1], carriers[-1]) == ("ble", "ble", "udp")
        await until(lambda: not guest.transport.links)
        assert not ours.closed
        assert (await world.radio.preflight()).failure == Reason.NO_ADAPTER
        world.peer.device.connections.clear()  # its controller is gone, too: nobody tells it
