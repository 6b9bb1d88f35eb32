"""The central role by bleak: scan, connect, look inside. The same on every system, and on the lab's radio.

Loading this module loads bleak. Every wait is bounded; every error is a BluetoothError.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from bleak import BleakClient, BleakScanner
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner

from netstack.model.ble import ATT_HEADER_BYTES, Characteristic, ConnectionParameters, Heard, Service
from netstack.model.bluetooth_error import BluetoothError
from netstack.radio.bleak_errors import bluetooth_error

FIND_S = 10.0
CONNECT_S = 20.0
REQUEST_S = 10.0
PAIR_S = 90.0
MAX_KNOWN = 1024
MAX_VALUE_BYTES = 512  # the longest attribute value (Core Specification 5.4, volume 3, part F, section 3.2.9)
WEAKEST_DBM, STRONGEST_DBM = (
    -126,
    20,
)  # -127 and 127 stand for "not known" (Core Specification 5.4, volume 4, part E, 7.7.65)


@contextmanager
def _ours() -> Iterator[None]:
    try:
        yield
    except asyncio.CancelledError:
        raise
    except Exception as error:
        ours = bluetooth_error(error)
        if ours is error:
            raise
        raise ours from error


class BleakLink:
    """A connection to a device's GATT server (`GattLink`). `pairing` pairs by the system's own means where given."""

    def __init__(
        self,
        client: BleakClient,
        pairing: Callable[[], Awaitable[None]] | None = None,
        parameters: ConnectionParameters | None = None,
    ) -> None:
        self._client = client
        self._pairing = pairing
        self.parameters = parameters
        self.exchanged_mtu_bytes = 0  # where the system tells it, later than bleak has looked

    @property
    def address(self) -> str:
        """The device's address."""
        return self._client.address

    @property
    def is_open(self) -> bool:
        """Whether the device is connected."""
        return self._client.is_connected

    @property
    def services(self) -> tuple[Service, ...]:
        """What is inside, in the order of the handles; empty once it is lost."""
        if not self._client.is_connected:
            return ()
        return tuple(
            Service(
                service.handle,
                service.uuid,
                tuple(
                    Characteristic(
                        each.handle,
                        each.uuid,
                        tuple(each.properties),
                        tuple(d.uuid for d in each.descriptors),
                    )
                    for each in sorted(service.characteristics, key=lambda each: each.handle)
                ),
            )
            for service in sorted(self._client.services, key=lambda each: each.handle)
        )

    @property
    def mtu_bytes(self) -> int | None:
        """The ATT MTU that was agreed on; None where no characteristic tells it."""
        if not self._client.is_connected:
            return None
        found = [
            each.max_write_without_response_size for each in self._client.services.characteristics.values()
        ]
        return max(max(found) + ATT_HEADER_BYTES, self.exchanged_mtu_bytes) if found else None

    def max_write_bytes(self, handle: int) -> int:
        """The most that one write without response takes. Raises BluetoothError."""
        with _ours():
            characteristic = self._client.services.get_characteristic(handle)
            if characteristic is None:
                raise BluetoothError(BluetoothError.Reason.GONE)
            told = characteristic.max_write_without_response_size
            return max(told, self.exchanged_mtu_bytes - ATT_HEADER_BYTES)

    async def read(self, handle: int) -> bytes:
        """Reads a value. Raises BluetoothError."""
        with _ours():
            async with asyncio.timeout(REQUEST_S):
                return bytes(await self._client.read_gatt_char(handle))[:MAX_VALUE_BYTES]

    async def write(self, handle: int, data: bytes, *, response: bool) -> None:
        """Writes a value, with or without the device's answer. Raises BluetoothError."""
        with _ours():
            async with asyncio.timeout(REQUEST_S):
                await self._client.write_gatt_char(handle, data, response=response)

    async def subscribe(self, handle: int, told: Callable[[bytes], None]) -> None:
        """Asks for notifications. Raises BluetoothError."""
        with _ours():
            async with asyncio.timeout(REQUEST_S):
                await self._client.start_notify(handle, lambda _, data: told(bytes(data)))

    async def unsubscribe(self, handle: int) -> None:
        """Ends them. Raises BluetoothError."""
        with _ours():
            async with asyncio.timeout(REQUEST_S):
                await self._client.stop_notify(handle)

    async def pair(self) -> None:
        """Pairs and bonds. Raises BluetoothError."""
        if self._pairing is not None:
            await self._pairing()
            return
        with _ours():
            async with asyncio.timeout(PAIR_S):
                await self._client.pair()

    async def close(self) -> None:
        """Disconnects. Never fails."""
        try:
            async with asyncio.timeout(REQUEST_S):
                await self._client.disconnect()
        except asyncio.CancelledError:
            raise
        except Exception:
            pass  # whatever it said, the connection is gone or the system lets go of it


class BleakCentral:
    """`backends` are bleak's own where they are left out. Remembers what it heard, so that it can connect."""

    def __init__(
        self,
        scanner_backend: type[BaseBleakScanner] | None = None,
        client_backend: type[BaseBleakClient] | None = None,
    ) -> None:
        self._scanner_backend = scanner_backend
        self._client_backend = client_backend
        self._known: dict[str, BLEDevice] = {}

    @asynccontextmanager
    async def scanning(
        self, heard: Callable[[Heard], None], service_uuids: tuple[str, ...] = ()
    ) -> AsyncIterator[None]:
        """Scans while it is entered; `heard` gets each advertisement. Raises BluetoothError."""

        def detected(device: BLEDevice, data: AdvertisementData) -> None:
            self._remember(device)
            heard(_heard(device, data))

        scanner = BleakScanner(detected, list(service_uuids) or None, backend=self._scanner_backend)
        with _ours():
            async with asyncio.timeout(REQUEST_S):
                await scanner.start()
        try:
            yield
        finally:
            with _ours():
                async with asyncio.timeout(REQUEST_S):
                    await scanner.stop()

    async def connect(
        self,
        address: str,
        lost: Callable[[], None],
        pairing: Callable[[], Awaitable[None]] | None = None,
        parameters: ConnectionParameters | None = None,
    ) -> BleakLink:
        """Connects and looks inside; scans first for an address that was not heard. Raises BluetoothError.

        `lost` is called once, when the device goes, whoever ends the connection.
        """
        client = BleakClient(
            self._known.get(address.upper()) or await self._find(address),
            disconnected_callback=lambda _: lost(),
            timeout=CONNECT_S,
            backend=self._client_backend,
        )
        with _ours():
            async with asyncio.timeout(CONNECT_S):
                await client.connect()
        return BleakLink(client, pairing, parameters)

    def forget(self, address: str) -> None:
        """What the system knew of it is void, after an unpairing."""
        self._known.pop(address.upper(), None)

    async def _find(self, address: str) -> BLEDevice:
        """Scans until the device is heard. bleak's own search misses what comes while a scan begins."""
        found = asyncio.Event()

        def heard(each: Heard) -> None:
            if each.address.upper() == address.upper():
                found.set()

        with _ours():
            async with self.scanning(heard):
                try:
                    await asyncio.wait_for(found.wait(), FIND_S)
                except TimeoutError:
                    raise BluetoothError(BluetoothError.Reason.NOT_FOUND) from None
        return self._known[address.upper()]

    def _remember(self, device: BLEDevice) -> None:
        self._known.pop(device.address.upper(), None)
        self._known[device.address.upper()] = device
        if len(self._known) > MAX_KNOWN:
            del self._known[next(iter(self._known))]


def _heard(device: BLEDevice, data: AdvertisementData) -> Heard:
    company_id = next(iter(data.manufacturer_data), None)
    return Heard(
        address=device.address,
        name=data.local_name or device.name or "",
        rssi_dbm=data.rssi if WEAKEST_DBM <= data.rssi <= STRONGEST_DBM else None,
        tx_power_dbm=data.tx_power,
        service_uuids=tuple(data.service_uuids),
        service_data=tuple(sorted(data.service_data.items())),
        company_id=company_id,
        company_data=b"" if company_id is None else bytes(data.manufacturer_data[company_id]),
        at_s=asyncio.get_running_loop().time(),
    )
