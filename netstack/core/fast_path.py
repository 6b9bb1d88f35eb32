"""The hot loop of small messages: one message in one packet, in and out, in the turn that it came in.

An echo over bare asyncio takes 17 us a side, most of it in the kernel and the event loop; two sealings take 2. To stay
near that, a packet may meet a few dozen operations and not the few hundred of the general way (queues, polls, timers of
every session). What makes it possible:

- Everything that only unusual events can change (path, key, address, routes) was looked at once, when the timers last
  told their deadline; it holds while they are calm (`Timers.stir` ends that), so a packet asks one number for it.
- What comes in is given to the caller by hand, not queued; what goes out is sealed by hand, not polled for.
- An acknowledgement rides on the message that answers, and is taken where a message came behind it. Those that have to
  travel alone go the general way.
- The books are the same as the general way's and are written here in place: a call costs as much as three entries.

Each method does all that the general way would have done to the same packet, or nothing at all and returns None;
`tests/core/test_fast_path.py` runs one against the other.
"""

import struct
from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InvalidTag

from netstack.core.ack_ranges import AckRanges
from netstack.core.ack_schedule import AckSchedule
from netstack.core.send_control import SendControl
from netstack.core.session_inbox import Inbox
from netstack.core.session_path import Path
from netstack.core.session_paths import Paths
from netstack.core.session_receive import Buffer
from netstack.core.session_sender import Sender, Transmit
from netstack.core.session_timers import Timers
from netstack.core.session_turns import Turns
from netstack.model.session import Event, Flow, MessageReceived, Mode, Priority
from netstack.wire import fragment, frame, packet
from netstack.wire.packet import FULL_HEADER_BYTES, NONCE, SEALED

LEAST_BYTES: Final = FULL_HEADER_BYTES + packet.TAG_BYTES + fragment.HEADER_BYTES
_WORD: Final = struct.Struct(">I")
_LOW_32: Final = (1 << 32) - 1
_LOW_26: Final = fragment.OFFSET_RANGE - 1
_FIRST_DATA: Final = fragment.FIRST_CODE << 24  # data frames begin with a word that is no less
_WHOLE: Final = 0x0C << 24  # both ends of a message are in the frame
_PRIORITIES: Final = len(Priority)


class FastPath:
    """One session's; made with its first small packet, gone when it rests."""

    __slots__ = (
        "_acked",
        "_acks",
        "_calm",
        "_control",
        "_events",
        "_flow",
        "_inbox",
        "_open",
        "_path",
        "_paths",
        "_receive_word",
        "_schedule",
        "_seal",
        "_send_word",
        "_sender",
        "_timers",
        "_turns",
        "told_s",
    )

    def __init__(
        self,
        turns: Turns,
        inbox: Inbox,
        paths: Paths,
        sender: Sender,
        timers: Timers,
        events: list[Event],
        acked: Callable[[frame.Ack, float], None],
    ) -> None:
        self._turns = turns
        self._inbox = inbox
        self._paths = paths
        self._sender = sender
        self._timers = timers
        self._events = events
        self._acked = acked
        self.told_s = 0.0  # when the timers will be looked at anyway
        self._calm = -1  # the calm in which the path was looked at
        self._path: Path | None = None
        self._receive_word = self._send_word = 0
        self._flow: Flow | None = None  # the path's, as the last packet named it
        self._acks: AckRanges
        self._schedule: AckSchedule
        self._control: SendControl | None = None
        self._open: Callable[[bytes, Buffer, None], bytes]
        self._seal: Callable[[bytes, bytes, None], bytes]

    def _look(self) -> Path | None:
        """The path that plain packets take, while there is nothing else to a session than that."""
        self._calm, self._path = self._timers.calm, None
        path, turns = self._paths.only, self._turns
        if (
            not self._calm
            or path is None
            or path.traits is None
            or path.traits.exclusive
            or path.budget_bytes is not None
            or path.suspect
            or path.cap_bucket is not None
            or path.send_id < 0
            or not path.in_use
            or not turns.protected
        ):
            return None
        self._receive_word = (SEALED | turns.receive.turn & 3) << 24 | path.receive_id
        self._send_word = (SEALED | turns.send.turn & 3) << 24 | path.send_id
        self._open, self._seal = turns.receive.aead.decrypt, turns.send.aead.encrypt
        self._acks, self._schedule = path.ensure_acks()
        self._control = path.control
        self._flow = path.flow
        self._path = path
        return path

    def owes(self, now: float) -> bool:
        """An acknowledgement is due, or something is no longer plain: the session is to be polled."""
        return self._calm != self._timers.calm or self._schedule.due(now)

    def receive(self, data: Buffer, word: int, low: int, flow: Flow, now: float) -> MessageReceived | None:
        """The message in the next packet in order, where that and an acknowledgement are all that there is to it.

        `word` and `low` are its header.
        """
        path = self._path if self._calm == self._timers.calm else self._look()
        if path is None or word != self._receive_word or self._events:
            return None
        window = path.window
        number = window.highest + 1
        if low != number & _LOW_32:
            return None
        if flow is not self._flow:
            if flow != path.flow:
                return None
            self._flow = flow
        try:
            plaintext = self._open(
                NONCE.pack(path.id, number >> 32, word, low), data[FULL_HEADER_BYTES:], None
            )
        except InvalidTag:
            return None
        (head,) = _WORD.unpack_from(plaintext)
        if head < _FIRST_DATA:
            ack = frame.read_plain_ack(plaintext) if head >> 24 == frame.ACK else None
            if ack is None or ack.path_id != path.id or len(plaintext) < ack.end + fragment.HEADER_BYTES:
                return None
            (head,) = _WORD.unpack_from(plaintext, ack.end)
            payload = plaintext[ack.end + fragment.HEADER_BYTES :]
        else:
            ack = None
            payload = plaintext[fragment.HEADER_BYTES :]
        if head < _FIRST_DATA or head & _WHOLE != _WHOLE:
            return None
        lane = (head - _FIRST_DATA) >> 28
        if not self._inbox.pass_whole(lane, head & _LOW_26, len(payload)):
            return None
        window.add(number)
        path.received_packets += 1
        path.received_bytes += len(data)
        path.last_heard_s = now
        if ack is not None:
            self._acknowledged(path, ack, now)
        self._schedule.received(1, self._acks.add(number, number, now), now)
        return MessageReceived(payload, fragment.LANE_MODES[lane], fragment.LANE_PRIORITIES[lane])

    def _acknowledged(self, path: Path, ack: frame.PlainAck, now: float) -> None:
        """The peer has packets of ours. Where none is missing and nobody waits for it, the timers stay calm."""
        outbox = self._sender.outbox
        if not self._sender.acked_plain(ack, path, now) or outbox.done or outbox.full:
            self._acked(frame.Ack(path.id, ack.delay_us, ((ack.low, ack.high),)), now)

    def send(self, data: bytes, mode: Mode, priority: Priority, now: float) -> tuple[int, Transmit] | None:
        """A message that nothing waits before and that fits a packet: its number, and what to send."""
        path = self._path if self._calm == self._timers.calm else self._look()
        if path is None:
            return None
        sender, control, flow, schedule = self._sender, self._control, path.flow, self._schedule
        if (
            path.urgent
            or path.ping_wanted
            or path.probes_due
            or control is None
            or path.control is not control
            or flow is None
            or sender.controls
            or sender.copy_to is not None
            or self._turns.ripe
            or not control.may_send_one(now)
        ):
            return None
        rides, header = schedule.rides(now), b""
        if rides:
            acks = self._acks
            if len(acks) != 1:
                return None
            header = frame.encode_ack(path.id, int(max(now - acks.largest_at_s, 0.0) * 1e6), acks.newest())
        if len(data) + len(header) > path.mtu_bytes - LEAST_BYTES:
            return None
        lane = mode * _PRIORITIES + priority
        message = sender.outbox.take_at_once(data, lane)
        if message is None:
            return None
        header += _WORD.pack(_FIRST_DATA + (lane << 28) + _WHOLE + (message.start & _LOW_26))
        number = path.next_number
        nonce = NONCE.pack(path.id, number >> 32, self._send_word, number & _LOW_32)
        sealed = nonce[-FULL_HEADER_BYTES:] + self._seal(nonce, header + data, None)
        size_bytes = len(sealed)
        path.next_number = number + 1
        path.data_packets += 1
        path.data_messages += 1
        path.sent_bytes += size_bytes
        path.last_sent_s = now
        self._turns.sealed(1, size_bytes)
        control.sent_last(number, size_bytes, now, message)
        if rides:
            self._acks.carried(number)
            schedule.sent(now)
        sender.outbox.stats.link_bytes += size_bytes
        return message.id, Transmit(flow, sealed, size_bytes, 1)
