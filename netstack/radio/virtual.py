"""The lab's radio behind the same seam as this computer's: bleak's own API on virtual controllers.

Loading this module loads bleak and Bumble.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from bumble import hci

from netstack.model.ble import Bond, ConnectionParameters, Heard, Preflight, PreflightCheck, PreflightStep
from netstack.model.bluetooth_error import BluetoothError
from netstack.radio.bleak_central import BleakCentral
from netstack.radio.protocol import Accept, Ask, GattLink
from netstack.radio.virtual_adapter import VirtualAdapter
from netstack.radio.virtual_air import INTERVAL_S, SUPERVISION_S
from netstack.radio.virtual_bleak import backends
from netstack.radio.virtual_serving import serving

STACK = "the lab's radio"
PARAMETERS = ConnectionParameters(INTERVAL_S, 0, SUPERVISION_S)  # every connection in the lab's air has these
_R = BluetoothError.Reason
_STEP_OF = {
    _R.NO_BUS: PreflightStep.SERVICE,
    _R.NO_SERVICE: PreflightStep.SERVICE,
    _R.DENIED: PreflightStep.PERMISSION,
    _R.NO_ADAPTER: PreflightStep.ADAPTER,
    _R.HELD: PreflightStep.ADAPTER,
    _R.SWITCHED_OFF: PreflightStep.SWITCH,
    _R.BLOCKED: PreflightStep.SWITCH,
    _R.POWERED_OFF: PreflightStep.POWER,
    _R.NO_CENTRAL: PreflightStep.JOIN,
}


class VirtualRadio:
    """A person's computer in the lab, with one adapter."""

    def __init__(self, adapter: VirtualAdapter) -> None:
        self.adapter = adapter
        self._central = BleakCentral(*backends(adapter))

    @property
    def ask(self) -> Ask | None:
        """Who answers pairings."""
        return self.adapter.ask

    @ask.setter
    def ask(self, ask: Ask | None) -> None:
        self.adapter.ask = ask

    async def preflight(self) -> Preflight:
        """What the adapter's state allows."""
        fault = self.adapter.fault
        checks: list[PreflightCheck] = []
        for step in PreflightStep:
            if fault is not None and step is _STEP_OF[fault]:
                checks.append(_failed(step, fault))
            elif fault is not None and checks and checks[-1].ok is not True:
                checks.append(PreflightCheck(step))
            elif step is PreflightStep.HOST and not self.adapter.can_host:
                checks.append(_failed(step, _R.NO_PERIPHERAL))
            else:
                detail = self.adapter.name if step is PreflightStep.ADAPTER else ""
                checks.append(PreflightCheck(step, ok=True, detail=detail))
        obstacle = BluetoothError(fault) if fault is not None else None
        return Preflight(
            stack=STACK,
            adapter=self.adapter.name,
            address=self.adapter.address,
            checks=tuple(checks),
            failure=None if fault is None else fault.value,
            failure_text="" if obstacle is None else obstacle.sentence,
            next_step="" if obstacle is None else obstacle.remedy,
            can_join=fault is None,
            can_host=fault is None and self.adapter.can_host,
        )

    @asynccontextmanager
    async def scanning(
        self, heard: Callable[[Heard], None], service_uuids: tuple[str, ...] = ()
    ) -> AsyncIterator[None]:
        """Scans while it is entered."""
        self.adapter.require()
        async with self._central.scanning(heard, service_uuids):
            yield

    async def connect(self, address: str, lost: Callable[[], None]) -> GattLink:
        """Connects and looks inside."""
        self.adapter.require()
        return await self._central.connect(address, lost, parameters=PARAMETERS)

    def serving(self, service_uuid: str, accept: Accept) -> AbstractAsyncContextManager[None]:
        """Advertises and serves while it is entered."""
        return serving(self.adapter, service_uuid, accept)

    async def bonds(self) -> tuple[Bond, ...]:
        """What the adapter keeps."""
        keys = self.adapter.device.keystore
        known = [] if keys is None else await keys.get_all()
        connected = {str(each.peer_address) for each in self.adapter.device.connections.values()}
        return tuple(Bond(name.removesuffix("/P"), connected=name in connected) for name, _ in sorted(known))

    async def unpair(self, address: str) -> None:
        """Forgets the keys, and disconnects."""
        key = str(hci.Address(address))
        if self.adapter.device.keystore is not None:
            await self.adapter.device.keystore.delete(key)
        for connection in list(self.adapter.device.connections.values()):
            if str(connection.peer_address) == key:
                await connection.disconnect()
        self._central.forget(address)

    async def close(self) -> None:
        """Switches the adapter off."""
        await self.adapter.close()


def _failed(step: PreflightStep, reason: BluetoothError.Reason) -> PreflightCheck:
    error = BluetoothError(reason)
    return PreflightCheck(step, ok=False, failure=reason.value, text=error.sentence, next_step=error.remedy)
