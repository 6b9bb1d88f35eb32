"""bleak on the lab's radio: the backend classes that `BleakScanner` and `BleakClient` take.

Loading this module loads bleak and Bumble.
"""

import asyncio
import uuid
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any, Final

from bleak.assigned_numbers import CharacteristicPropertyName
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bumble import att, core, gatt, hci, smp
from bumble.device import Advertisement, Connection, Peer

from netstack.model.bluetooth_error import BluetoothError
from netstack.radio.virtual_adapter import MTU_BYTES, VirtualAdapter

_Ad = core.AdvertisingData
_UUIDS: Final = (
    _Ad.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    _Ad.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
)
_PROPERTIES: Final[dict[gatt.Characteristic.Properties, CharacteristicPropertyName]] = {
    gatt.Characteristic.Properties.READ: "read",
    gatt.Characteristic.Properties.WRITE_WITHOUT_RESPONSE: "write-without-response",
    gatt.Characteristic.Properties.WRITE: "write",
    gatt.Characteristic.Properties.NOTIFY: "notify",
    gatt.Characteristic.Properties.INDICATE: "indicate",
}
_PAIRING: Final[dict[int, BluetoothError.Reason]] = {
    smp.ErrorCode.PASSKEY_ENTRY_FAILED: BluetoothError.Reason.REFUSED_THERE,
    smp.ErrorCode.CONFIRM_VALUE_FAILED: BluetoothError.Reason.WRONG_PASSKEY,
    smp.ErrorCode.NUMERIC_COMPARISON_FAILED: BluetoothError.Reason.REFUSED_HERE,
    smp.ErrorCode.PAIRING_NOT_SUPPORTED: BluetoothError.Reason.REFUSED_THERE,
}


def backends(adapter: VirtualAdapter) -> tuple[type[BaseBleakScanner], type[BaseBleakClient]]:
    """The two classes for one adapter."""
    given = {"adapter": adapter}
    return type("LabScanner", (_Scanner,), given), type("LabClient", (_Client,), given)


class _Scanner(BaseBleakScanner):
    adapter: VirtualAdapter

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: str,
        **_: Any,
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._scan = AsyncExitStack()

    async def start(self) -> None:
        self.seen_devices = {}
        await self._scan.enter_async_context(self.adapter.hearing(self._heard))

    async def stop(self) -> None:
        await self._scan.aclose()

    def _heard(self, advertisement: Advertisement) -> None:
        try:
            data = _advertisement_data(advertisement)
        except Exception:  # what a stranger has put together, and Bumble reads as it is asked
            self.adapter.malformed += 1
            return
        if self.is_allowed_uuid(data.service_uuids):
            address = _plain(advertisement.address)
            device = self.create_or_update_device(address, address, data.local_name, advertisement, data)
            self.call_detection_callbacks(device, data)


def _advertisement_data(advertisement: Advertisement) -> AdvertisementData:
    data = advertisement.data
    uuids: list[str] = []
    for kind in _UUIDS:
        for found in data.get_all(kind):
            uuids += [_uuid(each) for each in found]
    makers = {company: bytes(value) for company, value in data.get_all(_Ad.MANUFACTURER_SPECIFIC_DATA)}
    return AdvertisementData(
        local_name=data.get(_Ad.COMPLETE_LOCAL_NAME),
        manufacturer_data=makers,
        service_data={
            _uuid(each): bytes(value) for each, value in data.get_all(_Ad.SERVICE_DATA_16_BIT_UUID)
        },
        service_uuids=uuids,
        tx_power=data.get(_Ad.TX_POWER_LEVEL),
        rssi=advertisement.rssi,
        platform_data=(advertisement,),
    )


class _Client(BaseBleakClient):
    adapter: VirtualAdapter

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        services: set[str] | None = None,
        *,
        disconnected_callback: Callable[[], None] | None,
        timeout: float,
        **_: Any,
    ) -> None:
        super().__init__(address_or_ble_device, disconnected_callback=disconnected_callback, timeout=timeout)
        self._at = hci.Address(self.address)
        if isinstance(address_or_ble_device, BLEDevice) and address_or_ble_device.details is not None:
            self._at = address_or_ble_device.details.address  # which may be a public one
        self._connection: Connection | None = None
        self._peer: Peer | None = None
        self._told: dict[int, Callable[[bytes], None]] = {}

    @property
    def name(self) -> str:
        return self.address

    @property
    def mtu_size(self) -> int:
        return self._peer.gatt_client.mtu if self._peer is not None else att.ATT_DEFAULT_MTU

    @property
    def is_connected(self) -> bool:
        connection = self._connection
        return connection is not None and connection.handle in self.adapter.device.connections

    async def connect(self, pair: bool, **_: Any) -> None:
        self.adapter.require()
        address = self._at
        known = self.adapter.device.find_connection_by_bd_addr(address)
        if known is not None:
            raise BluetoothError(BluetoothError.Reason.BUSY)
        try:
            connection = await self.adapter.device.connect(address, timeout=self._timeout)
        except (core.ConnectionError, core.TimeoutError, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and _asked_to_end():
                raise
            raise BleakDeviceNotFoundError(self.address) from error
        self._connection = connection
        connection.on(Connection.EVENT_DISCONNECTION, self._disconnected)
        try:
            if await self._bonded():
                await connection.encrypt()
            self._peer = Peer(connection)
            await self._peer.request_mtu(MTU_BYTES)
            self.services = await self._look_inside(self._peer)
        except BaseException as error:
            self._disconnected_callback = None
            await self.disconnect()
            if isinstance(error, core.BaseBumbleError | hci.HCI_Error):
                raise _bleak_error(error) from error
            raise
        if pair:
            await self.pair()

    def _disconnected(self, _reason: int) -> None:
        if self._disconnected_callback is not None:
            self._disconnected_callback()

    async def disconnect(self) -> None:
        connection = self._connection
        if connection is not None and self.is_connected:
            await connection.disconnect()

    async def _bonded(self) -> bool:
        keys = self.adapter.device.keystore
        return keys is not None and await keys.get(str(hci.Address(self.address))) is not None

    async def pair(self, *_: Any, **__: Any) -> None:
        connection = self._open()
        if connection.is_encrypted:
            return
        self.adapter.refused_here = False
        try:
            await self._asks(connection.pair())
        except BluetoothError as error:
            if self.adapter.refused_here:
                raise BluetoothError(BluetoothError.Reason.REFUSED_HERE) from error
            raise

    async def unpair(self) -> None:
        if self.adapter.device.keystore is not None:
            await self.adapter.device.keystore.delete(str(hci.Address(self.address)))
        await self.disconnect()

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **_: Any
    ) -> bytearray:
        return bytearray(await self._read(characteristic.obj))

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **_: Any
    ) -> bytearray:
        return bytearray(await self._read(descriptor.obj))

    async def _read(self, attribute: Any) -> bytes:
        self._open()
        return bytes(await self._asks(attribute.read_value()))

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: Any, response: bool
    ) -> None:
        connection = self._open()
        await self._asks(characteristic.obj.write_value(bytes(data), with_response=response))
        if not response:
            await self.adapter.room(connection)

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: Any) -> None:
        self._open()
        await self._asks(descriptor.obj.write_value(bytes(data), with_response=True))

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **_: Any
    ) -> None:
        self._open()

        def told(value: bytes) -> None:
            callback(bytearray(value))

        self._told[characteristic.handle] = told
        await self._asks(characteristic.obj.subscribe(told))

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        self._open()
        await self._asks(characteristic.obj.unsubscribe(self._told.pop(characteristic.handle, None)))

    def _open(self) -> Connection:
        if self._connection is None or not self.is_connected:
            raise BleakError("Not connected")
        return self._connection

    async def _asks(self, request: Any) -> Any:
        """Awaits what Bumble does; it cancels it when the device goes."""
        try:
            return await request
        except asyncio.CancelledError:
            if _asked_to_end() or self.is_connected:
                raise
            raise BleakError("Not connected") from None
        except (core.BaseBumbleError, hci.HCI_Error, TimeoutError) as error:
            raise _bleak_error(error) from error

    async def _look_inside(self, peer: Peer) -> BleakGATTServiceCollection:
        collection = BleakGATTServiceCollection()
        for service in await peer.discover_services():
            collection.add_service(ours := BleakGATTService(service, service.handle, _uuid(service.uuid)))
            for each in await service.discover_characteristics():
                characteristic = BleakGATTCharacteristic(
                    each,
                    each.handle,
                    _uuid(each.uuid),
                    [name for flag, name in _PROPERTIES.items() if each.properties & flag],
                    lambda: self.mtu_size - 3,
                    ours,
                )
                collection.add_characteristic(characteristic)
                for descriptor in await each.discover_descriptors():
                    collection.add_descriptor(
                        BleakGATTDescriptor(
                            descriptor, descriptor.handle, _uuid(descriptor.type), characteristic
                        )
                    )
        return collection


def _asked_to_end() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _plain(address: hci.Address) -> str:
    return str(address).removesuffix("/P")


def _uuid(short_or_long: core.UUID) -> str:
    return str(uuid.UUID(bytes=bytes(reversed(short_or_long.uuid_128_bytes))))


def _bleak_error(error: BaseException) -> Exception:
    """What bleak would raise for it, or ours where bleak has no word."""
    reason = BluetoothError.Reason
    match error:
        case att.ATT_Error():
            return BleakGATTProtocolError(error.error_code)
        case hci.HCI_Error():
            lost = error.error_code == hci.HCI_ErrorCode.PIN_OR_KEY_MISSING_ERROR
            return BluetoothError(reason.BOND_LOST if lost else reason.FAILED, error.error_name)
        case core.ProtocolError(error_namespace="smp", error_code=int() as code):
            return BluetoothError(_PAIRING.get(code, reason.PAIRING_FAILED))
    return BleakError(str(error))
