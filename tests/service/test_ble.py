"""The desk behind the Bluetooth page, on the lab's radio and on virtual time."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from netstack.lab.clock import VirtualTimeLoop
from netstack.lab.radio import LabRadio
from netstack.model.ble import ConnectionParameters, Heard, QuestionKind
from netstack.model.bluetooth import BleState, LinkPhase, PairingQuestion
from netstack.model.bluetooth_error import BluetoothError
from netstack.service.ble import BleDesk
from netstack.service.ble_devices import MAX_DEVICES, BleDevices

R = BluetoothError.Reason


class Clock:
    """As much of a network as the desk needs."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def wall_time(self) -> float:
        return 1_000_000.0 + self.now()


def at_desk(work: Callable[[BleDesk], Awaitable[None]]) -> list[BleState]:
    """Runs `work` with the lab's devices around; gives every state."""
    states: list[BleState] = []

    async def main() -> None:
        radio = LabRadio("anna")
        desk = BleDesk(Clock(), radio.open, states.append)  # type: ignore[arg-type]
        try:
            async with asyncio.timeout(300):
                await work(desk)
        finally:
            await desk.close()
            await radio.close()

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(main())
    return states


async def scanned(desk: BleDesk) -> dict[str, str]:
    """Looks around for three seconds; name -> address."""
    scan = asyncio.get_running_loop().create_task(desk.scan())
    await asyncio.sleep(3)
    assert desk.state.scanning
    scan.cancel()
    await asyncio.wait([scan])
    assert not desk.state.scanning
    return {device.name: device.address for device in desk.state.devices}


def handle(desk: BleDesk, name: str) -> int:
    assert desk.state.link is not None
    return next(
        each.handle
        for service in desk.state.link.services
        for each in service.characteristics
        if each.name == name
    )


async def question(desk: BleDesk) -> PairingQuestion:
    while desk.state.question is None:  # noqa: ASYNC110 - virtual time
        await asyncio.sleep(0.01)
    return desk.state.question


def test_a_scan_tells_names_services_and_strengths() -> None:
    async def work(desk: BleDesk) -> None:
        await scanned(desk)
        found = {device.name: device for device in desk.state.devices}
        assert set(found) == {"Thermometer", "Game pad"}
        assert [each.name for each in found["Thermometer"].services] == [
            "Environmental Sensing",
            "Battery Service",
        ]
        assert len(found["Thermometer"].history) >= 5
        assert found["Thermometer"].rssi_dbm > found["Game pad"].rssi_dbm  # type: ignore[operator]
        assert desk.state.preflight is not None
        assert desk.state.preflight.can_host

    at_desk(work)


def test_a_device_is_looked_into_read_and_listened_to() -> None:
    async def work(desk: BleDesk) -> None:
        await desk.connect((await scanned(desk))["Thermometer"])
        link = desk.state.link
        assert link is not None
        assert (link.phase, link.mtu_bytes) == (LinkPhase.CONNECTED, 247)
        assert link.parameters == ConnectionParameters(0.015, 0, 4.0)
        assert await desk.read(handle(desk, "Battery Level")) == bytes([87])
        temperature = handle(desk, "Temperature")
        await desk.notify(temperature, True)
        await asyncio.sleep(3.2)
        await desk.notify(temperature, False)
        assert desk.state.link is not None
        assert len(desk.state.link.notifications) in {3, 4}
        await desk.disconnect()
        assert desk.state.link is None

    at_desk(work)


def test_a_passkey_is_asked_for_and_opens_what_was_closed() -> None:
    async def work(desk: BleDesk) -> None:
        address = (await scanned(desk))["Thermometer"]
        await desk.connect(address)
        with pytest.raises(BluetoothError):
            await desk.read(handle(desk, "User Index"))
        assert desk.state.failure == R.NEEDS_PAIRING
        wrong = asyncio.get_running_loop().create_task(desk.pair())
        asked = await question(desk)
        assert (asked.kind, asked.name, asked.passkey) == (QuestionKind.ENTER, "Thermometer", None)
        desk.answer(asked.number, False)
        with pytest.raises(BluetoothError):
            await wrong
        assert desk.state.question is None
        assert not desk.state.bonds

    at_desk(work)


def test_just_works_bonds_and_unpairing_forgets() -> None:
    async def work(desk: BleDesk) -> None:
        address = (await scanned(desk))["Game pad"]
        await desk.connect(address)
        await desk.pair()  # whoever asked for it need not agree to it
        assert [bond.address for bond in desk.state.bonds] == [address]
        assert desk.state.link is not None
        assert desk.state.link.bonded
        assert await desk.read(handle(desk, "Report")) == bytes(8)
        await desk.unpair(address)
        assert desk.state.bonds == ()

    at_desk(work)


def test_a_question_that_nobody_answers_ends() -> None:
    async def work(desk: BleDesk) -> None:
        await desk.connect((await scanned(desk))["Thermometer"])
        with pytest.raises(BluetoothError):
            await desk.pair()
        assert desk.state.question is None

    at_desk(work)


def test_nothing_is_asked_of_a_device_that_is_gone() -> None:
    async def work(desk: BleDesk) -> None:
        with pytest.raises(BluetoothError) as raised:
            await desk.read(1)
        assert raised.value.reason is R.LOST
        assert desk.state.failure_text

    at_desk(work)


def heard(number: int, at_s: float, **more: object) -> Heard:
    return Heard(
        address=f"F0:00:00:00:{number // 256:02X}:{number % 256:02X}", rssi_dbm=-60, at_s=at_s, **more
    )  # type: ignore[arg-type]


def test_the_list_is_bounded_and_newcomers_replace_the_silent() -> None:
    devices = BleDevices()
    for number in range(MAX_DEVICES):
        devices.add(heard(number, 0.0))
    devices.add(heard(999, 30.0))
    assert (len(devices), devices.crowded) == (MAX_DEVICES, 1)
    devices.add(heard(1000, 61.0))
    assert len(devices) == MAX_DEVICES
    assert devices.state(61.0, (), None)[-1].address.endswith("E8")


def test_a_hostile_name_is_one_short_line() -> None:
    devices = BleDevices()
    devices.add(heard(1, 0.0, name="evil\n\x1b[31m" + "x" * 500))
    name = devices.state(0.0, (), None)[0].name
    assert name.isprintable()
    assert len(name) <= 64


def test_history_reaches_back_one_minute() -> None:
    devices = BleDevices()
    for second in range(200):
        devices.add(heard(1, float(second)))
    history = devices.state(199.0, (), None)[0].history
    assert history[0][0] <= 60
    assert history[-1] == (0.0, -60.0)
