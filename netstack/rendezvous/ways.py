"""From a way to meet, as it was written, to its driver."""

from netstack.core.rendezvous_uri import RendezvousUri
from netstack.model.meeting import MeetingError, Way
from netstack.net.protocol import Net
from netstack.radio.one_radio import OpenRadio
from netstack.radio.system import open_system_radio
from netstack.rendezvous.ble import BleDriver
from netstack.rendezvous.driver import Driver
from netstack.rendezvous.lan import LanDriver
from netstack.rendezvous.mqtt import MqttDriver
from netstack.rendezvous.websocket import WebSocketDriver


def make_driver(net: Net, uri: RendezvousUri, open_radio: OpenRadio = open_system_radio) -> Driver:
    """The driver of a way. Raises MeetingError for paste, which has no mailbox (`core.paste_invitation`).

    `open_radio` is what Bluetooth goes by.
    """
    if uri.way is Way.BLE:
        return BleDriver(open_radio)
    if uri.way is Way.WEBSOCKET:
        return WebSocketDriver(uri)
    if uri.way is Way.MQTT:
        return MqttDriver(uri)
    if uri.way is Way.LAN:
        return LanDriver(net, uri)
    raise MeetingError(MeetingError.Reason.MALFORMED_VIA, uri.way.value)
