"""What a session is made of: messages, paths, events, counters, and how it can fail."""

from enum import IntEnum, StrEnum
from typing import ClassVar, NamedTuple

import msgspec

from netstack.errors import Fault, PeerscopeError
from netstack.model.address import Address


class Mode(IntEnum):
    """What is promised for a message."""

    ORDERED = 0
    UNORDERED = 1
    UNRELIABLE = 2
    DEADLINE = 3

    @property
    def reliable(self) -> bool:
        """Repeated until acknowledged."""
        return self <= Mode.UNORDERED


class Priority(IntEnum):
    """What matters for a message; lower goes first."""

    CRITICAL = 0
    REALTIME = 1
    BULK = 2


class TransportKind(StrEnum):
    """The five transports."""

    UDP = "udp"
    TCP = "tcp"
    TURN = "turn"
    BLE = "ble"
    WEBRTC = "webrtc"


class Flow(NamedTuple):
    """Where a packet comes from or goes to: a link of ours, and the far address where a link has many."""

    link: int
    remote: Address | None = None


class LinkTraits(msgspec.Struct, frozen=True):
    """What a session must know of a link.

    `mtu_bytes` is the largest packet that surely passes, `max_mtu_bytes` the largest worth searching for
    (equal: no search). `exclusive` links carry one session and use the short header. `reliable` links
    lose and reorder nothing. `buffer_bytes` is what the system holds of unread packets, its bookkeeping included.
    `window_bytes` is the most that may be under way, where the link itself holds what is more.
    """

    kind: TransportKind
    mtu_bytes: int
    max_mtu_bytes: int
    exclusive: bool = False
    reliable: bool = False
    buffer_bytes: int = 4 << 20
    window_bytes: int | None = None


UDP_TRAITS = LinkTraits(TransportKind.UDP, 1200, 1472)
TCP_TRAITS = LinkTraits(TransportKind.TCP, 16384, 16384, reliable=True)


class CloseReason(IntEnum):
    """Why a session or a path ended. The number travels."""

    DONE = 0
    IDLE = 1
    PROTOCOL = 2
    REPLACED = 3
    SHUTDOWN = 4
    LIMIT = 5


class SessionError(PeerscopeError):
    """A session could not be made or is over."""

    class Reason(StrEnum):
        """What went wrong."""

        WRONG_KEY = "wrong-key"
        REFUSED = "refused"
        NO_ANSWER = "no-answer"
        VERSION = "version"
        CLOSED = "closed"
        TOO_LARGE = "too-large"
        QUEUE_FULL = "queue-full"
        LIMIT = "limit"
        LINK_TOO_SMALL = "link-too-small"

    TABLE: ClassVar = {
        Reason.WRONG_KEY: (
            Fault.USER,
            "The other side has another key or code. Check the code, or forget the peer and meet again.",
        ),
        Reason.REFUSED: (Fault.PEER, "The other side refused: it does not know this computer or this code."),
        Reason.NO_ANSWER: (Fault.UNKNOWN, "The other side did not answer in time."),
        Reason.VERSION: (Fault.USER, "The two programs are too different in age. Update the older one."),
        Reason.CLOSED: (Fault.PEER, "The session is closed."),
        Reason.TOO_LARGE: (Fault.USER, "The message is too large to be sent in one piece."),
        Reason.QUEUE_FULL: (Fault.NETWORK, "More is waiting to be sent than the path can take now."),
        Reason.LIMIT: (Fault.PC, "The limit of sessions or paths of this computer is reached."),
        Reason.LINK_TOO_SMALL: (Fault.PC, "This link carries packets too small for a session."),
    }


class Established(msgspec.Struct, frozen=True):
    """The session is up: both sides have proved their keys. The digits are for people to compare."""

    peer_key: bytes
    safety_digits: str
    initiator: bool


class MessageReceived(msgspec.Struct, frozen=True):
    """A whole message came."""

    data: bytes
    mode: Mode
    priority: Priority


class MessageAcknowledged(msgspec.Struct, frozen=True):
    """The peer has all of a reliable message, which took so many packets, those sent again included."""

    message_id: int
    packets: int


class MessageDropped(msgspec.Struct, frozen=True):
    """A message was given up: its deadline passed before it left, or the session ended."""

    message_id: int


class SendReady(msgspec.Struct, frozen=True):
    """The send queue, which was full, takes messages again."""


class PathOpened(msgspec.Struct, frozen=True):
    """A path carries packets both ways."""

    path_id: int
    flow: Flow


class PathMoved(msgspec.Struct, frozen=True):
    """The peer's address changed; `proved` when it answered a challenge there."""

    path_id: int
    flow: Flow
    proved: bool


class PathClosed(msgspec.Struct, frozen=True):
    """A path is gone."""

    path_id: int
    reason: CloseReason


class ProbeAnswered(msgspec.Struct, frozen=True):
    """Four timestamps of one probe, in seconds, each pair on its host's own clock (RFC 8762).

    `reflected` is how many probes the far side has answered in all; `kernel_stamp` tells of `t2_s`.
    """

    path_id: int
    sequence: int
    t1_s: float
    t2_s: float
    t3_s: float
    t4_s: float
    reflected: int
    kernel_stamp: bool

    @property
    def rtt_s(self) -> float:
        """Round trip without the time that the far side took."""
        return (self.t4_s - self.t1_s) - (self.t3_s - self.t2_s)


class KeysTurned(msgspec.Struct, frozen=True):
    """Fresh ephemeral keys are in use."""

    round: int


class SessionClosed(msgspec.Struct, frozen=True):
    """The session is over; its keys are forgotten."""

    reason: CloseReason
    by_peer: bool


class DialFailed(msgspec.Struct, frozen=True):
    """An attempt to reach a peer is over."""

    reason: SessionError.Reason


class InvitationSpent(msgspec.Struct, frozen=True):
    """An invitation is over because the code was wrong too often."""


Event = (
    Established
    | MessageReceived
    | MessageAcknowledged
    | MessageDropped
    | SendReady
    | PathOpened
    | PathMoved
    | PathClosed
    | ProbeAnswered
    | KeysTurned
    | SessionClosed
    | DialFailed
    | InvitationSpent
)


class FragmentStats(msgspec.Struct):
    """Counters of one session's messages and their fragments, both ways. Sizes in bytes, times in seconds.

    `link_bytes` is what the links were given for data packets, tags and headers included.
    """

    sent_messages: int = 0
    sent_fragmented: int = 0
    sent_fragments: int = 0
    sent_payload_bytes: int = 0
    link_bytes: int = 0
    received_fragments: int = 0
    completed: int = 0
    completed_fragmented: int = 0
    duplicates: int = 0
    inconsistencies: int = 0
    refused: int = 0
    timeouts: int = 0
    lost_fragments: int = 0
    assembly_sum_s: float = 0.0
    assembly_max_s: float = 0.0

    @property
    def fragmentation_rate(self) -> float | None:
        """Share of sent messages that took more than one packet."""
        return self.sent_fragmented / self.sent_messages if self.sent_messages else None

    @property
    def fragments_per_message(self) -> float | None:
        """Average over sent messages."""
        return self.sent_fragments / self.sent_messages if self.sent_messages else None

    @property
    def assembly_s(self) -> float | None:
        """Average time from the first to the last fragment of the messages that had more than one."""
        return self.assembly_sum_s / self.completed_fragmented if self.completed_fragmented else None

    @property
    def success_rate(self) -> float | None:
        """Share of begun messages that became whole, of those that are decided."""
        decided = self.completed + self.timeouts
        return self.completed / decided if decided else None

    @property
    def overhead_bytes(self) -> int:
        """What was given to links beyond payload."""
        return self.link_bytes - self.sent_payload_bytes

    @property
    def efficiency(self) -> float | None:
        """Payload over what the links were given."""
        return self.sent_payload_bytes / self.link_bytes if self.link_bytes else None


class Drop(StrEnum):
    """Why a packet, or what was in it, was dropped."""

    UNKNOWN = "unknown"
    TRUNCATED = "truncated"
    MALFORMED = "malformed"
    REPLAYED = "replayed"
    FORGED = "forged"
    OLD_KEY = "old-key"
    OVER_CREDIT = "over-credit"
    OVER_MEMORY = "over-memory"
    BAD_ACK = "bad-acknowledgement"
    OVER_RATE = "over-rate"
    CLOSED = "closed"
