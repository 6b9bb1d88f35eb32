"""A name server that knows SRV records, for the lab."""

from netstack.model.address import Address
from netstack.server.machine import Server, Transmit
from netstack.server.rate import SourceRate
from netstack.wire.dns import Srv, answer_srv


class NameServer(Server):
    """Answers questions for SRV; every other name does not exist for it. `answered` counts."""

    def __init__(
        self, *addresses: Address, records: dict[str, tuple[Srv, ...]], rate: SourceRate | None = None
    ) -> None:
        super().__init__()
        self.addresses = addresses
        self.answered = 0
        self._records = records
        self._rate = rate

    def receive(self, data: bytes, remote: Address, local: Address, now: float) -> None:
        """Answers what is a question."""
        if remote.port in {0, local.port} or (self._rate and not self._rate.allow(remote.host, now)):
            return
        reply = answer_srv(data, self._records)
        if reply is not None:
            self.answered += 1
            self._transmits.append(Transmit(reply, remote, local))
