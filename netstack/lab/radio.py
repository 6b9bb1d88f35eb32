"""What is in the air around the lab's patient: its own adapter, a thermometer, a game pad behind two walls."""

import asyncio
from contextlib import AsyncExitStack
from importlib import import_module
from typing import TYPE_CHECKING

from netstack.radio.protocol import Radio

if TYPE_CHECKING:
    from netstack.radio.virtual_devices import VirtualDevice


async def load_virtual_radio() -> None:
    """Loads bleak and Bumble in a thread: a loop that is somebody's clock must not stand still for a quarter of a second."""
    await asyncio.to_thread(
        lambda: [import_module(f"netstack.radio.{name}") for name in ("virtual", "virtual_devices")]
    )


class LabRadio:
    """`open` switches everything on and gives the patient's radio; Bluetooth libraries are loaded then."""

    def __init__(self, name: str, *, seed: int = 0) -> None:
        self._name = name
        self._seed = seed
        self._stack = AsyncExitStack()
        self._devices: tuple[VirtualDevice, ...] = ()

    async def open(self) -> Radio:
        """The patient's radio."""
        await load_virtual_radio()
        from netstack.radio.virtual import VirtualRadio  # noqa: PLC0415
        from netstack.radio.virtual_adapter import VirtualAdapter  # noqa: PLC0415
        from netstack.radio.virtual_air import Air  # noqa: PLC0415
        from netstack.radio.virtual_devices import game_pad, thermometer  # noqa: PLC0415

        air = Air(self._seed)
        self._stack.callback(air.close)
        self._devices = (thermometer(air, 40, (1.2, 0.0)), game_pad(air, 41, (0.0, 6.0)))
        for device in self._devices:
            await device.open()
            self._stack.push_async_callback(device.close)
        adapter = VirtualAdapter(air, self._name, number=1)
        await adapter.open()
        return VirtualRadio(adapter)

    def display(self, address: str) -> int | None:
        """The digits that a device shows at the moment."""
        return next((each.shown for each in self._devices if each.adapter.address == address), None)

    async def close(self) -> None:
        """Switches everything off but the patient's radio, whose owner does that. May be called twice."""
        await self._stack.aclose()
