"""An echo server for datagrams and streams: what comes goes back."""

from netstack.model.address import Address
from netstack.server.machine import Server, StreamSend, Transmit
from netstack.server.rate import SourceRate


class EchoServer(Server):
    """Sends back every datagram and every byte; `rate` bounds the datagrams. `echoed` and `limited` count."""

    streams = True

    def __init__(self, *addresses: Address, rate: SourceRate | None = None) -> None:
        super().__init__()
        self.addresses = addresses
        self.echoed = self.limited = 0
        self._rate = rate

    def receive(self, data: bytes, remote: Address, local: Address, now: float) -> None:
        """Answers with the same bytes, never to itself or another server of its port: they would not end."""
        if remote.port in {0, local.port} or (self._rate and not self._rate.allow(remote.host, now)):
            self.limited += 1
            return
        self.echoed += 1
        self._transmits.append(Transmit(data, remote, local))

    def stream_received(self, stream_id: int, data: bytes, now: float) -> None:
        """Sends the bytes back."""
        self.echoed += 1
        self._actions.append(StreamSend(stream_id, data))
