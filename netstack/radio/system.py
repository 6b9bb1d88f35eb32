"""The radio of this computer: BlueZ on Linux; elsewhere what bleak alone offers, which can join but not host."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from netstack.model.ble import Bond, Heard, Preflight, PreflightCheck, PreflightStep
from netstack.model.bluetooth_error import BluetoothError
from netstack.radio.protocol import Accept, Ask, GattLink, Radio

if TYPE_CHECKING:
    from netstack.radio.bleak_central import BleakCentral

Reason = BluetoothError.Reason


async def open_system_radio() -> Radio:
    """Loads the libraries, beside the loop, and gives the radio. Nothing is asked of the system before its first use."""
    await asyncio.to_thread(import_module, "netstack.radio.bleak_central")
    if sys.platform == "linux":
        from netstack.radio.bluez import BluezRadio  # noqa: PLC0415 - a Bluetooth library, loaded when it is wanted

        return BluezRadio()
    from netstack.radio.bleak_central import BleakCentral  # noqa: PLC0415

    return BleakRadio(BleakCentral())


class BleakRadio:
    """`Radio` with nothing but bleak: what is the same on every system."""

    def __init__(self, central: "BleakCentral") -> None:
        self.ask: Ask | None = None
        self._central = central
        self._links: set[GattLink] = set()

    async def preflight(self) -> Preflight:
        """Whether a scan can begin tells all that the system tells."""
        failure = None
        try:
            async with self._central.scanning(lambda _: None):
                pass
        except BluetoothError as error:
            failure = error
        hosting = BluetoothError(Reason.NO_PERIPHERAL)
        join = PreflightCheck(PreflightStep.JOIN, ok=True)
        if failure is not None:
            said = (failure.reason.value, failure.sentence, failure.remedy)
            join = PreflightCheck(PreflightStep.JOIN, False, "", *said)
        host = PreflightCheck(
            PreflightStep.HOST, False, "", hosting.reason.value, hosting.sentence, hosting.remedy
        )
        return Preflight(
            stack={"darwin": "CoreBluetooth", "win32": "Windows"}.get(sys.platform, sys.platform),
            checks=(join, host),
            failure=join.failure,
            failure_text=join.text,
            next_step=join.next_step,
            can_join=failure is None,
            can_host=False,
        )

    def scanning(
        self, heard: Callable[[Heard], None], service_uuids: tuple[str, ...] = ()
    ) -> AbstractAsyncContextManager[None]:
        """Scans while it is entered."""
        return self._central.scanning(heard, service_uuids)

    async def connect(self, address: str, lost: Callable[[], None]) -> GattLink:
        """Connects to a device."""
        link = await self._central.connect(address, lost)
        self._links = {each for each in self._links if each.is_open} | {link}
        return link

    @asynccontextmanager
    async def serving(self, service_uuid: str, accept: Accept) -> AsyncIterator[None]:
        """Not on this system."""
        raise BluetoothError(Reason.NO_PERIPHERAL)
        yield

    async def bonds(self) -> tuple[Bond, ...]:
        """The system does not tell."""
        return ()

    async def unpair(self, address: str) -> None:
        """The system does it."""
        raise BluetoothError(Reason.NOT_RUN_HERE)

    async def close(self) -> None:
        """Ends links."""
        for link in self._links:
            await link.close()
