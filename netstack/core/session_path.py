"""One path of a session: its numbers, its window, its address, and what it may send."""

from collections import deque
from collections.abc import Iterable
from typing import Final

from netstack.core import traffic_caps
from netstack.core.ack_ranges import AckRanges
from netstack.core.ack_schedule import AckSchedule
from netstack.core.message import Run
from netstack.core.mtu_search import MtuSearch
from netstack.core.replay import ReplayWindow
from netstack.core.send_control import SendControl
from netstack.core.token_bucket import Bucket
from netstack.model.session import Flow, LinkTraits
from netstack.wire import packet
from netstack.wire.fragment import HEADER_BYTES
from netstack.wire.frame import Control

AMPLIFICATION: Final = 3
KEEPALIVE_S: Final = 20.0
CHALLENGE_AGAIN_S: Final = 0.5
CHALLENGES: Final = 6
CHALLENGES_OF_A_MOVE: Final = 3
MAX_URGENT: Final = 32
MAX_COPIES: Final = 256
TEST_BYTES: Final = 600
DEFAULT_RTT_S: Final = 0.05
NEVER_S: Final = float("inf")


class Path:
    """`send_id` is -1 until the peer said it; `flow` is None until the peer was heard on a path it began.

    `budget_bytes` is what may still be sent to an address that is not proved (None: it is). `in_use` means
    that it has been proved once, `suspect` that the peer has stopped to answer on it. `doubt_s`: when data was last
    found not to arrive, `doubted_s` when first, `patience_s` how long an answer might take before (`core.path_doubt`).
    `stalled_since_s`: the oldest data left then, and none has arrived since. `copies` is what another path carries too.
    """

    __slots__ = (
        "acks",
        "budget_bytes",
        "cap_bucket",
        "cap_bytes_per_s",
        "challenge",
        "challenge_due_s",
        "challenges_left",
        "control",
        "copies",
        "data_messages",
        "data_packets",
        "doubt_s",
        "doubted_s",
        "flow",
        "heard_before",
        "id",
        "in_use",
        "last_heard_s",
        "last_sent_s",
        "lost_s",
        "mtu",
        "mtu_bytes",
        "mtu_due_s",
        "mtu_passed",
        "next_number",
        "old_flow",
        "patience_s",
        "ping_wanted",
        "probe_sequence",
        "probes_answered",
        "probes_due",
        "receive_id",
        "received_bytes",
        "received_packets",
        "schedule",
        "send_id",
        "sent_bytes",
        "stalled_since_s",
        "stamp_s",
        "suspect",
        "test_wanted",
        "traits",
        "turn_first",
        "urgent",
        "window",
    )

    def __init__(self, path_id: int, receive_id: int, now: float, *, send_id: int = -1) -> None:
        self.id = path_id
        self.receive_id = receive_id
        self.send_id = send_id
        self.flow: Flow | None = None
        self.traits: LinkTraits | None = None
        self.mtu_bytes = 0
        self.cap_bytes_per_s: float | None = None
        self.cap_bucket: Bucket | None = None
        self.mtu: MtuSearch | None = None
        self.mtu_due_s = NEVER_S
        self.mtu_passed = -1  # the newest packet beyond the base size that arrived
        self.window = ReplayWindow()
        self.acks: AckRanges | None = None
        self.schedule: AckSchedule | None = None
        self.control: SendControl | None = None
        self.next_number = 0
        self.turn_first = 0
        self.in_use = False
        self.suspect = False
        self.doubt_s: float | None = None
        self.doubted_s = self.patience_s = 0.0
        self.stalled_since_s: float | None = None
        self.lost_s = -NEVER_S
        self.copies: deque[Run] | None = None
        self.budget_bytes: int | None = 0
        self.old_flow: Flow | None = None
        self.challenge: bytes | None = None
        self.challenge_due_s: float | None = None
        self.challenges_left = 0
        self.urgent: list[Control] | None = None
        self.ping_wanted = self.test_wanted = False
        self.probes_due = 0
        self.probe_sequence = 0
        self.probes_answered = 0
        self.stamp_s: float | None = None
        self.sent_bytes = self.received_packets = self.received_bytes = 0
        self.data_packets = self.data_messages = 0  # that carried messages, and messages that began here
        self.heard_before = 0  # packets that came over the links before this one
        self.last_heard_s = self.last_sent_s = now

    @property
    def sent_packets(self) -> int:
        """How many have left."""
        return self.next_number

    @property
    def short(self) -> bool:
        """The link carries this session alone, and the peer has shown that it knows whose it is."""
        return self.traits is not None and self.traits.exclusive and self.received_packets > self.heard_before

    @property
    def overhead_bytes(self) -> int:
        """Header and tag of a packet."""
        header = packet.SHORT_HEADER_BYTES if self.short else packet.FULL_HEADER_BYTES
        return header + packet.TAG_BYTES

    @property
    def room_bytes(self) -> int:
        """Frames that fit a packet."""
        return self.mtu_bytes - self.overhead_bytes

    @property
    def payload_bytes(self) -> int:
        """Message bytes that fit a packet with a data header."""
        return self.room_bytes - HEADER_BYTES

    @property
    def test_bytes(self) -> int:
        """A packet so large passes for data: who swallows data swallows it too."""
        return min(TEST_BYTES, self.mtu_bytes)

    @property
    def able(self) -> bool:
        """Packets can be sent: the peer's id and address are known."""
        return self.send_id >= 0 and self.flow is not None

    @property
    def proved(self) -> bool:
        """The address answered a challenge, or proved itself in the handshake."""
        return self.budget_bytes is None

    @property
    def rtt_s(self) -> float:
        """Smoothed round trip, or a guess."""
        smoothed_s = self.control.rtt.smoothed_s if self.control else None
        return smoothed_s or DEFAULT_RTT_S

    def probe_timeout_s(self) -> float:
        """How long an answer may take."""
        if self.control is None or self.control.rtt.smoothed_s is None:
            return CHALLENGE_AGAIN_S
        return self.control.rtt.probe_timeout_s(self.control.losses.max_ack_delay_s)

    def prove(self) -> None:
        """The address is the peer's."""
        self.budget_bytes = None
        self.old_flow = self.challenge = self.challenge_due_s = None
        self.in_use = True

    def attach(self, flow: Flow, traits: LinkTraits) -> None:
        """The path is on this flow now."""
        if self.flow is None or self.flow.link != flow.link:
            self.heard_before = self.received_packets
        self.flow = flow
        if self.traits is None or self.traits.kind is not traits.kind:
            self.mtu_bytes = traits.mtu_bytes
            if self.control is not None:
                self.control.bound(traits.window_bytes)
        self.traits = traits

    def cap(self, bytes_per_s: float | None, now: float) -> None:
        """Neither sends nor takes more than that."""
        if bytes_per_s == self.cap_bytes_per_s:
            return
        self.cap_bytes_per_s = bytes_per_s
        self.cap_bucket = None if bytes_per_s is None else traffic_caps.bucket(bytes_per_s, now)
        if self.control is not None:
            self.control.cap_bytes_per_s = bytes_per_s

    def resize(self, mtu_bytes: int) -> None:
        """Packets are this large from now on."""
        self.mtu_bytes = mtu_bytes
        if self.control is not None:
            self.control.resize(mtu_bytes)

    def moved(self, flow: Flow, size_bytes: int) -> None:
        """A packet that opened came from elsewhere. The last proved address is remembered."""
        if self.proved:
            self.old_flow = self.flow
        self.flow = flow
        self.budget_bytes = AMPLIFICATION * size_bytes

    def heard(self, packets: int, size_bytes: int, now: float) -> None:
        """Packets opened."""
        self.received_packets += packets
        self.received_bytes += size_bytes
        self.last_heard_s = now

    def ensure_acks(self) -> tuple[AckRanges, AckSchedule]:
        """What came, and when to say so; made when the first packet comes."""
        if self.acks is None or self.schedule is None:
            self.acks, self.schedule = AckRanges(), AckSchedule()
        return self.acks, self.schedule

    def ensure_control(self, now: float) -> SendControl:
        """Congestion, pacing and loss; made when the first packet leaves that wants an answer."""
        if self.control is None:
            self.control = SendControl(
                now,
                self.mtu_bytes,
                seed=self.receive_id,
                peer_window_bytes=None if self.traits is None else self.traits.window_bytes,
                cap_bytes_per_s=self.cap_bytes_per_s,
            )
        return self.control

    def say(self, frame: Control) -> None:
        """A frame for this path alone, once. Beyond `MAX_URGENT` it is not said."""
        if self.urgent is None:
            self.urgent = []
        if len(self.urgent) < MAX_URGENT:
            self.urgent.append(frame)

    def copy(self, pieces: Iterable[Run]) -> None:
        """Carries these too; beyond `MAX_COPIES` the oldest are not."""
        if self.copies is None:
            self.copies = deque(maxlen=MAX_COPIES)
        self.copies.extend(pieces)

    def begin_challenge(self, token: bytes, now: float) -> None:
        """Ask the address to answer."""
        self.challenge = token
        self.challenges_left = CHALLENGES_OF_A_MOVE if self.old_flow else CHALLENGES
        self.challenge_due_s = now

    def park(self) -> None:
        """Frees what an idle path does not need; the congestion state is learnt anew."""
        if self.control is not None and not self.control.bytes_in_flight:
            self.control = None
        if not self.urgent:
            self.urgent = None
        if not self.copies:
            self.copies = None
