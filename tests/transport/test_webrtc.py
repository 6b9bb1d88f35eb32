"""Sealed packets on data channels: which channel takes which, and what happens to those for which there is no room."""

from typing import cast

from netstack.core.session_sender import Transmit
from netstack.model.session import Flow, LinkTraits
from netstack.transport.protocol import PacketReceiver
from netstack.transport.webrtc import MAX_QUEUED_BYTES, PACKET_BYTES, SMALL_BYTES, WebRtcLink, WebRtcTransport
from netstack.transport.webrtc_channels import DataChannels


class Channels:
    """In place of data channels."""

    queued_bytes = 0

    def __init__(self) -> None:
        self.ordered: list[int] = []
        self.fast: list[int] = []

    def send(self, data: bytes) -> None:
        self.ordered.append(len(data))

    def send_fast(self, data: bytes) -> None:
        self.fast.append(len(data))

    async def close(self) -> None: ...


class Receiver:
    """What the session layer hears."""

    def __init__(self) -> None:
        self.opened: dict[int, LinkTraits] = {}
        self.lost: list[int] = []
        self.packets: list[bytes] = []

    def link_opened(self, link: int, traits: LinkTraits) -> None:
        self.opened[link] = traits

    def link_lost(self, link: int) -> None:
        self.lost.append(link)

    def packets_received(self, data: bytes, *_: object) -> None:
        self.packets.append(data)


async def test_small_packets_go_once_and_in_no_order() -> None:
    receiver, channels = Receiver(), Channels()
    transport = WebRtcTransport(cast("PacketReceiver", receiver), lambda: 7)
    made = WebRtcLink(transport, cast("DataChannels", channels))
    assert transport.opened(made) == 7
    assert receiver.opened[7].window_bytes == 4 * PACKET_BYTES
    probe, bulk = (
        Transmit(Flow(7), bytes(90), 90, 1),
        Transmit(Flow(7), bytes(2 * PACKET_BYTES), PACKET_BYTES, 2),
    )
    assert transport.send(probe)
    assert transport.send(bulk)
    assert (channels.fast, channels.ordered) == ([90], [PACKET_BYTES] * 2)
    assert transport.send(Transmit(Flow(7), bytes(SMALL_BYTES + 1), SMALL_BYTES + 1, 1))
    assert channels.ordered[-1] == SMALL_BYTES + 1
    channels.queued_bytes = MAX_QUEUED_BYTES + 1  # nobody reads over there
    assert transport.send(bulk)
    assert (transport.unsent, len(channels.ordered)) == (2, 3)
    made.channels.on_fast(b"from there")
    assert receiver.packets == [b"from there"]
    await made.close()
    await made.close()
    assert receiver.lost == [7]
    assert transport.send(probe)
    assert transport.unsent == 3
    await transport.close()
