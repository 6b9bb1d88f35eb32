"""A Bluetooth adapter of the lab: Bumble's host on a virtual controller, with the state of a computer around it.

Loading this module loads Bumble. Addresses are static random ones.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from bumble import gatt, hci
from bumble.device import Advertisement, Connection, Device
from bumble.host import Host
from bumble.keys import MemoryKeyStore
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport.common import AsyncPipeSink

from netstack.model.ble import Question, QuestionKind
from netstack.model.bluetooth_error import BluetoothError
from netstack.radio.protocol import Ask
from netstack.radio.virtual_air import Air, VirtualController
from netstack.tasks import TaskScope

MTU_BYTES: Final = 247
HOST_QUEUE: Final = 8
ADVERTISING_MS: Final = 100.0
ANSWER_S: Final = 60.0
TURNS: Final = 10
MAX_ADVERTISED: Final = 2
FLAGS_BYTES: Final = 3  # which head every advertisement, and no answer
_R = BluetoothError.Reason
_Io = PairingDelegate.IoCapability


class VirtualAdapter:
    """One adapter in the air. `can_host` is whether it can advertise; `fault` is what keeps it from working at all.

    `io` is what it can show and take while it pairs, `NO_OUTPUT_NO_INPUT` for a thing without buttons.
    """

    def __init__(
        self,
        air: Air,
        name: str,
        *,
        number: int,
        place_m: tuple[float, float] = (0.0, 0.0),
        can_host: bool = True,
        io: _Io = _Io.DISPLAY_OUTPUT_AND_KEYBOARD_INPUT,
    ) -> None:
        self.air = air
        self.name = name
        self.can_host = can_host
        self.fault: BluetoothError.Reason | None = None
        self.ask: Ask | None = None
        self.refused_here = False
        self.malformed = 0  # advertisements that could not be read
        self.controller = VirtualController(name, air, f"C0:00:5E:00:53:{number:02X}", place_m)
        self.device = Device(
            name=name,
            address=hci.Address(f"F0:00:5E:00:53:{number:02X}"),
            host=Host(self.controller, AsyncPipeSink(self.controller)),
        )
        self.device.keystore = MemoryKeyStore()
        self.device.gatt_server.max_mtu = MTU_BYTES
        self.device.pairing_config_factory = lambda connection: PairingConfig(
            delegate=_Delegate(self, str(connection.peer_address), io),
            mitm=io is not _Io.NO_OUTPUT_NO_INPUT,
            identity_address_type=PairingConfig.AddressType.RANDOM,
        )
        self._scans = 0
        self._advertised: list[tuple[bytes, bytes]] = []
        self._served: list[tuple[gatt.Service, int]] = []
        self._room = asyncio.Event()
        self._tasks = TaskScope(f"adapter {name}")

    @property
    def address(self) -> str:
        """How others see it."""
        return str(self.device.static_address).removesuffix("/P")

    async def open(self) -> None:
        """Switches it on."""
        await self.device.power_on()
        queue = self.device.host.le_acl_packet_queue
        if queue is not None:
            queue.on("flow", self._room.set)
        self.device.on(Device.EVENT_CONNECTION, self._connected)

    async def close(self) -> None:
        """Switches it off; its connections end for the others when they notice."""
        await self._tasks.close()
        self.remove(None)
        for _ in range(TURNS):  # the events of the ended connections are on their way
            await asyncio.sleep(0)
        await self.device.power_off()

    def remove(self, fault: BluetoothError.Reason | None = _R.NO_ADAPTER) -> None:
        """Pulled out, or turned off: our connections end at once, the others notice after a while."""
        self.fault = fault
        self.controller.on = False
        self.controller.le_legacy_advertiser.stop()
        for connection in list(self.controller.le_connections.values()):
            self.controller.on_le_disconnected(
                connection, hci.HCI_ErrorCode.CONNECTION_TERMINATED_BY_LOCAL_HOST_ERROR
            )

    def restore(self) -> None:
        """Put in again."""
        self.fault = None
        self.controller.on = True

    def require(self) -> None:
        """Raises BluetoothError where it cannot work."""
        if self.fault is not None:
            raise BluetoothError(self.fault)

    @asynccontextmanager
    async def hearing(self, heard: Callable[[Advertisement], None]) -> AsyncIterator[None]:
        """Scans while it is entered; several may."""
        self.require()
        self.device.on(Device.EVENT_ADVERTISEMENT, heard)
        self._scans += 1
        if self._scans == 1:
            await self.device.start_scanning(active=True)
        try:
            yield
        finally:
            self.device.remove_listener(Device.EVENT_ADVERTISEMENT, heard)
            self._scans -= 1
            if not self._scans:
                await self.device.stop_scanning()

    @asynccontextmanager
    async def advertising(self, data: bytes, scan_response: bytes = b"") -> AsyncIterator[None]:
        """Advertises while it is entered, also beside a connection. Two at a time: the second in the first one's answers."""
        self.require()
        if not self.can_host:
            raise BluetoothError(_R.NO_PERIPHERAL)
        if len(self._advertised) >= MAX_ADVERTISED:
            raise BluetoothError(_R.BUSY)
        entry = (data, scan_response)
        self._advertised.append(entry)
        try:
            await self._advertise()
            yield
        finally:
            self._advertised.remove(entry)
            if self._advertised:
                await self._advertise()
            else:
                await self.device.stop_advertising()

    async def _advertise(self) -> None:
        (data, answer), *others = self._advertised
        await self.device.start_advertising(
            advertising_data=data,
            scan_response_data=answer or b"".join(other[FLAGS_BYTES:] for other, _ in others),
            advertising_interval_min=ADVERTISING_MS,
            advertising_interval_max=ADVERTISING_MS,
        )

    def _connected(self, connection: Connection) -> None:
        """A controller stops advertising when somebody connects; computers go on."""
        connection.on(Connection.EVENT_DISCONNECTION, lambda _: self._room.set())
        if connection.role == hci.Role.PERIPHERAL and self._advertised:
            self._tasks.start(self._advertise(), "advertise")

    async def room(self, connection: Connection) -> None:
        """Waits until the queue to the controller is short. Raises BluetoothError when the connection is gone."""
        while True:
            queue = connection.data_packet_queue
            if queue is None or connection.handle not in self.device.connections:
                raise BluetoothError(_R.LOST)
            if queue.pending < HOST_QUEUE:
                return
            self._room.clear()
            await self._room.wait()

    def serve(self, service: gatt.Service) -> Callable[[], None]:
        """Adds a GATT service; what is returned takes it away again, once none that came later is there any more."""
        server = self.device.gatt_server
        self._served.append((service, len(server.attributes)))
        server.add_service(service)

        def remove() -> None:
            server.services.remove(service)
            while self._served and self._served[-1][0] not in server.services:
                _, first = self._served.pop()
                del server.attributes[first:]
            server.attributes_by_handle.clear()

        return remove


class _Delegate(PairingDelegate):
    """Asks the person at the computer what a pairing wants to know; nobody there agrees to what needs no person."""

    def __init__(self, adapter: VirtualAdapter, peer: str, io: _Io) -> None:
        super().__init__(io)
        self._adapter = adapter
        self._peer = peer.removesuffix("/P")

    async def _asked(self, kind: QuestionKind, passkey: int | None = None) -> int | bool:
        answer: int | bool = self.io_capability == _Io.NO_OUTPUT_NO_INPUT and kind is QuestionKind.CONFIRM
        if self._adapter.ask is not None:
            try:
                async with asyncio.timeout(ANSWER_S):
                    answer = await self._adapter.ask(Question(self._peer, kind, passkey))
            except TimeoutError:
                answer = False
        self._adapter.refused_here |= answer is False
        return answer

    async def confirm(self, auto: bool = False) -> bool:
        return bool(await self._asked(QuestionKind.CONFIRM))

    async def compare_numbers(self, number: int, digits: int) -> bool:
        return bool(await self._asked(QuestionKind.COMPARE, number))

    async def get_number(self) -> int | None:
        answer = await self._asked(QuestionKind.ENTER)
        return None if answer is False else int(answer)

    async def display_number(self, number: int, digits: int) -> None:
        await self._asked(QuestionKind.SHOW, number)
