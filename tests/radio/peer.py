"""The device on the second controller: Bumble, with a service that echoes and a value that wants encryption."""

import asyncio
import socket
from typing import Any, Self

from bumble.att import ATT_Error, Attribute, ErrorCode
from bumble.core import AdvertisingData
from bumble.device import Connection, Device
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.hci import Address
from bumble.keys import MemoryKeyStore
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport import open_transport

NAME = "Echo lamp"
ADDRESS = "F0:F1:F2:F3:F4:F5"
ECHO_SERVICE = "5f0a0001-7c5d-4d0a-9a52-3b1c6d5e0f10"
ECHO_WRITE = "5f0a0002-7c5d-4d0a-9a52-3b1c6d5e0f10"
ECHO_NOTIFY = "5f0a0003-7c5d-4d0a-9a52-3b1c6d5e0f10"
SECRET = "5f0a0004-7c5d-4d0a-9a52-3b1c6d5e0f10"
REFUSING = "5f0a0005-7c5d-4d0a-9a52-3b1c6d5e0f10"
HEART_RATE = "0000180d-0000-1000-8000-00805f9b34fb"
COMPANY_ID = 0x0059
GREETING = b"behind the lock"

# Python is often built without bluetooth.h, and then leaves these out though the system has them.
for name, value in (("AF_BLUETOOTH", 31), ("BTPROTO_HCI", 1)):
    if not hasattr(socket, name):
        setattr(socket, name, value)

Capability = PairingDelegate.IoCapability


def _refuse(code: ErrorCode) -> Any:
    def refuse(*_: Any) -> bytes:
        raise ATT_Error(code)

    return refuse


class Person(PairingDelegate):
    """Whoever holds the device: agrees, reads what it shows (`shown`), types `typed`."""

    def __init__(self, capability: Capability = Capability.NO_OUTPUT_NO_INPUT) -> None:
        super().__init__(capability)
        self.shown: asyncio.Queue[int] = asyncio.Queue()
        self.typed: asyncio.Queue[int] = asyncio.Queue()
        self.agrees = True

    async def accept(self) -> bool:
        return self.agrees

    async def display_number(self, number: int, digits: int) -> None:
        self.shown.put_nowait(number)

    async def compare_numbers(self, number: int, digits: int) -> bool:
        self.shown.put_nowait(number)
        return self.agrees

    async def get_number(self) -> int | None:
        return await self.typed.get()


class Peer:
    """A powered device that advertises; what came to it is in `written`."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.person = Person()
        self.written: list[bytes] = []
        self.connection: Connection | None = None
        self.pairings = 0

    @classmethod
    async def start(cls, transport: str) -> Self:
        """Opens the controller, adds the services and advertises."""
        opened = await open_transport(transport)
        device = Device.with_hci(NAME, Address(ADDRESS), opened.source, opened.sink)
        device.keystore = MemoryKeyStore()
        peer = cls(device)
        device.pairing_config_factory = lambda _: PairingConfig(
            delegate=peer.person,
            mitm=peer.person.io_capability is not Capability.NO_OUTPUT_NO_INPUT,
            identity_address_type=PairingConfig.AddressType.RANDOM,
        )
        peer._notify = Characteristic(
            ECHO_NOTIFY, Characteristic.Properties.NOTIFY, Attribute.Permissions(0), b""
        )
        device.add_service(
            Service(
                ECHO_SERVICE,
                [
                    Characteristic(
                        ECHO_WRITE,
                        Characteristic.Properties.WRITE | Characteristic.Properties.WRITE_WITHOUT_RESPONSE,
                        Attribute.Permissions.WRITEABLE,
                        CharacteristicValue(write=peer._echo),
                    ),
                    peer._notify,
                    Characteristic(
                        REFUSING,
                        Characteristic.Properties.READ | Characteristic.Properties.WRITE,
                        Attribute.Permissions.READABLE | Attribute.Permissions.WRITEABLE,
                        CharacteristicValue(
                            read=_refuse(ErrorCode.READ_NOT_PERMITTED),
                            write=_refuse(ErrorCode.INVALID_ATTRIBUTE_LENGTH),
                        ),
                    ),
                    Characteristic(
                        SECRET,
                        Characteristic.Properties.READ,
                        Attribute.Permissions.READABLE | Attribute.Permissions.READ_REQUIRES_ENCRYPTION,
                        GREETING,
                    ),
                ],
            )
        )
        device.on("connection", peer._connected)
        await device.power_on()
        await peer.advertise()
        return peer

    async def advertise(self) -> None:
        """Shows itself, with its name, a service and a manufacturer's data."""
        data = AdvertisingData(
            [
                (AdvertisingData.FLAGS, bytes([0x06])),
                (AdvertisingData.COMPLETE_LOCAL_NAME, NAME.encode()),
                (AdvertisingData.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, bytes.fromhex("0d18")),
                (AdvertisingData.MANUFACTURER_SPECIFIC_DATA, COMPANY_ID.to_bytes(2, "little") + b"\1\2"),
            ]
        )
        await self.device.start_advertising(advertising_data=bytes(data), auto_restart=True)

    async def forget(self) -> None:
        """Forgets every bond."""
        self.device.keystore = MemoryKeyStore()

    async def drop(self) -> None:
        """Ends the connection from its side."""
        assert self.connection is not None
        await self.connection.disconnect()

    def _connected(self, connection: Connection) -> None:
        self.connection = connection
        connection.on("pairing", self._paired)

    def _paired(self, _keys: Any) -> None:
        self.pairings += 1

    async def _echo(self, connection: Any, value: bytes) -> None:
        self.written.append(bytes(value))
        await self.device.notify_subscribers(self._notify, bytes(value))
