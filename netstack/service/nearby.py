"""Which Bluetooth a session may ride: the one that the two have met by, or one of its own where they want it."""

import hmac

from netstack.model.bluetooth_error import BluetoothError
from netstack.model.meeting import Role
from netstack.model.session import TransportKind
from netstack.radio.one_radio import OpenRadio
from netstack.radio.peer_channel import PeerChannel
from netstack.rendezvous.ble import BleDriver
from netstack.service.meeting import Meeting


async def channel_of(
    meeting: Meeting, psk: bytes, role: Role, only: TransportKind | None, open_radio: OpenRadio | None
) -> PeerChannel | None:
    """The channel; None where no Bluetooth is involved. Raises BluetoothError where it alone is wanted and missing."""
    for driver in meeting.drivers if only in {None, TransportKind.BLE} else ():
        if isinstance(driver, BleDriver) and driver.channel is not None:
            return driver.channel
    if only is not TransportKind.BLE:
        return None
    if open_radio is None:
        raise BluetoothError(BluetoothError.Reason.NO_ADAPTER)
    mailbox = hmac.digest(psk, b"peerscope nearby", "sha256").hex()[:32]
    return PeerChannel(await open_radio(), mailbox, host=role is Role.HOST)
