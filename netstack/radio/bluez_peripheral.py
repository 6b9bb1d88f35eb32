"""The peripheral role on BlueZ: our service, one advertisement, one link at a time (docs/wire.md section 11)."""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress

from netstack.model.bluetooth_error import BluetoothError
from netstack.radio.bluez_bus import DEVICE, BluezBus, BusError
from netstack.radio.bluez_gatt_server import (
    ADVERTISEMENT,
    APPLICATION,
    SERVICE,
    Advertisement,
    Central,
    GattService,
    Notifying,
    Readable,
    Writable,
)
from netstack.radio.protocol import Accept, PacketSink
from netstack.wire.ble_peer import (
    CONTROL_UUID,
    FROM_HOST_UUID,
    TO_HOST_UUID,
    VERSION,
    Control,
    agreed_packet_bytes,
    encode_control,
)

QUEUE_BYTES = 16_384
SEND_S = 30.0
HANDED_OVER_S = 0.5
MAX_TOLD = 8


class BluezPacketLink:
    """`PacketLink` to the central that subscribed; what it sends goes through a socket that BlueZ empties."""

    def __init__(
        self, bus: BluezBus, device: str, max_packet_bytes: int, ours: socket.socket, lost: Callable[[], None]
    ) -> None:
        self.device = device
        self._bus = bus
        self._max_packet_bytes = max_packet_bytes
        self._socket = ours
        self._lost = lost
        self._sink: PacketSink | None = None
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(ours, self._readable)

    @property
    def peer(self) -> str:
        """The central's address."""
        return self.device.rpartition("/dev_")[2].replace("_", ":")

    @property
    def max_packet_bytes(self) -> int:
        """As agreed with the central."""
        return self._max_packet_bytes

    async def send(self, packet: bytes) -> None:
        """Hands a packet to BlueZ. Raises BluetoothError LOST."""
        if self._socket.fileno() < 0:
            raise BluetoothError(BluetoothError.Reason.LOST)
        try:
            async with asyncio.timeout(SEND_S):
                await self._loop.sock_sendall(self._socket, packet)
        except (OSError, TimeoutError) as error:
            self.end()
            raise BluetoothError(BluetoothError.Reason.LOST) from error

    async def close(self) -> None:
        """Disconnects the central."""
        self.end()
        with suppress(BusError):  # it is gone
            await self._bus.call(self.device, DEVICE, "Disconnect")

    def attach(self, sink: PacketSink) -> None:
        """Where packets go from now on."""
        self._sink = sink

    def received(self, packet: bytes) -> None:
        """A packet from the central."""
        if self._sink is not None:
            self._sink.packet_received(packet)

    def end(self) -> None:
        """Nothing more comes. May be called twice."""
        if self._socket.fileno() < 0:
            return
        self._loop.remove_reader(self._socket)
        self._socket.close()
        self._lost()
        if self._sink is not None:
            self._sink.packet_link_lost()

    def _readable(self) -> None:
        """BlueZ writes nothing: the socket can only have ended."""
        self.end()


class BluezPeripheral:
    """`open` registers everything, `close` takes it back. `accept` is asked for each link, one at a time."""

    def __init__(self, bus: BluezBus, adapter: str, service_uuid: str, accept: Accept) -> None:
        self._bus = bus
        self._adapter = adapter
        self._service_uuid = service_uuid
        self._accept = accept
        self._link: BluezPacketLink | None = None
        self._told: dict[str, bytes] = {}  # by devices that have not subscribed: the largest packet they take

    async def open(self) -> None:
        """Offers the service, then advertises it. Raises BusError."""
        self._bus.export(SERVICE, GattService(self._service_uuid))
        self._bus.export(f"{SERVICE}/control", Readable(CONTROL_UUID, self._control))
        self._bus.export(f"{SERVICE}/to_host", Writable(TO_HOST_UUID, self._written))
        self._bus.export(f"{SERVICE}/from_host", Notifying(FROM_HOST_UUID, self._subscribed))
        self._bus.export(ADVERTISEMENT, Advertisement(self._service_uuid))
        manager = "org.bluez.GattManager1"
        await self._bus.call(self._adapter, manager, "RegisterApplication", "oa{sv}", [APPLICATION, {}])
        manager = "org.bluez.LEAdvertisingManager1"
        await self._bus.call(self._adapter, manager, "RegisterAdvertisement", "oa{sv}", [ADVERTISEMENT, {}])

    async def close(self) -> None:
        """Ends the link, and takes advertisement and service back. Never fails."""
        if self._link is not None:
            await self._link.close()
        for manager, member, path in (
            ("org.bluez.LEAdvertisingManager1", "UnregisterAdvertisement", ADVERTISEMENT),
            ("org.bluez.GattManager1", "UnregisterApplication", APPLICATION),
        ):
            with suppress(BusError):  # it was not registered, or BlueZ is gone
                await self._bus.call(self._adapter, manager, member, "o", [path])

    def _control(self, central: Central) -> bytes:
        return encode_control(Control(VERSION, agreed_packet_bytes(central.mtu_bytes)))

    def _written(self, central: Central, packet: bytes) -> None:
        if self._link is not None and self._link.device == central.device:
            self._link.received(packet)
            return
        self._told[central.device] = packet
        if len(self._told) > MAX_TOLD:
            del self._told[next(iter(self._told))]

    def _subscribed(self, central: Central) -> int | None:
        """Makes a pair of sockets: ours, and one for BlueZ, which gets a copy of it with the answer."""
        if self._link is not None:
            return None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, QUEUE_BYTES)
        descriptor = theirs.detach()
        asyncio.get_running_loop().call_later(HANDED_OVER_S, os.close, descriptor)
        size = agreed_packet_bytes(central.mtu_bytes, self._told.pop(central.device, b""))
        link = self._link = BluezPacketLink(self._bus, central.device, size, ours, self._gone)
        link.attach(self._accept(link))
        return descriptor

    def _gone(self) -> None:
        self._link = None
