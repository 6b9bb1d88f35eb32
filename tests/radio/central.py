"""The device on the second controller as a central: finds our service and speaks with it."""

import asyncio
from typing import Any, Self

from bumble.core import UUID, AdvertisingData
from bumble.device import Device, Peer

from netstack.wire.ble_peer import CONTROL_UUID, FROM_HOST_UUID, TO_HOST_UUID


class Central:
    """A connection to whoever advertises the service."""

    def __init__(self, peer: Peer, characteristics: dict[str, Any], advertised: list[str]) -> None:
        self._peer = peer
        self._characteristics = characteristics
        self.advertised = advertised
        self.heard: list[bytes] = []

    @classmethod
    async def find(cls, device: Device, service_uuid: str, *, mtu_bytes: int = 517) -> Self:
        """Scans for the service, connects, asks for an MTU, looks inside."""
        found: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def heard(advertisement: Any) -> None:
            uuids = _uuids(advertisement.data)
            if service_uuid in uuids and not found.done():
                found.set_result((advertisement.address, uuids))

        await device.stop_advertising()
        device.on("advertisement", heard)
        await device.start_scanning()
        address, uuids = await asyncio.wait_for(found, 10)
        await device.stop_scanning()
        device.remove_listener("advertisement", heard)
        peer = Peer(await device.connect(address))
        await peer.request_mtu(mtu_bytes)
        await peer.discover_services()
        await peer.discover_characteristics()
        characteristics = {
            uuid: peer.get_characteristics_by_uuid(UUID(uuid))[0]
            for uuid in (CONTROL_UUID, TO_HOST_UUID, FROM_HOST_UUID)
        }
        return cls(peer, characteristics, uuids)

    @property
    def mtu_bytes(self) -> int:
        """As agreed on."""
        return self._peer.connection.att_mtu

    async def control(self) -> bytes:
        return await self._characteristics[CONTROL_UUID].read_value()

    async def subscribe(self) -> None:
        await self._characteristics[FROM_HOST_UUID].subscribe(lambda value: self.heard.append(bytes(value)))

    async def write(self, packet: bytes) -> None:
        await self._characteristics[TO_HOST_UUID].write_value(packet)

    async def leave(self) -> None:
        await self._peer.connection.disconnect()


def _uuids(data: AdvertisingData) -> list[str]:
    found = data.get_all(AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS)
    return [uuid.to_hex_str("-").lower() for each in found for uuid in each]
