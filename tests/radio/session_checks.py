"""Our sessions between BlueZ and Bumble, in both roles."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from tests.radio.checks import World, check, shell, unpaired, until

if TYPE_CHECKING:
    from bumble.device import Connection as BumbleConnection

    from netstack.radio.virtual import VirtualRadio
    from netstack.service.connection import Connection
    from tests.transport.ble_bed import Side

SIZES = (1, 20, 21, 100, 243, 244, 245, 250, 500, 510, 511, 600)
LONG = (1000, 2000, 4000)
MESSAGES = 300


def messages(seed: int) -> list[bytes]:
    """Half of the messages: every size class, the long ones more rarely."""
    draw = random.Random(seed)
    sizes = [LONG[n // 15 % 3] if n % 15 == 14 else SIZES[n % len(SIZES)] for n in range(MESSAGES // 2)]
    return [draw.randbytes(size) for size in sizes]


async def exchange(ours: "Connection", theirs: "Connection") -> None:
    """Both ways at once; every message must come as it was sent."""
    there, back = messages(1), messages(2)

    async def send_all(end: "Connection", what: list[bytes]) -> None:
        for data in what:
            await end.send(data)

    async def receive_all(end: "Connection", what: list[bytes]) -> None:
        for number, data in enumerate(what):
            assert (await end.receive()).data == data, f"message {number} of {len(data)} B"

    await asyncio.gather(
        send_all(ours, there), send_all(theirs, back), receive_all(theirs, there), receive_all(ours, back)
    )


@asynccontextmanager
async def bumble_radio(world: World) -> "AsyncIterator[VirtualRadio]":
    """The device on the second controller as a computer's radio."""
    from bumble.device import Device

    from netstack.radio.virtual import VirtualRadio
    from netstack.radio.virtual_adapter import MTU_BYTES, VirtualAdapter
    from netstack.radio.virtual_air import Air
    from tests.radio.peer import ADDRESS

    device = world.peer.device
    await device.stop_advertising()
    # The emulated signal never changes, so BlueZ would not tell of a device that it knows already.
    await shell(f"timeout 5 bluetoothctl remove {ADDRESS}")
    adapter = VirtualAdapter(Air(), "bumble", number=9)
    adapter.device = device
    device.gatt_server.max_mtu = MTU_BYTES  # else each side asks for another MTU, and BlueZ mixes the two up

    def connected(connection: "BumbleConnection") -> None:
        device.legacy_advertiser = (
            None  # the emulated controller stops advertising in whichever role it connects
        )
        adapter._connected(connection)

    device.on(Device.EVENT_CONNECTION, connected)
    assert device.host.le_acl_packet_queue is not None
    device.host.le_acl_packet_queue.on("flow", adapter._room.set)
    try:
        yield VirtualRadio(adapter)
    finally:
        await until(lambda: not device.connections, 20)
        device.remove_listener(Device.EVENT_CONNECTION, connected)


@asynccontextmanager
async def two_sides(
    world: World, *, bluez_hosts: bool, net: Any = None
) -> "AsyncIterator[tuple[Side, Side]]":
    """The host and the guest, one on BlueZ and one on Bumble."""
    from tests.transport.ble_bed import Side

    async with bumble_radio(world) as bumble:
        host = Side(world.radio if bluez_hosts else bumble, 1, host=True, net=net)
        guest = Side(bumble if bluez_hosts else world.radio, 2, host=False, net=net)
        try:
            yield host, guest
        finally:
            await guest.sessions.close()
            await host.sessions.close()


@check
async def sessions_with_bluez_as_the_peripheral_lose_nothing(world: World) -> None:
    from tests.transport.ble_bed import session

    async with two_sides(world, bluez_hosts=True) as (host, guest):
        await exchange(*await session(host, guest))
        assert host.transport.unsent == guest.transport.unsent == 0


@check
async def a_session_takes_up_its_next_link_with_the_bond(world: World) -> None:
    from tests.radio.peer import Person
    from tests.transport.ble_bed import pair, session, take_up

    world.peer.person, world.peer.pairings = Person(), 0
    async with two_sides(world, bluez_hosts=False) as (host, guest):
        ours, theirs = await session(host, guest)
        for end in (ours, theirs):
            assert end.session is not None
            end.session.outlives_links = True
        await pair(guest)
        assert world.peer.pairings == 1
        await ours.send(b"before", wait=True)
        await world.peer.drop()
        await until(lambda: not guest.transport.links)
        await take_up(guest, ours)
        assert guest.channel.links[0].max_packet_bytes == 244
        await theirs.send(b"after", wait=True)
        assert [(await theirs.receive()).data, (await ours.receive()).data] == [b"before", b"after"]
        assert world.peer.pairings == 1, "the bond was enough"
        assert [each.is_encrypted for each in world.peer.device.connections.values()] == [True]
    await unpaired(world)


@check
async def sessions_with_bluez_as_the_central_lose_nothing(world: World) -> None:
    from tests.transport.ble_bed import session

    async with two_sides(world, bluez_hosts=False) as (host, guest):
        await exchange(*await session(host, guest))
        assert host.transport.unsent == guest.transport.unsent == 0
