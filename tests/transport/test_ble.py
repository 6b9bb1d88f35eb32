"""Sealed sessions over the lab's Bluetooth: nothing is lost or changed, no flood, and links come back."""

import asyncio
import random

import pytest

from netstack.model.ble import Question
from netstack.model.session import Event, Mode, Priority, TransportKind
from netstack.service.connection import Connection
from netstack.transport.ble import MAX_QUEUED_BYTES, WINDOW_BYTES
from tests.radio.virtual import Room, in_room
from tests.transport.ble_bed import pair, session, take_up, two_sides


async def exchange(room: Room, count: int, *, metres: float = 2.0) -> None:
    """`count` messages of 1 to 4,000 B, half of them each way at once; each is compared with what was sent."""
    host, guest = await two_sides(room, metres=metres)
    ours, theirs = await session(host, guest)
    draw = random.Random(count)

    async def send_all(end: Connection, messages: list[bytes]) -> None:
        for number, data in enumerate(messages):
            await end.send(data, Priority(number % 3), Mode.ORDERED)

    async def receive_all(end: Connection, messages: list[bytes]) -> None:
        waiting = [messages[lane::3] for lane in range(3)]
        for _ in messages:
            message = await end.receive()
            assert message.data == waiting[message.priority].pop(0)

    there, back = ([draw.randbytes(draw.randint(1, 4000)) for _ in range(count // 2)] for _ in range(2))
    await asyncio.gather(
        send_all(ours, there), send_all(theirs, back), receive_all(theirs, there), receive_all(ours, back)
    )
    assert host.transport.unsent == guest.transport.unsent == 0
    for side, end in ((guest, ours), (host, theirs)):
        assert side.sessions.endpoint.drops.total() == 0
        assert end.session is not None
        assert end.session.stats.duplicates == 0, "nothing is sent twice on a link that loses nothing"


def test_messages_of_every_size_arrive_as_they_were():
    in_room(lambda room: exchange(room, 200))


@pytest.mark.timeout(900)
def test_ten_thousand_messages_arrive_as_they_were():
    in_room(lambda room: exchange(room, 10_000))


def test_a_weak_link_is_slow_and_loses_nothing():
    async def work(room: Room):
        room.air.loss = 0.25
        await exchange(room, 40, metres=14.0)
        assert room.air.repeated_packets > 50

    in_room(work)


def test_a_flood_waits_and_is_never_more_than_the_window():
    async def work(room: Room):
        host, guest = await two_sides(room)
        ours, theirs = await session(host, guest)
        most = 0

        async def watch() -> None:
            nonlocal most
            while True:
                most = max(most, *(state.queued_bytes for state in guest.transport._links.values()))
                await asyncio.sleep(0.001)

        watching = asyncio.get_running_loop().create_task(watch())
        await ours.send(bytes(150_000), Priority.BULK)
        assert len((await theirs.receive()).data) == 150_000
        watching.cancel()
        assert 0 < most <= WINDOW_BYTES + 1000 < MAX_QUEUED_BYTES
        assert guest.transport.unsent == 0

    in_room(work)


def test_a_packet_costs_22_bytes_and_a_kilobyte_travels_at_ninety_percent():
    async def work(room: Room):
        host, guest = await two_sides(room)
        ours, theirs = await session(host, guest)
        assert ours.session is not None
        for _ in range(50):
            await ours.send(bytes(1024), wait=True)
            await theirs.receive()
        stats = ours.session.stats
        path = ours.session.paths.table[ours.session.paths.main]
        assert path.traits is not None
        assert (path.traits.kind, path.mtu_bytes) == (TransportKind.BLE, 244)
        assert stats.sent_fragments / stats.sent_messages == 5
        assert stats.overhead_bytes <= 22 * stats.sent_fragments + 60
        assert stats.efficiency is not None
        assert stats.efficiency >= 0.895

    in_room(work)


@pytest.mark.parametrize("bond", [False, True])
def test_a_session_goes_on_over_the_next_link_with_the_bond(bond):
    async def work(room: Room):
        host, guest = await two_sides(room)
        asked: list[Question] = []

        async def agree(question: Question) -> bool:
            asked.append(question)
            return True

        host.radio.ask = guest.radio.ask = agree
        ours, theirs = await session(host, guest)
        for end in (ours, theirs):
            assert end.session is not None
            end.session.outlives_links = True
        events: list[Event] = []
        theirs.listeners.append(events.append)
        if bond:
            await pair(guest)
        await ours.send(b"before", wait=True)
        place, guest.radio.adapter.controller.place_m = guest.radio.adapter.controller.place_m, (900.0, 0.0)
        waiting = asyncio.get_running_loop().create_task(ours.send(b"on the way", wait=True))
        await asyncio.sleep(8.0)
        assert guest.transport.links == ()
        assert not waiting.done()
        guest.radio.adapter.controller.place_m = place
        await take_up(guest, ours)
        async with asyncio.timeout(5.0):
            await waiting
        assert [(await theirs.receive()).data for _ in range(2)] == [b"before", b"on the way"]
        connections = guest.radio.adapter.device.connections.values()
        assert [each.is_encrypted for each in connections] == [bond]
        assert len(asked) == (2 if bond else 0), "the bond was enough the second time"

    in_room(work)
