"""What a relay has done: packets and bytes each way, and the log of its requests. Pure."""

from collections import deque
from typing import Any, Final

from netstack.core.turn_bindings import Binding
from netstack.core.turn_requests import Outcome
from netstack.model.turn import RefreshEntry
from netstack.wire.stun import Method

LOG_ENTRIES: Final = 64
RELEASE: Final = "release"
_WHAT: Final = {
    Method.ALLOCATE: "allocate",
    Method.REFRESH: "refresh",
    Method.CREATE_PERMISSION: "permission",
    Method.CHANNEL_BIND: "channel",
}


class Ledger:
    """Counters of payload, seen from the client; they never go down.

    `spoke`: something was sent since `heard_s`, when the server was heard last.
    """

    __slots__ = (
        "_log", "dropped", "heard_s", "malformed", "received_bytes", "received_packets", "recoveries", "rtt_s",
        "sent_bytes", "sent_packets", "spoke",
    )  # fmt: skip

    def __init__(self) -> None:
        self.sent_packets = self.sent_bytes = self.received_packets = self.received_bytes = 0
        self.dropped = self.malformed = self.recoveries = 0
        self.rtt_s: float | None = None
        self.heard_s = 0.0
        self.spoke = False
        self._log: deque[tuple[float, str, str, float, str | None]] = deque(maxlen=LOG_ENTRIES)

    def sent(self, packets: int, size: int) -> None:
        """Payload left."""
        self.sent_packets += packets
        self.sent_bytes += size
        self.spoke = True

    def received(self, packets: int, size: int, now: float) -> None:
        """Payload came."""
        self.received_packets += packets
        self.received_bytes += size
        self.heard(now)

    def heard(self, now: float) -> None:
        """The server lives."""
        self.heard_s = now
        self.spoke = False

    def ended(self, outcome: Outcome) -> None:
        """A request ended."""
        request = outcome.request
        subject, error = request.subject, outcome.error
        about = ""
        if isinstance(subject, Binding):
            about = subject.peer.host if subject.number is None else str(subject.peer)
        what = RELEASE if subject == RELEASE else _WHAT[request.method]
        self._log.append(
            (request.began_s, what, about, outcome.took_s, error.reason.value if error else None)
        )
        if outcome.rtt_s is not None and error is None:
            self.rtt_s = outcome.rtt_s

    def log(self, now: float) -> tuple[RefreshEntry, ...]:
        """The newest requests, oldest first."""
        return tuple(
            RefreshEntry(now - at, what, about, took, why) for at, what, about, took, why in self._log
        )

    def facts(self, now: float) -> dict[str, Any]:
        """For people: fields of a `RelayState`."""
        return {
            "rtt_s": self.rtt_s,
            "log": self.log(now),
            "sent_packets": self.sent_packets,
            "sent_bytes": self.sent_bytes,
            "received_packets": self.received_packets,
            "received_bytes": self.received_bytes,
            "dropped": self.dropped,
            "recoveries": self.recoveries,
        }
