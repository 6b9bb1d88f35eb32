"""The central's end of a packet link: our service in another computer, over any radio's GATT link (docs/wire.md 11)."""

from netstack.errors import DecodeError
from netstack.model.bluetooth_error import BluetoothError
from netstack.radio.protocol import GattLink, PacketLink, PacketSink, Radio
from netstack.wire.ble_peer import CONTROL_UUID, FROM_HOST_UUID, TO_HOST_UUID, decode_control, encode_size

_R = BluetoothError.Reason


class _CentralLink:
    def __init__(self) -> None:
        self.gatt: GattLink | None = None
        self.sink: PacketSink | None = None
        self.to_host = 0
        self.peer = ""
        self.max_packet_bytes = 0

    async def send(self, packet: bytes) -> None:
        if self.gatt is None or not self.gatt.is_open:
            raise BluetoothError(_R.LOST)
        await self.gatt.write(self.to_host, packet, response=False)

    async def close(self) -> None:
        if self.gatt is not None:
            await self.gatt.close()
        self.lost()

    def lost(self) -> None:
        sink, self.sink = self.sink, None
        if sink is not None:
            sink.packet_link_lost()

    def received(self, packet: bytes) -> None:
        if self.sink is not None:
            self.sink.packet_received(packet)


async def open_packet_link(radio: Radio, address: str, service_uuid: str, sink: PacketSink) -> PacketLink:
    """Connects to a computer that serves `service_uuid`. Raises BluetoothError.

    NOT_FOUND: it is no Peerscope, or serves another meeting. Packets may come before this returns. Where the two are
    paired, the radio encrypts by the bond; a pairing is never begun here.
    """
    link = _CentralLink()
    gatt = link.gatt = await radio.connect(address, link.lost)
    try:
        handles = next(
            (
                {each.uuid: each.handle for each in service.characteristics}
                for service in gatt.services
                if service.uuid == service_uuid
            ),
            None,
        )
        if handles is None or not {CONTROL_UUID, TO_HOST_UUID, FROM_HOST_UUID} <= handles.keys():
            raise BluetoothError(_R.NOT_FOUND, "it does not wait for this code")
        try:
            control = decode_control(await gatt.read(handles[CONTROL_UUID]))
        except DecodeError as error:
            raise BluetoothError(_R.FAILED, error.sentence) from error
        link.peer, link.to_host, link.sink = address, handles[TO_HOST_UUID], sink
        link.max_packet_bytes = min(control.max_packet_bytes, gatt.max_write_bytes(link.to_host))
        await gatt.write(link.to_host, encode_size(link.max_packet_bytes), response=False)
        await gatt.subscribe(handles[FROM_HOST_UUID], link.received)
    except BaseException:
        link.sink = None
        await gatt.close()
        raise
    if not gatt.is_open:
        link.sink = None
        raise BluetoothError(_R.LOST)
    return link
