"""Our GATT service on a virtual adapter: the peripheral's end of packet links. Loading this module loads Bumble."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from bumble import gatt
from bumble.att import ATT_Error, Attribute, ErrorCode
from bumble.core import UUID, AdvertisingData
from bumble.device import Connection

from netstack.model.bluetooth_error import BluetoothError
from netstack.radio.protocol import Accept, PacketSink
from netstack.radio.virtual_adapter import VirtualAdapter
from netstack.wire.ble_peer import (
    CONTROL_UUID,
    FROM_HOST_UUID,
    TO_HOST_UUID,
    VERSION,
    Control,
    agreed_packet_bytes,
    encode_control,
)

_FLAGS: Final = bytes(
    (AdvertisingData.LE_GENERAL_DISCOVERABLE_MODE_FLAG | AdvertisingData.BR_EDR_NOT_SUPPORTED_FLAG,)
)


class _HostLink:
    """One central that subscribed."""

    def __init__(
        self,
        adapter: VirtualAdapter,
        connection: Connection,
        out: gatt.Characteristic[bytes],
        max_packet_bytes: int,
    ) -> None:
        self._adapter = adapter
        self._connection = connection
        self._out = out
        self.sink: PacketSink | None = None
        self.max_packet_bytes = max_packet_bytes
        self.peer = str(connection.peer_address).removesuffix("/P")

    async def send(self, packet: bytes) -> None:
        if self.sink is None:
            raise BluetoothError(BluetoothError.Reason.LOST)
        await self._adapter.device.notify_subscriber(self._connection, self._out, packet)
        await self._adapter.room(self._connection)

    async def close(self) -> None:
        if self.sink is not None and self._connection.handle in self._adapter.device.connections:
            await self._connection.disconnect()
        self.lost()

    def lost(self) -> None:
        sink, self.sink = self.sink, None
        if sink is not None:
            sink.packet_link_lost()

    def received(self, packet: bytes) -> None:
        if self.sink is not None:
            self.sink.packet_received(packet)


def refuse_write(_connection: Connection, _value: bytes) -> None:
    """What cannot be written says so; Bumble's server alone would leave the writer without an answer."""
    raise ATT_Error(ErrorCode.WRITE_NOT_PERMITTED)


@asynccontextmanager
async def serving(adapter: VirtualAdapter, service_uuid: str, accept: Accept) -> AsyncIterator[None]:
    """Advertises and serves while it is entered. Raises BluetoothError."""
    links: dict[Connection, _HostLink] = {}
    told: dict[Connection, bytes] = {}  # by centrals that have not subscribed: the largest packet they take
    out: gatt.Characteristic[bytes] = gatt.Characteristic(
        FROM_HOST_UUID, gatt.Characteristic.Properties.NOTIFY, Attribute.READABLE, b""
    )

    over = False

    def control(connection: Connection) -> bytes:
        if over:
            raise ATT_Error(ErrorCode.READ_NOT_PERMITTED)
        return encode_control(Control(VERSION, agreed_packet_bytes(int(connection.att_mtu))))

    def written(connection: Connection, packet: bytes) -> None:
        if connection in links:
            links[connection].received(packet)
            return
        if connection not in told:
            connection.on(Connection.EVENT_DISCONNECTION, lambda _: told.pop(connection, None))
        told[connection] = packet

    def subscribed(connection: Connection, on: bool, _indicate: bool) -> None:
        if on and not over and connection not in links:
            size = agreed_packet_bytes(int(connection.att_mtu), told.get(connection, b""))
            link = links[connection] = _HostLink(adapter, connection, out, size)
            connection.on(Connection.EVENT_DISCONNECTION, lambda _: gone(connection))
            link.sink = accept(link)
        elif not on:
            gone(connection)

    def gone(connection: Connection) -> None:
        link = links.pop(connection, None)
        if link is not None:
            link.lost()

    out.on(gatt.Characteristic.EVENT_SUBSCRIPTION, subscribed)
    properties = gatt.Characteristic.Properties
    service = gatt.Service(
        UUID(service_uuid),
        [
            gatt.Characteristic(
                CONTROL_UUID,
                properties.READ,
                Attribute.READABLE,
                gatt.CharacteristicValue(read=control, write=refuse_write),
            ),
            gatt.Characteristic(
                TO_HOST_UUID,
                properties.WRITE_WITHOUT_RESPONSE,
                Attribute.WRITEABLE,
                gatt.CharacteristicValue(write=written),
            ),
            out,
        ],
    )
    advertisement = AdvertisingData(
        [
            (AdvertisingData.FLAGS, _FLAGS),
            (AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS, UUID(service_uuid).to_bytes()),
        ]
    )
    remove = adapter.serve(service)
    try:
        async with adapter.advertising(bytes(advertisement)):
            yield
    finally:
        over = True
        for link in list(links.values()):
            await link.close()
        remove()
