"""The radio of a Linux computer: bleak for what a central does, D-Bus for pairing, bonds and the peripheral role."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

from netstack.model.ble import LEAST_MTU_BYTES, Bond, Heard, Preflight, Question
from netstack.model.bluetooth_error import BluetoothError
from netstack.radio import bluez_preflight
from netstack.radio.bleak_central import BleakCentral, BleakLink
from netstack.radio.bleak_errors import dbus_error
from netstack.radio.bluez_agent import PairingAgent
from netstack.radio.bluez_bus import ADAPTER, DEVICE, BluezBus, BusError
from netstack.radio.bluez_peripheral import BluezPeripheral
from netstack.radio.protocol import Accept, Ask
from netstack.tasks import TaskScope

PAIR_S = 90.0
CHARACTERISTIC = "org.bluez.GattCharacteristic1"
MTU_LOOKS, MTU_LOOK_S = 10, 0.1
ALREADY_EXISTS = "org.bluez.Error.AlreadyExists"
Reason = BluetoothError.Reason


class BluezRadio:
    """`Radio` on BlueZ. It is the system's agent for pairings only while it holds a link, pairs or serves."""

    def __init__(self) -> None:
        self.ask: Ask | None = None
        self._central = BleakCentral()
        self._agent: PairingAgent | None = None
        self._holders = 0
        self._links: set[BleakLink] = set()
        self._tasks = TaskScope("bluetooth")

    async def preflight(self) -> Preflight:
        """What stands in the way, if anything."""
        return await bluez_preflight.look()

    def scanning(
        self, heard: Callable[[Heard], None], service_uuids: tuple[str, ...] = ()
    ) -> AbstractAsyncContextManager[None]:
        """Scans while it is entered."""
        return self._central.scanning(heard, service_uuids)

    async def connect(self, address: str, lost: Callable[[], None]) -> BleakLink:
        """Connects to a device; questions that it raises go to `ask`."""
        await self._hold()
        link: BleakLink | None = None

        def gone() -> None:
            if link is not None and link in self._links:
                self._links.discard(link)
                self._let_go()
                lost()

        try:
            link = await self._central.connect(address, gone, lambda: self._pair(address))
        except BaseException:
            self._let_go()
            raise
        self._links.add(link)
        if link.mtu_bytes == LEAST_MTU_BYTES:
            link.exchanged_mtu_bytes = await _exchanged_mtu_bytes(address)
        if not link.is_open:  # it went while it was being looked into
            gone()
        return link

    @asynccontextmanager
    async def serving(self, service_uuid: str, accept: Accept) -> AsyncIterator[None]:
        """Advertises and serves while it is entered."""
        found = await self.preflight()
        if found.failure is not None:
            raise BluetoothError(Reason(found.failure))
        if not found.can_host:
            raise BluetoothError(Reason.NO_PERIPHERAL)
        await self._hold()
        try:
            async with _bus() as bus:
                peripheral = BluezPeripheral(bus, f"/org/bluez/{found.adapter}", service_uuid, accept)
                try:
                    await peripheral.open()
                    yield
                finally:
                    await peripheral.close()
        finally:
            self._let_go()

    async def bonds(self) -> tuple[Bond, ...]:
        """The devices that this computer is paired with."""
        async with _bus() as bus:
            devices = [each[DEVICE] for each in (await bus.managed()).values() if DEVICE in each]
        return tuple(
            Bond(str(each["Address"]), str(each.get("Name", "")), bool(each.get("Connected")))
            for each in sorted(devices, key=lambda each: str(each["Address"]))
            if each.get("Paired")
        )

    async def unpair(self, address: str) -> None:
        """Forgets the device and its keys, and disconnects it."""
        async with _bus() as bus:
            path, device = await _device(bus, address)
            if not device.get("Paired"):
                raise BluetoothError(Reason.NOT_FOUND)
            await bus.call(path.rpartition("/")[0], ADAPTER, "RemoveDevice", "o", [path])
        self._central.forget(address)

    async def close(self) -> None:
        """Ends links and leaves the bus."""
        for link in list(self._links):
            await link.close()
        await self._tasks.close()
        await self._leave()

    async def _pair(self, address: str) -> None:
        agent = await self._hold()
        agent.begin()
        try:
            path, device = await _device(agent.bus, address)
            if not device.get("Paired"):
                await agent.bus.call(path, DEVICE, "Pair", timeout_s=PAIR_S)
                await agent.bus.set(path, DEVICE, "Trusted", "b", True)
        except BusError as error:
            if error.name != ALREADY_EXISTS:
                raise agent.explain(dbus_error(error.name, error.text)) from error
        finally:
            agent.withdraw()
            self._let_go()

    async def _hold(self) -> PairingAgent:
        """Becomes the agent, or stays it: a service that was started again has forgotten us."""
        self._holders += 1
        try:
            agent = self._agent
            if agent is None or not agent.bus.is_open:
                bus = BluezBus()
                await bus.open()
                agent = self._agent = PairingAgent(bus, self._answer)
            await agent.register()
            return agent
        except BusError as error:
            self._let_go()
            raise dbus_error(error.name, error.text) from error
        except BaseException:
            self._let_go()
            raise

    def _let_go(self) -> None:
        self._holders -= 1
        if not self._holders and not self._tasks.closed:
            self._tasks.start(self._leave(), "leave")

    async def _leave(self) -> None:
        if self._agent is not None and not self._holders:
            agent, self._agent = self._agent, None
            await agent.bus.close()

    async def _answer(self, question: Question) -> int | bool:
        return False if self.ask is None else await self.ask(question)


@asynccontextmanager
async def _bus() -> AsyncIterator[BluezBus]:
    """A connection to BlueZ; what it refuses is raised as BluetoothError."""
    bus = BluezBus()
    try:
        await bus.open()
        yield bus
    except BusError as error:
        raise dbus_error(error.name, error.text) from error
    finally:
        await bus.close()


async def _exchanged_mtu_bytes(address: str) -> int:
    """The ATT MTU with a device that BlueZ knows already: its services are there before the MTU is agreed on, and
    that it changed is not told. After a second without more it is what it seems.
    """
    with suppress(BluetoothError):
        async with _bus() as bus:
            for _ in range(MTU_LOOKS):
                path, _ = await _device(bus, address)
                found = [
                    int(each[CHARACTERISTIC].get("MTU", LEAST_MTU_BYTES))
                    for name, each in (await bus.managed()).items()
                    if CHARACTERISTIC in each and name.startswith(f"{path}/")
                ]
                if max(found, default=LEAST_MTU_BYTES) > LEAST_MTU_BYTES:
                    return max(found)
                await asyncio.sleep(MTU_LOOK_S)
    return 0


async def _device(bus: BluezBus, address: str) -> tuple[str, dict[str, Any]]:
    for path, interfaces in (await bus.managed()).items():
        device = interfaces.get(DEVICE)
        if device is not None and str(device["Address"]).upper() == address.upper():
            return path, device
    raise BluetoothError(Reason.NOT_FOUND)
