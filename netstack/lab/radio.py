"""What is in the air around the lab's patient: its own adapter, a thermometer, a game pad behind two walls."""

from contextlib import AsyncExitStack

from netstack.radio.protocol import Radio


class LabRadio:
    """`open` switches everything on and gives the patient's radio; Bluetooth libraries are loaded then."""

    def __init__(self, name: str, *, seed: int = 0) -> None:
        self._name = name
        self._seed = seed
        self._stack = AsyncExitStack()

    async def open(self) -> Radio:
        """The patient's radio."""
        from netstack.radio.virtual import VirtualRadio  # noqa: PLC0415
        from netstack.radio.virtual_adapter import VirtualAdapter  # noqa: PLC0415
        from netstack.radio.virtual_air import Air  # noqa: PLC0415
        from netstack.radio.virtual_devices import game_pad, thermometer  # noqa: PLC0415

        air = Air(self._seed)
        self._stack.callback(air.close)
        for device in (thermometer(air, 40, (1.2, 0.0)), game_pad(air, 41, (0.0, 6.0))):
            await device.open()
            self._stack.push_async_callback(device.close)
        adapter = VirtualAdapter(air, self._name, number=1)
        await adapter.open()
        return VirtualRadio(adapter)

    async def close(self) -> None:
        """Switches everything off but the patient's radio, whose owner does that. May be called twice."""
        await self._stack.aclose()
