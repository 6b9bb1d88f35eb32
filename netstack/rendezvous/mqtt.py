"""Notes by an MQTT 5 broker: clean start, nothing retained, everything expires, one topic and no wildcard."""

import logging
import ssl

import aiomqtt
from aiomqtt import MqttError, ProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from netstack.core.rendezvous_uri import RendezvousUri
from netstack.model.meeting import Role, Way
from netstack.rendezvous.driver import Driver, DriverFailedError, DriverStoppedError, Receive, first_of
from netstack.wire.signal import MAX_BYTES

TOPIC = "peerscope/1/"
EXPIRY_S = 600
OPEN_S = 6.0
QUEUE = 64
KEEPALIVE_S = 30
NO_RETAINED = 2

_log = logging.getLogger("peerscope.rendezvous.mqtt")
_log.setLevel(logging.ERROR)


class MqttDriver(Driver):
    """A way through one broker."""

    way = Way.MQTT

    def __init__(self, uri: RendezvousUri, *, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(str(uri))
        self._uri = uri
        self._tls = tls

    async def _carry(self, mailbox: str, role: Role, receive: Receive) -> None:
        if not mailbox.isalnum() or not mailbox.isascii():
            raise DriverStoppedError("No mailbox has that name.")
        topic = TOPIC + mailbox
        tls = (self._tls or ssl.create_default_context()) if self._uri.tls else None
        try:
            async with aiomqtt.Client(
                self._uri.host,
                self._uri.port,
                protocol=ProtocolVersion.V5,
                clean_start=True,
                timeout=OPEN_S,
                keepalive=KEEPALIVE_S,
                max_queued_incoming_messages=QUEUE,
                max_queued_outgoing_messages=QUEUE,
                properties=_properties(
                    PacketTypes.CONNECT,
                    SessionExpiryInterval=0,
                    MaximumPacketSize=MAX_BYTES + 512,
                    ReceiveMaximum=QUEUE,
                ),
                tls_context=tls,
                logger=_log,
            ) as client:
                options = SubscribeOptions(qos=0, noLocal=True, retainHandling=NO_RETAINED)
                await client.subscribe(topic, options=options)
                self._ready("connected; the broker sees both addresses and nothing else")
                await first_of(self._receive(client, topic, receive), self._write(client, topic))
        except MqttError as error:
            raise DriverFailedError(_sentence(error)) from error
        except NotImplementedError as error:
            raise DriverStoppedError("The event loop of this system cannot talk to a broker.") from error
        except (OSError, TimeoutError) as error:
            raise DriverFailedError(f"The broker cannot be reached ({error}).") from error

    async def _receive(self, client: aiomqtt.Client, topic: str, receive: Receive) -> None:
        async for message in client.messages:
            if message.retain or str(message.topic) != topic or not isinstance(message.payload, bytes):
                self._drop()
            else:
                self._take(message.payload, receive)

    async def _write(self, client: aiomqtt.Client, topic: str) -> None:
        properties = _properties(PacketTypes.PUBLISH, MessageExpiryInterval=EXPIRY_S)

        async def publish(note: bytes) -> None:
            await client.publish(topic, note, qos=0, retain=False, properties=properties)

        await self._send_all(publish)


def _properties(packet: int, **values: int) -> Properties:
    properties = Properties(packet)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(properties, name, value)
    return properties


def _sentence(error: MqttError) -> str:
    cause = error.__cause__
    text = str(cause if isinstance(cause, OSError) else error).strip()
    text = "".join(mark for mark in text if mark.isprintable())[:80]
    return f"The broker does not take us ({text})."
