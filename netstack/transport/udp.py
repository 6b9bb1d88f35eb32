"""Sealed packets over UDP: one socket, one link, any number of peers; bursts move whole."""

from collections import Counter
from collections.abc import Callable
from typing import Final

from msgspec import structs

from netstack.core.session_sender import Transmit
from netstack.errors import NetError
from netstack.model.address import Address, Family
from netstack.model.session import UDP_TRAITS, Flow, TransportKind
from netstack.net.protocol import BatchEndpoint, Net
from netstack.transport.protocol import PacketReceiver

STUN_LAST: Final = 0x03
MOST_BYTES: Final = {Family.IPV4: 1472, Family.IPV6: 1452}  # of Ethernet's 1,500


class UdpTransport:
    """A bound socket whose packets go to `receiver`.

    `failures` counts what the network refused, by reason; `unsent` are packets that could not leave. STUN
    messages on the same socket go to `stun`, if somebody is there; ICMP refusals go to `refused`.
    """

    kind = TransportKind.UDP

    def __init__(self, net: Net, receiver: PacketReceiver, link: int) -> None:
        self._net = net
        self._receiver = receiver
        self._endpoint: BatchEndpoint | None = None
        self.link = link
        self.family = Family.IPV4
        self.stun: Callable[[bytes, Address, float], None] | None = None
        self.refused: Callable[[Address], None] | None = None
        self._flow: Flow | None = None  # the last one, as packets mostly come from one peer
        self.failures: Counter[str] = Counter()
        self.unsent = 0

    async def open(
        self,
        *,
        local: Address | None = None,
        family: Family = Family.IPV4,
        mtu_bytes: int | None = None,
        max_mtu_bytes: int | None = None,
        interface: str | None = None,
    ) -> Address:
        """Binds (`local` None: any address, a fresh port) and returns where. Raises NetError.

        `mtu_bytes` is the packet size that surely passes, where the caller knows better than 1,200; `max_mtu_bytes` the
        largest to search for, where the way is known to be wider than Ethernet.
        """
        self._endpoint = await self._net.open_batch(self, family=family, local=local, interface=interface)
        self.family = local.family if local is not None else family
        most_bytes = MOST_BYTES[self.family]
        sure_bytes = UDP_TRAITS.mtu_bytes if mtu_bytes is None else mtu_bytes
        traits = structs.replace(
            UDP_TRAITS,
            mtu_bytes=sure_bytes,
            max_mtu_bytes=max(sure_bytes, max_mtu_bytes or most_bytes),
            buffer_bytes=self._endpoint.receive_buffer_bytes,
        )
        self._receiver.link_opened(self.link, traits)
        return self._endpoint.local

    @property
    def host(self) -> str:
        """The address that it is bound to; empty for any."""
        host = self._endpoint.local.host if self._endpoint is not None else ""
        return "" if host in {"0.0.0.0", "::"} else host  # noqa: S104

    @property
    def port(self) -> int:
        """The bound port; 0 while it is not open."""
        return self._endpoint.local.port if self._endpoint is not None else 0

    def send_stun(self, data: bytes, remote: Address) -> None:
        """Sends a STUN message from the sessions' own socket (RFC 7983); one that cannot leave is dropped."""
        if self._endpoint is not None:
            try:
                self._endpoint.send_burst(data, len(data), remote)
            except NetError as error:
                self.failures[error.reason] += 1

    def carries(self, link: int) -> bool:
        """There is one link."""
        return link == self.link

    def send(self, transmit: Transmit) -> bool:
        """Hands a burst to the socket. False: it is full; `link_writable` follows."""
        if self._endpoint is None or transmit.flow.remote is None:
            self.unsent += transmit.packets
            return True
        try:
            return self._endpoint.send_burst(transmit.data, transmit.segment_bytes, transmit.flow.remote)
        except NetError as error:
            self.failures[error.reason] += 1
            self.unsent += transmit.packets
            if error.reason is NetError.Reason.TOO_BIG:
                self._receiver.packet_refused(transmit.flow, transmit.segment_bytes)
            return True

    def small_received(
        self, data: memoryview, remote: Address, received_at: Callable[[], float | None]
    ) -> None:
        """From the socket: one small datagram."""
        if data[0] <= STUN_LAST:
            self.batch_received(data, len(data), remote, received_at() or self._net.now(), kernel_stamp=False)
            return
        flow = self._flow
        if flow is None or flow.remote is not remote:
            flow = self._flow = Flow(self.link, remote)
        self._receiver.packet_received(data, flow, received_at)

    def batch_received(
        self, data: memoryview, segment_bytes: int, remote: Address, received_at_s: float, kernel_stamp: bool
    ) -> None:
        """From the socket. Opening makes bytes of their own, so the view may be written over afterwards."""
        if len(data) and data[0] <= STUN_LAST:
            if self.stun is not None:
                for start in range(0, len(data), segment_bytes):
                    self.stun(bytes(data[start : start + segment_bytes]), remote, received_at_s)
        elif len(data):
            flow = self._flow
            if flow is None or flow.remote is not remote:
                flow = self._flow = Flow(self.link, remote)
            self._receiver.packets_received(
                data, flow, segment_bytes, received_at_s if kernel_stamp else None
            )

    def writable(self) -> None:
        """The socket takes bursts again."""
        self._receiver.link_writable(self.link)

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        """The network says that a datagram did not arrive; sessions find out by themselves."""
        self.failures[error.reason] += 1
        if remote is not None and self.refused is not None:
            self.refused(remote)

    async def close(self) -> None:
        """Releases the socket."""
        if self._endpoint is not None:
            self._endpoint.close()
            self._endpoint = None
            self._receiver.link_lost(self.link)
