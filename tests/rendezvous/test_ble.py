"""Notes over the lab's Bluetooth: whichever computer can be found, and whatever comes in between."""

import asyncio

import pytest

from netstack.core.session_code import SessionCode
from netstack.model.bluetooth_error import BluetoothError
from netstack.model.meeting import MeetingError, Role, WayState
from netstack.radio.packet_link import open_packet_link
from netstack.rendezvous.ble import BleDriver
from netstack.service.meeting import Meeting
from netstack.wire.ble_peer import nameplate_uuid
from tests.radio.virtual import Room, Sink, in_room, opener
from tests.transport.ble_bed import Clock

CODE = SessionCode.make(lambda count: bytes(range(7, 7 + count)))


async def meet(room: Room, host_radio, guest_radio) -> tuple[Meeting, Meeting]:
    """Both sides, started; they are closed with the room."""
    sides = []
    for number, (role, radio) in enumerate(((Role.HOST, host_radio), (Role.GUEST, guest_radio))):
        meeting = Meeting(Clock(number), role, CODE, [BleDriver(opener(radio))])  # type: ignore[arg-type]
        room.stack.push_async_callback(meeting.close)
        meeting.start()
        sides.append(meeting)
    return sides[0], sides[1]


@pytest.mark.parametrize(("host", "guest"), [(True, True), (True, False), (False, True)])
def test_two_meet_whichever_of_them_can_be_found(host, guest):
    async def work(room: Room):
        ana = await room.radio("ana", can_host=host)
        ben = await room.radio("ben", 5.0, can_host=guest)
        hosting, joining = await meet(room, ana, ben)
        async with asyncio.timeout(15.0):
            assert await hosting.confirmed() == await joining.confirmed()
        hosting.send(b"a" * 3000)
        joining.send(b"b" * 3000)
        async with asyncio.timeout(15.0):
            assert await joining.receive() == b"a" * 3000
            assert await hosting.receive() == b"b" * 3000
        assert hosting.health[0].text == joining.health[0].text == "found nearby"

    in_room(work)


def test_where_neither_can_be_found_both_say_so_and_nothing_ends_badly():
    async def work(room: Room):
        ana, ben = await room.radio("ana", can_host=False), await room.radio("ben", 5.0, can_host=False)
        hosting, joining = await meet(room, ana, ben)
        await asyncio.sleep(30.0)
        for meeting in (hosting, joining):
            assert meeting.health[0].state is WayState.READY
            assert "cannot be found itself" in meeting.health[0].text
        with pytest.raises(MeetingError):
            await hosting.confirmed()  # after ten minutes

    in_room(work)


def test_two_who_walk_together_meet_when_they_are_near():
    async def work(room: Room):
        ana, ben = await room.radio("ana"), await room.radio("ben", 300.0)
        hosting, joining = await meet(room, ana, ben)
        await asyncio.sleep(30.0)
        assert "looking nearby" in joining.health[0].text
        ben.adapter.controller.place_m = (8.0, 0.0)
        async with asyncio.timeout(15.0):
            assert await hosting.confirmed() == await joining.confirmed()

    in_room(work)


def test_a_radio_that_is_off_says_which_and_meets_once_it_is_on():
    async def work(room: Room):
        ana, ben = await room.radio("ana"), await room.radio("ben", 3.0)
        ben.adapter.remove(BluetoothError.Reason.POWERED_OFF)
        hosting, joining = await meet(room, ana, ben)
        await asyncio.sleep(1.0)
        assert joining.health[0].state is WayState.FAILED
        assert "turned off" in joining.health[0].text
        ben.adapter.restore()
        async with asyncio.timeout(15.0):
            assert await hosting.confirmed() == await joining.confirmed()

    in_room(work)


def test_strangers_who_connect_and_say_nothing_do_not_keep_the_guest_out():
    async def work(room: Room):
        ana, ben = await room.radio("ana"), await room.radio("ben", 3.0)
        hosting, joining = await meet(room, ana, ben)
        uuid = nameplate_uuid(CODE.nameplate, host=True)
        sinks = []
        ben.adapter.remove(BluetoothError.Reason.POWERED_OFF)
        for number in range(6):
            eve = await room.radio(f"eve {number}", 1.0)
            sinks.append(Sink())
            await open_packet_link(eve, ana.adapter.address, uuid, sinks[-1])
        await asyncio.sleep(0.5)
        assert sum(not sink.lost.is_set() for sink in sinks) <= 4
        ben.adapter.restore()
        async with asyncio.timeout(20.0):
            assert await hosting.confirmed() == await joining.confirmed()
        await asyncio.sleep(11.0)
        assert all(sink.lost.is_set() for sink in sinks)

    in_room(work)


def test_a_peer_whose_notes_never_end_is_dropped():
    async def work(room: Room):
        ana, eve = await room.radio("ana"), await room.radio("eve", 3.0)
        driver = BleDriver(opener(ana))
        meeting = Meeting(Clock(1), Role.HOST, CODE, [driver])  # type: ignore[arg-type]
        room.stack.push_async_callback(meeting.close)
        meeting.start()
        sink = Sink()
        link = await open_packet_link(
            eve, ana.adapter.address, nameplate_uuid(CODE.nameplate, host=True), sink
        )

        async def flood():
            for _ in range(2000):
                await link.send(b"\xa0" + bytes(200))

        with pytest.raises(BluetoothError):
            await flood()
        assert sink.lost.is_set()
        assert driver.channel is not None
        assert driver.channel.bad_notes >= 8

    in_room(work)
