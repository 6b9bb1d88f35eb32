"""The lab's thermometer and game pad, met by bleak as real ones are."""

import asyncio

import pytest

from netstack.model.ble import Heard, Question, QuestionKind, Service
from netstack.model.bluetooth_error import BluetoothError
from netstack.radio.virtual_devices import VirtualDevice, game_pad, thermometer
from tests.radio.virtual import Room, in_room

R = BluetoothError.Reason
TEMPERATURE = "00002a6e-0000-1000-8000-00805f9b34fb"
LABEL = "00002a9a-0000-1000-8000-00805f9b34fb"
REPORT = "00002a4d-0000-1000-8000-00805f9b34fb"


def handle_of(services: tuple[Service, ...], uuid: str) -> int:
    return next(each.handle for service in services for each in service.characteristics if each.uuid == uuid)


async def opened(room: Room, device: VirtualDevice) -> VirtualDevice:
    await device.open()
    room.stack.push_async_callback(device.close)
    return device


def test_they_are_heard_by_name_with_services_and_maker():
    async def work(room: Room):
        ben = await room.radio("ben")
        await opened(room, thermometer(room.air, 40, (2.0, 0.0)))
        await opened(room, game_pad(room.air, 41, (0.0, 3.0)))
        heard: dict[str, Heard] = {}
        async with ben.scanning(lambda each: heard.update({each.name: each})):
            await asyncio.sleep(1.0)
        assert set(heard) == {"Thermometer", "Game pad"}
        assert "0000181a-0000-1000-8000-00805f9b34fb" in heard["Thermometer"].service_uuids
        assert (heard["Game pad"].company_id, heard["Game pad"].company_data) == (0xFFFF, b"lab")
        assert heard["Game pad"].tx_power_dbm == 0

    in_room(work)


def test_the_thermometer_tells_the_temperature_by_itself():
    async def work(room: Room):
        ben = await room.radio("ben")
        device = await opened(room, thermometer(room.air, 40, (2.0, 0.0)))
        gatt = await ben.connect(device.adapter.address, lambda: None)
        told: list[bytes] = []
        handle = handle_of(gatt.services, TEMPERATURE)
        await gatt.subscribe(handle, told.append)
        await asyncio.sleep(3.5)
        assert len(told) in {3, 4}
        assert 1900 < int.from_bytes(told[0], "little", signed=True) < 2300
        await gatt.unsubscribe(handle)
        heard = len(told)
        await asyncio.sleep(3.5)
        assert len(told) == heard
        await gatt.close()

    in_room(work)


@pytest.mark.parametrize("wrong", [False, True])
def test_the_label_needs_the_digits_on_the_display(wrong):
    async def work(room: Room):
        ben = await room.radio("ben")
        device = await opened(room, thermometer(room.air, 40, (2.0, 0.0)))
        asked: list[Question] = []

        async def ask(question: Question) -> int | bool:
            asked.append(question)
            await asyncio.sleep(5.0)  # to read and type
            assert device.shown is not None
            return (device.shown + wrong) % 1_000_000

        ben.ask = ask
        gatt = await ben.connect(device.adapter.address, lambda: None)
        handle = handle_of(gatt.services, LABEL)
        with pytest.raises(BluetoothError) as caught:
            await gatt.read(handle)
        assert caught.value.reason is R.NEEDS_PAIRING
        if wrong:
            with pytest.raises(BluetoothError) as caught:
                await gatt.pair()
            assert caught.value.reason is R.WRONG_PASSKEY
            assert await ben.bonds() == ()
            return
        await gatt.pair()
        assert [each.kind for each in asked] == [QuestionKind.ENTER]
        assert await gatt.read(handle) == b"cellar"
        await gatt.write(handle, b"attic", response=True)
        assert await gatt.read(handle) == b"attic"
        await gatt.close()
        await asyncio.sleep(1.0)
        again = await ben.connect(device.adapter.address, lambda: None)
        assert await again.read(handle_of(again.services, LABEL)) == b"attic"
        assert len(asked) == 1, "the bond is enough"
        await again.close()

    in_room(work)


def test_the_game_pad_pairs_without_a_question_of_digits():
    async def work(room: Room):
        ben = await room.radio("ben")
        device = await opened(room, game_pad(room.air, 41, (2.0, 0.0)))
        asked: list[QuestionKind] = []

        async def ask(question: Question) -> bool:
            asked.append(question.kind)
            return True

        ben.ask = ask
        gatt = await ben.connect(device.adapter.address, lambda: None)
        await gatt.pair()
        assert set(asked) <= {QuestionKind.CONFIRM}
        assert await gatt.read(handle_of(gatt.services, REPORT)) == bytes(8)
        await ben.unpair(device.adapter.address)
        await asyncio.sleep(1.0)
        gatt = await ben.connect(device.adapter.address, lambda: None)
        with pytest.raises(BluetoothError):
            await gatt.read(handle_of(gatt.services, REPORT))

    in_room(work)
