"""The device on the second controller: Bumble, with a service that echoes and one that wants encryption."""

import socket
from typing import Any, Self

from bumble.att import Attribute
from bumble.core import AdvertisingData
from bumble.device import Connection, Device
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.hci import Address
from bumble.transport import open_transport

NAME = "Echo lamp"
ADDRESS = "F0:F1:F2:F3:F4:F5"
HEART_RATE = "180D"
ECHO_SERVICE = "5f0a0001-7c5d-4d0a-9a52-3b1c6d5e0f10"
ECHO_WRITE = "5f0a0002-7c5d-4d0a-9a52-3b1c6d5e0f10"
ECHO_NOTIFY = "5f0a0003-7c5d-4d0a-9a52-3b1c6d5e0f10"
SECRET = "5f0a0004-7c5d-4d0a-9a52-3b1c6d5e0f10"
GREETING = b"behind the lock"

# Python is often built without bluetooth.h, and then leaves these out though the system has them.
for name, value in (("AF_BLUETOOTH", 31), ("BTPROTO_HCI", 1)):
    if not hasattr(socket, name):
        setattr(socket, name, value)


class Peer:
    """A powered device that advertises; what came to it is in `written`."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.address = ADDRESS
        self.written: list[bytes] = []
        self.connection: Connection | None = None

    @classmethod
    async def start(cls, transport: str) -> Self:
        """Opens the controller, adds the services and advertises."""
        opened = await open_transport(transport)
        device = Device.with_hci(NAME, Address(ADDRESS), opened.source, opened.sink)
        peer = cls(device)
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
                (AdvertisingData.MANUFACTURER_SPECIFIC_DATA, bytes.fromhex("59000102")),
            ]
        )
        await self.device.start_advertising(advertising_data=bytes(data), auto_restart=True)

    def _connected(self, connection: Connection) -> None:
        self.connection = connection

    async def _echo(self, connection: Any, value: bytes) -> None:
        self.written.append(bytes(value))
        await self.device.notify_subscribers(self._notify, bytes(value))
