"""A batch endpoint over a plain datagram endpoint, for networks that have no bursts of their own (the lab)."""

from netstack.errors import NetError
from netstack.model.address import Address
from netstack.net.protocol import BatchReceiver, DatagramEndpoint

MAX_BURST_BYTES = 65_000
BUFFER_BYTES = 4_194_304


class PlainBatchEndpoint:
    """Sends each segment alone and hands each datagram over as a burst of one.

    It is the receiver of the endpoint that it wraps: make it, open that endpoint with it, then `attach`.
    """

    def __init__(self, receiver: BatchReceiver) -> None:
        self._receiver = receiver
        self._endpoint: DatagramEndpoint | None = None

    def attach(self, endpoint: DatagramEndpoint) -> None:
        """Gives it the endpoint that was opened with it."""
        self._endpoint = endpoint

    @property
    def local(self) -> Address:
        """The bound address."""
        return self._open().local

    @property
    def max_burst_bytes(self) -> int:
        """The most that one burst takes."""
        return MAX_BURST_BYTES

    @property
    def receive_buffer_bytes(self) -> int:
        """A virtual network drops at its links, not here."""
        return BUFFER_BYTES

    def send_burst(self, data: bytes, segment_bytes: int, remote: Address) -> bool:
        """Sends every segment."""
        endpoint = self._open()
        for start in range(0, len(data), segment_bytes):
            endpoint.send(data[start : start + segment_bytes], remote)
        return True

    def close(self) -> None:
        """Closes the endpoint beneath."""
        if self._endpoint is not None:
            self._endpoint.close()

    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        """One datagram is a burst of one."""
        self._receiver.batch_received(memoryview(data), len(data), remote, received_at_s, kernel_stamp=False)

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        """Passed on."""
        self._receiver.datagram_failed(error, remote)

    def _open(self) -> DatagramEndpoint:
        if self._endpoint is None:
            raise NetError(NetError.Reason.CLOSED)
        return self._endpoint
