"""The lab's radio keeps the promises of the seam, by bleak's own API."""

import asyncio

import pytest

from netstack.model.ble import Heard, Question, QuestionKind
from netstack.model.bluetooth_error import BluetoothError
from netstack.radio.packet_link import open_packet_link
from netstack.radio.protocol import PacketLink
from netstack.wire.ble_peer import CONTROL_UUID, nameplate_uuid
from tests.radio.virtual import Room, Sink, in_room

UUID = nameplate_uuid("482913", host=True)
R = BluetoothError.Reason


async def hear(radio, *, uuids=(), for_s: float = 2.0) -> list[Heard]:
    heard: list[Heard] = []
    async with radio.scanning(heard.append, uuids):
        await asyncio.sleep(for_s)
    return heard


async def linked(ana, ben):
    """Ana serves, Ben connects: both links and both sinks."""
    links: list[PacketLink] = []
    at_ana, at_ben = Sink(), Sink()

    def accept(link):
        links.append(link)
        return at_ana

    serving = ana.serving(UUID, accept)
    await serving.__aenter__()
    link = await open_packet_link(ben, ana.adapter.address, UUID, at_ben)
    return links[0], at_ana, link, at_ben, serving


def test_an_advertisement_tells_the_nameplate_and_nothing_else():
    async def work(room: Room):
        ana, ben = await room.radio("ana"), await room.radio("ben", 3.0)
        async with ana.serving(UUID, lambda _: Sink()):
            heard = await hear(ben)
        assert {each.address for each in heard} == {ana.adapter.address}
        assert {each.service_uuids for each in heard} == {(UUID,)}
        assert {(each.name, each.company_id, each.service_data) for each in heard} == {("", None, ())}
        assert not await hear(ben, for_s=1.0), "it is quiet afterwards"

    in_room(work)


def test_strength_falls_with_the_distance_until_nothing_is_heard():
    async def work(room: Room):
        ben = await room.radio("ben")
        means = []
        for metres in (1.0, 4.0, 16.0):
            async with (ana := await room.radio(f"at {metres}", metres)).serving(UUID, lambda _: Sink()):
                heard = await hear(ben)
                means.append(sum(each.rssi_dbm or 0 for each in heard) / len(heard))
            await ana.close()
        assert means[0] > means[1] > means[2]
        assert means[0] - means[2] == pytest.approx(30.0, abs=3.0)
        far = await room.radio("far", 120.0)
        async with far.serving(UUID, lambda _: Sink()):
            assert not await hear(ben)

    in_room(work)


def test_only_the_services_that_are_looked_for_are_heard():
    async def work(room: Room):
        ana, ben = await room.radio("ana"), await room.radio("ben", 1.0)
        async with ana.serving(UUID, lambda _: Sink()):
            assert await hear(ben, uuids=(UUID,))
            assert not await hear(ben, uuids=(nameplate_uuid("111111", host=True),))

    in_room(work)


def test_packets_go_both_ways_in_order_and_none_is_lost_on_a_weak_link():
    async def work(room: Room):
        ana, ben = await room.radio("ana"), await room.radio("ben", 14.0)
        room.air.loss = 0.3
        host_link, at_ana, guest_link, at_ben, serving = await linked(ana, ben)
        assert host_link.max_packet_bytes == guest_link.max_packet_bytes == 244
        sent = [number.to_bytes(4, "big") + bytes(number % 240) for number in range(300)]

        async def send_all(link):
            for packet in sent:
                await link.send(packet)

        await asyncio.gather(send_all(host_link), send_all(guest_link))
        await asyncio.sleep(2.0)
        assert at_ana.packets == sent
        assert at_ben.packets == sent
        assert room.air.repeated_packets > 50
        await serving.__aexit__(None, None, None)
        await asyncio.sleep(1.0)
        assert at_ana.lost.is_set()
        assert at_ben.lost.is_set()

    in_room(work)


def test_a_link_ends_on_both_sides_when_nothing_gets_through_any_more():
    async def work(room: Room):
        ana, ben = await room.radio("ana"), await room.radio("ben", 1.0)
        _, at_ana, link, at_ben, serving = await linked(ana, ben)
        ben.adapter.controller.place_m = (500.0, 0.0)
        async with asyncio.timeout(10.0):
            await at_ana.lost.wait()
            await at_ben.lost.wait()
        with pytest.raises(BluetoothError) as caught:
            await link.send(b"too late")
        assert caught.value.reason is R.LOST
        await serving.__aexit__(None, None, None)

    in_room(work)


def test_sending_waits_for_the_radio_and_ends_with_the_link():
    async def work(room: Room):
        ana, ben = await room.radio("ana"), await room.radio("ben", 1.0)
        _, at_ana, link, _, serving = await linked(ana, ben)
        room.air.loss = 1.0

        async def flood():
            for _ in range(100):
                await link.send(bytes(200))

        with pytest.raises(BluetoothError):
            await flood()
        assert len(at_ana.packets) < 40
        room.air.loss = 0.0
        await serving.__aexit__(None, None, None)

    in_room(work)


def test_who_was_pulled_out_is_told_at_once_and_the_other_after_a_while():
    async def work(room: Room):
        ana, ben = await room.radio("ana"), await room.radio("ben", 1.0)
        _, at_ana, _, at_ben, serving = await linked(ana, ben)
        ben.adapter.remove()
        await asyncio.sleep(0.1)
        assert at_ben.lost.is_set()
        assert not at_ana.lost.is_set()
        with pytest.raises(BluetoothError) as caught:
            await hear(ben)
        assert caught.value.reason is R.NO_ADAPTER
        async with asyncio.timeout(10.0):
            await at_ana.lost.wait()
        preflight = await ben.preflight()
        assert (preflight.failure, preflight.can_join) == ("no-adapter", False)
        assert preflight.next_step
        await serving.__aexit__(None, None, None)

    in_room(work)


def test_who_cannot_be_found_says_so_and_can_still_join():
    async def work(room: Room):
        ana, ben = await room.radio("ana"), await room.radio("ben", 1.0, can_host=False)
        assert (await ben.preflight()).can_host is False
        assert (await ben.preflight()).failure is None
        with pytest.raises(BluetoothError) as caught:
            async with ben.serving(UUID, lambda _: Sink()):
                pass
        assert caught.value.reason is R.NO_PERIPHERAL
        *_, serving = await linked(ana, ben)
        await serving.__aexit__(None, None, None)

    in_room(work)


def test_a_device_that_is_not_there_is_not_found():
    async def work(room: Room):
        ben = await room.radio("ben")
        with pytest.raises(BluetoothError) as caught:
            await ben.connect("F0:00:5E:00:53:77", lambda: None)
        assert caught.value.reason is R.NOT_FOUND
        assert (await ben.preflight()).failure is None
        ana = await room.radio("ana", 1.0)
        *_, serving = await linked(ana, ben)  # the attempt before is over
        await serving.__aexit__(None, None, None)

    in_room(work)


def test_who_serves_another_meeting_is_not_ours():
    async def work(room: Room):
        ana, ben = await room.radio("ana"), await room.radio("ben", 1.0)
        async with ana.serving(UUID, lambda _: Sink()):
            with pytest.raises(BluetoothError) as caught:
                await open_packet_link(ben, ana.adapter.address, nameplate_uuid("1", host=True), Sink())
            assert caught.value.reason is R.NOT_FOUND

    in_room(work)


def test_numbers_are_compared_on_both_sides_and_the_bond_serves_again():
    async def work(room: Room):
        ana, ben = await room.radio("ana"), await room.radio("ben", 1.0)
        asked: dict[str, list[Question]] = {"ana": [], "ben": []}

        def asker(name):
            async def ask(question: Question):
                asked[name].append(question)
                return True

            return ask

        ana.ask, ben.ask = asker("ana"), asker("ben")
        async with ana.serving(UUID, lambda _: Sink()):
            gatt = await ben.connect(ana.adapter.address, lambda: None)
            await gatt.pair()
            assert [q.kind for q in asked["ana"]] == [q.kind for q in asked["ben"]] == [QuestionKind.COMPARE]
            assert asked["ana"][0].passkey == asked["ben"][0].passkey
            assert [each.address for each in await ben.bonds()] == [ana.adapter.address]
            await gatt.close()
            await asyncio.sleep(1.0)
            again = await open_packet_link(ben, ana.adapter.address, UUID, Sink())
            assert len(asked["ana"]) == 1, "the bond is enough"
            connections = ben.adapter.device.connections.values()
            assert [each.is_encrypted for each in connections] == [True]
            await again.close()
            await ben.unpair(ana.adapter.address)
            assert await ben.bonds() == ()

    in_room(work)


def test_a_pairing_that_is_refused_is_said_so():
    async def work(room: Room):
        ana, ben = await room.radio("ana"), await room.radio("ben", 1.0)

        async def no(_question: Question):
            return False

        async def yes(_question: Question):
            return True

        ana.ask, ben.ask = yes, no
        async with ana.serving(UUID, lambda _: Sink()):
            gatt = await ben.connect(ana.adapter.address, lambda: None)
            with pytest.raises(BluetoothError) as caught:
                await gatt.pair()
            assert caught.value.reason is R.REFUSED_HERE
        assert await ben.bonds() == ()

    in_room(work)


def test_inside_a_device_names_and_values_are_as_bleak_tells_them():
    async def work(room: Room):
        ana, ben = await room.radio("ana"), await room.radio("ben", 1.0)
        async with ana.serving(UUID, lambda _: Sink()):
            lost = asyncio.Event()
            gatt = await ben.connect(ana.adapter.address, lost.set)
            service = next(each for each in gatt.services if each.uuid == UUID)
            control = next(each for each in service.characteristics if each.uuid == CONTROL_UUID)
            assert control.properties == ("read",)
            assert await gatt.read(control.handle) == bytes((1, 0, 244))
            assert gatt.mtu_bytes == 247
            with pytest.raises(BluetoothError) as caught:
                await gatt.write(control.handle, b"x", response=True)
            assert caught.value.reason is R.NOT_ALLOWED
            await gatt.close()
            async with asyncio.timeout(1.0):
                await lost.wait()
            assert not gatt.is_open

    in_room(work)


def test_one_computer_waits_for_two_meetings_at_once():
    other = nameplate_uuid("111111", host=True)

    async def work(room: Room):
        ana, ben = await room.radio("ana"), await room.radio("ben", 1.0)
        async with ana.serving(other, lambda _: Sink()):
            first = ana.serving(UUID, lambda _: Sink())
            async with first:
                heard = await hear(ben)
                assert {uuid for each in heard for uuid in each.service_uuids} == {UUID, other}
                with pytest.raises(BluetoothError) as caught:
                    async with ana.serving(nameplate_uuid("222222", host=True), lambda _: Sink()):
                        pass
                assert caught.value.reason is R.BUSY
            link = await open_packet_link(ben, ana.adapter.address, other, Sink())
            await link.close()
            heard = await hear(ben)
            assert {uuid for each in heard for uuid in each.service_uuids} == {other}
        assert not await hear(ben, for_s=1.0)

    in_room(work)
