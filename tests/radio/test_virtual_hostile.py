"""Whatever is in the air and whatever a central writes: the radio goes on, and what makes no sense is counted."""

import asyncio
import random

import pytest

from netstack.model.ble import Heard
from netstack.model.bluetooth_error import BluetoothError
from netstack.radio.virtual_devices import thermometer
from netstack.wire.ble_peer import CONTROL_UUID, FROM_HOST_UUID, TO_HOST_UUID, nameplate_uuid
from tests.radio.virtual import Room, in_room
from tests.transport.ble_bed import MAILBOX, session, two_sides

ADVERTISED_BYTES = 31


def malformed(draw: random.Random) -> bytes:
    """Fields with wrong lengths, texts that are no UTF-8, names and numbers cut in their middle."""
    data = b""
    while len(data) < ADVERTISED_BYTES:
        body = draw.randbytes(draw.randrange(12))
        kind = draw.choice(
            (0x01, 0x02, 0x03, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x16, 0x20, 0x21, 0xFF, draw.randrange(256))
        )
        data += bytes((draw.choice((len(body) + 1, draw.randrange(256))), kind)) + body
    return data[: draw.randrange(ADVERTISED_BYTES + 1)]


def test_malformed_advertisements_hide_nobody() -> None:
    async def work(room: Room) -> None:
        draw = random.Random(8)
        ben, eve = await room.radio("ben"), await room.radio("eve", 1.0)
        device = thermometer(room.air, 40, (2.0, 0.0))
        await device.open()
        room.stack.push_async_callback(device.close)
        problems: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
        heard: list[Heard] = []
        async with ben.scanning(heard.append):
            for _ in range(300):
                async with eve.adapter.advertising(malformed(draw), malformed(draw)):
                    await asyncio.sleep(0.3)
        assert sum(each.name == "Thermometer" for each in heard) > 200
        assert ben.adapter.malformed > 50
        assert not problems, problems[0]

    in_room(work)


@pytest.mark.parametrize("seed", range(3))
def test_a_central_that_writes_nonsense_is_counted_and_keeps_nobody_out(seed: int) -> None:
    async def work(room: Room) -> None:
        draw = random.Random(seed)
        host, guest = await two_sides(room)
        ours, theirs = await session(host, guest)
        eve = await room.radio("eve", 1.0)
        gatt = await eve.connect(host.radio.adapter.address, lambda: None)
        uuid = nameplate_uuid(MAILBOX, host=True)
        handles = {
            each.uuid: each.handle
            for service in gatt.services
            if service.uuid == uuid
            for each in service.characteristics
        }
        before = host.sessions.endpoint.drops.total() + host.channel.bad_notes
        try:
            for _ in range(400):
                match draw.randrange(8):
                    case 0:
                        await gatt.subscribe(handles[FROM_HOST_UUID], lambda _: None)
                    case 1:
                        await gatt.unsubscribe(handles[FROM_HOST_UUID])
                    case 2:
                        assert len(await gatt.read(handles[CONTROL_UUID])) == 3
                    case _:
                        first = bytes((draw.choice((0xA0, 0xA1, 0xA2, 0xD0, 0xC1, draw.randrange(256))),))
                        packet = first + draw.randbytes(draw.randrange(243))
                        await gatt.write(handles[TO_HOST_UUID], packet, response=False)
        except BluetoothError:
            pass  # it was shown the door
        await asyncio.sleep(1.0)
        assert host.sessions.endpoint.drops.total() + host.channel.bad_notes > before
        await ours.send(b"still here", wait=True)
        assert (await theirs.receive()).data == b"still here"
        assert len(host.channel.links) <= 4

    in_room(work)
