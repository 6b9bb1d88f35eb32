"""What carries a TURN client's messages to its server: a UDP socket, or a TCP or TLS connection."""

import asyncio
import ssl
from typing import Final, Protocol

from netstack.errors import NetError
from netstack.model.address import Address
from netstack.model.turn import ServerTransport, TurnError
from netstack.net.protocol import BatchEndpoint, Net, PushedStream

CONNECT_TIMEOUT_S: Final = 2.8
CHANNEL_FIRST: Final = 0x40
SEND_INDICATION: Final = b"\x00\x16"
_R = TurnError.Reason


class CarrierReceiver(Protocol):
    """Gets what comes. Called on the loop; must not block or raise."""

    def carrier_opened(self, carrier: "Carrier") -> None:
        """The way stands, and takes requests."""

    def carrier_received(
        self, data: memoryview | bytes, segment_bytes: int, received_at_s: float | None
    ) -> None:
        """Datagrams of `segment_bytes` each, the last perhaps shorter, or bytes of the stream (0).

        A view is valid during the call only; `received_at_s` is the kernel's stamp where there is one.
        """

    def carrier_failed(self, error: TurnError) -> None:
        """The network refused a datagram, or the connection has ended."""

    def carrier_writable(self) -> None:
        """The carrier, which refused something, takes it now."""


class Carrier(Protocol):
    """A way to one server."""

    @property
    def local(self) -> Address:
        """Our end."""

    def send(self, data: bytes, segment_bytes: int) -> bool:
        """Hands over datagrams, or bytes of a stream. False: nothing was taken, `carrier_writable` follows."""

    async def close(self, *, flush: bool = False) -> None:
        """Releases the socket; `flush` lets a stream send what is queued. May be called twice."""


class UdpCarrier:
    """A socket of our own for one relay; only the server is listened to."""

    def __init__(self, server: Address, receiver: CarrierReceiver) -> None:
        self._server = server
        self._receiver = receiver
        self._endpoint: BatchEndpoint | None = None

    async def open(self, net: Net) -> None:
        """Binds. Raises NetError."""
        self._endpoint = await net.open_batch(self, family=self._server.family)
        self._receiver.carrier_opened(self)

    @property
    def local(self) -> Address:
        """The bound address."""
        return self._endpoint.local if self._endpoint is not None else Address("", 0)

    def send(self, data: bytes, segment_bytes: int) -> bool:
        """What the network refuses at once is told as a failure."""
        if self._endpoint is None:
            return True
        try:
            return self._endpoint.send_burst(data, segment_bytes, self._server)
        except NetError as error:
            if error.reason is not NetError.Reason.TOO_BIG:  # lost as any other; sizes are found by probing
                self._receiver.carrier_failed(turn_error(error))
            return True

    async def close(self, *, flush: bool = False) -> None:
        """Releases the socket."""
        if self._endpoint is not None:
            self._endpoint.close()
            self._endpoint = None

    def batch_received(
        self, data: memoryview, segment_bytes: int, remote: Address, received_at_s: float, kernel_stamp: bool
    ) -> None:
        """From the socket."""
        if remote == self._server:
            self._receiver.carrier_received(data, segment_bytes, received_at_s if kernel_stamp else None)

    def writable(self) -> None:
        """From the socket."""
        self._receiver.carrier_writable()

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        """From the socket: ICMP, about the server or about nobody in particular."""
        if error.reason is not NetError.Reason.TOO_BIG and remote in {None, self._server}:
            self._receiver.carrier_failed(turn_error(error))


class StreamCarrier:
    """A connection. Requests, which are few, go out even while it takes no payload."""

    def __init__(self, server: Address, receiver: CarrierReceiver) -> None:
        self._server = server
        self._receiver = receiver
        self._stream: PushedStream | None = None
        self._refused = False

    async def open(self, net: Net, tls: ssl.SSLContext | None, name: str) -> None:
        """Connects; with `tls` the certificate is checked for `name`. Raises NetError."""
        await net.push_stream(
            self, self._server, timeout_s=CONNECT_TIMEOUT_S, tls=tls, tls_name=name if tls else None
        )

    @property
    def local(self) -> Address:
        """Our end of the connection."""
        return self._stream.local if self._stream is not None else Address("", 0)

    def send(self, data: bytes, segment_bytes: int) -> bool:
        """Writes at once: a turn of the loop costs more than the write."""
        if self._stream is None:
            return True
        if not self._stream.writable and _is_payload(data):
            self._refused = True
            return False
        self._stream.write(data)
        return True

    async def close(self, *, flush: bool = False) -> None:
        """Ends the connection."""
        stream, self._stream = self._stream, None
        if stream is None:
            return
        if flush:  # before anything is waited for: whoever waits may be cancelled
            stream.close()
        else:
            stream.abort()
        try:
            async with asyncio.timeout(1.0):
                await stream.wait_closed()
        except TimeoutError:
            stream.abort()

    # from the stream

    def stream_opened(self, stream: PushedStream) -> None:
        """The connection stands."""
        self._stream = stream
        self._receiver.carrier_opened(self)

    def stream_received(self, data: bytes) -> None:
        """Bytes of the server."""
        self._receiver.carrier_received(data, 0, None)

    def stream_ended(self, error: NetError | None) -> None:
        """The connection is over."""
        if self._stream is not None:
            self._receiver.carrier_failed(
                turn_error(error) if error else TurnError(_R.UNREACHABLE, "the connection ended")
            )

    def stream_writable(self) -> None:
        """It takes payload again."""
        if self._refused:
            self._refused = False
            self._receiver.carrier_writable()


async def open_carrier(
    net: Net,
    transport: ServerTransport,
    server: Address,
    receiver: CarrierReceiver,
    *,
    name: str,
    tls: ssl.SSLContext | None,
) -> None:
    """Opens a way to the server; `carrier_opened` gets it. Raises TurnError: refused, silent, or a bad certificate."""
    try:
        if transport is ServerTransport.UDP:
            await UdpCarrier(server, receiver).open(net)
            return
        stream = StreamCarrier(server, receiver)
        secure = transport is ServerTransport.TLS
        await stream.open(net, (tls or ssl.create_default_context()) if secure else None, name)
    except NetError as error:
        raise turn_error(error) from error


def _is_payload(data: bytes) -> bool:
    """ChannelData or a Send indication."""
    return data[0] >= CHANNEL_FIRST or data[:2] == SEND_INDICATION


def turn_error(error: NetError) -> TurnError:
    """What the network's refusal means for a TURN server."""
    reasons = {
        NetError.Reason.REFUSED: _R.REFUSED,
        NetError.Reason.UNKNOWN_HOST: _R.UNKNOWN_HOST,
        NetError.Reason.TLS: _tls_reason(error.detail.lower()),
        NetError.Reason.CLOSED: _R.CLOSED,
    }
    found = {str(reason): meaning for reason, meaning in reasons.items()}
    return TurnError(found.get(error.reason, _R.UNREACHABLE), error.detail)


def _tls_reason(detail: str) -> TurnError.Reason:
    if "mismatch" in detail or "not valid for" in detail:
        return _R.CERTIFICATE_NAME
    if "expired" in detail or "not yet valid" in detail:
        return _R.CERTIFICATE_EXPIRED
    if "self-signed" in detail or "self signed" in detail or "issuer" in detail or "verify" in detail:
        return _R.CERTIFICATE_UNTRUSTED
    return _R.TLS
