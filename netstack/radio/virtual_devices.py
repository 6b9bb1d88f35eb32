"""Things that are in the air of the lab: a thermometer with a display, and a game pad without one.

Loading this module loads Bumble.
"""

import asyncio
import math
from contextlib import AsyncExitStack
from typing import Final

from bumble import gatt
from bumble.att import Attribute
from bumble.core import UUID, AdvertisingData
from bumble.device import Connection
from bumble.pairing import PairingDelegate

from netstack.model.ble import Question
from netstack.radio.virtual_adapter import VirtualAdapter
from netstack.radio.virtual_air import Air
from netstack.radio.virtual_serving import refuse_write
from netstack.tasks import TaskScope

MEASURE_EVERY_S: Final = 1.0
TEST_COMPANY: Final = 0xFFFF  # for tests: belongs to nobody
_Properties = gatt.Characteristic.Properties
_FLAGS: Final = bytes(
    (AdvertisingData.LE_GENERAL_DISCOVERABLE_MODE_FLAG | AdvertisingData.BR_EDR_NOT_SUPPORTED_FLAG,)
)


class VirtualDevice:
    """A device that advertises while it is open. `shown` is the passkey on its display; None while there is none."""

    def __init__(
        self, adapter: VirtualAdapter, services: list[gatt.Service], advertised: tuple[int, ...]
    ) -> None:
        self.adapter = adapter
        self.shown: int | None = None
        adapter.ask = self._asked
        self._services = services
        self._advertised = advertised
        self._stack = AsyncExitStack()

    async def open(self) -> None:
        """Switches it on."""
        await self.adapter.open()
        self._stack.push_async_callback(self.adapter.close)
        for service in self._services:
            self.adapter.serve(service)
        uuids = b"".join(number.to_bytes(2, "little") for number in self._advertised)
        data = AdvertisingData(
            [
                (AdvertisingData.FLAGS, _FLAGS),
                (AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, uuids),
                (AdvertisingData.TX_POWER_LEVEL, bytes((0,))),
                (AdvertisingData.MANUFACTURER_SPECIFIC_DATA, TEST_COMPANY.to_bytes(2, "little") + b"lab"),
            ]
        )
        name = AdvertisingData([(AdvertisingData.COMPLETE_LOCAL_NAME, self.adapter.name.encode())])
        await self._stack.enter_async_context(self.adapter.advertising(bytes(data), bytes(name)))
        tasks = await self._stack.enter_async_context(TaskScope(self.adapter.name))
        tasks.start(self._live(), "live")

    async def close(self) -> None:
        """Switches it off."""
        await self._stack.aclose()

    async def _live(self) -> None:
        """What it does by itself."""

    async def _asked(self, question: Question) -> int | bool:
        """Shows the digits, and agrees to whatever needs nobody."""
        self.shown = question.passkey
        return True


class _Thermometer(VirtualDevice):
    def __init__(self, adapter: VirtualAdapter) -> None:
        self._temperature: gatt.Characteristic[bytes] = gatt.Characteristic(
            "2A6E",
            _Properties.READ | _Properties.NOTIFY,
            Attribute.READABLE,
            gatt.CharacteristicValue(read=lambda _: self._now(), write=refuse_write),
        )
        self._unit = b"cellar"
        label: gatt.Characteristic[bytes] = gatt.Characteristic(
            "2A9A",  # User Index stands in for a label that only its owner reads and writes
            _Properties.READ | _Properties.WRITE,
            Attribute.READABLE
            | Attribute.WRITEABLE
            | Attribute.READ_REQUIRES_AUTHENTICATION
            | Attribute.WRITE_REQUIRES_AUTHENTICATION,
            gatt.CharacteristicValue(read=lambda _: self._unit, write=self._label),
        )
        services = [gatt.Service(UUID("181A"), [self._temperature, label]), _battery(87)]
        super().__init__(adapter, services, (0x181A, 0x180F))

    def _label(self, _connection: Connection, value: bytes) -> None:
        self._unit = value[:20]

    def _now(self) -> bytes:
        """Hundredths of a degree: 21 and a bit, slowly up and down (Environmental Sensing Service 3.1)."""
        seconds = asyncio.get_running_loop().time()
        return int(2100 + 150 * math.sin(seconds / 60)).to_bytes(2, "little", signed=True)

    async def _live(self) -> None:
        while True:
            await asyncio.sleep(MEASURE_EVERY_S)
            await self.adapter.device.notify_subscribers(self._temperature, self._now())


class _GamePad(VirtualDevice):
    def __init__(self, adapter: VirtualAdapter) -> None:
        report: gatt.Characteristic[bytes] = gatt.Characteristic(
            "2A4D",
            _Properties.READ | _Properties.NOTIFY,
            Attribute.READABLE | Attribute.READ_REQUIRES_ENCRYPTION,
            gatt.CharacteristicValue(read=lambda _: bytes(8), write=refuse_write),
        )
        services = [gatt.Service(UUID("1812"), [report]), _battery(42)]
        super().__init__(adapter, services, (0x1812, 0x180F))


def thermometer(air: Air, number: int, place_m: tuple[float, float]) -> VirtualDevice:
    """Temperature every second, a battery, and a label that needs a pairing with the digits on its display."""
    io = PairingDelegate.IoCapability.DISPLAY_OUTPUT_ONLY
    return _Thermometer(VirtualAdapter(air, "Thermometer", number=number, place_m=place_m, io=io))


def game_pad(air: Air, number: int, place_m: tuple[float, float]) -> VirtualDevice:
    """Buttons behind a pairing that asks nothing (Just Works)."""
    io = PairingDelegate.IoCapability.NO_OUTPUT_NO_INPUT
    return _GamePad(VirtualAdapter(air, "Game pad", number=number, place_m=place_m, io=io))


def _battery(percent: int) -> gatt.Service:
    level: gatt.Characteristic[bytes] = gatt.Characteristic(
        "2A19",
        _Properties.READ,
        Attribute.READABLE,
        gatt.CharacteristicValue(read=lambda _: bytes((percent,)), write=refuse_write),
    )
    return gatt.Service(UUID("180F"), [level])
