"""The hot loop of small messages: one unreliable message in one packet, in and out, in the turn that it came in.

An echo over bare asyncio takes 20 us a side, most of it in the kernel and the event loop; two sealings take 3. To stay
near that, a packet may meet a few dozen operations and not the few hundred of the general way (queues, polls, timers of
every session). What makes it possible:

- Everything that only unusual events can change (path, key, address, routes) was looked at once, when the timers last
  told their deadline; it holds while they are calm (`Timers.stir` ends that), so a packet asks one flag for it.
- What comes in is given to the caller by hand, not queued; what goes out is sealed by hand, not polled for.
- Acknowledgements are not made here. When one is due, or came, the packet takes the way of `single_packet`.

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
from netstack.wire import fragment, packet
from netstack.wire.packet import FULL_HEADER, FULL_HEADER_BYTES, NONCE, SEALED

_SHORTEST_BYTES: Final = FULL_HEADER_BYTES + packet.TAG_BYTES + fragment.HEADER_BYTES
_WORD: Final = struct.Struct(">I")
_LOW_32: Final = (1 << 32) - 1
_LOW_26: Final = fragment.OFFSET_RANGE - 1
_WHOLE: Final = 0x0C  # both ends of a message are in the frame
_UNRELIABLE: Final = fragment.FIRST_CODE + (fragment.RELIABLE_LANES << 4)  # its lowest code


class FastPath:
    """One session's; made with its first small packet, gone when it rests."""

    __slots__ = (
        "_acks",
        "_calm",
        "_control",
        "_events",
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
    )

    def __init__(
        self, turns: Turns, inbox: Inbox, paths: Paths, sender: Sender, timers: Timers, events: list[Event]
    ) -> None:
        self._turns = turns
        self._inbox = inbox
        self._paths = paths
        self._sender = sender
        self._timers = timers
        self._events = events
        self._calm = 0  # the calm in which the path was looked at
        self._path: Path | None = None
        self._receive_word = self._send_word = 0
        self._acks: AckRanges
        self._schedule: AckSchedule
        self._control: SendControl
        self._open: Callable[[bytes, Buffer, None], bytes]
        self._seal: Callable[[bytes, bytes, None], bytes]

    def _look(self) -> Path | None:
        """The path that plain packets take, while there is nothing else to a session than that."""
        self._calm, self._path = self._timers.calm, None
        path, turns = self._paths.table.get(self._paths.main), self._turns
        if (
            not self._calm
            or len(self._paths.table) != 1
            or path is None
            or path.traits is None
            or path.traits.exclusive
            or path.budget_bytes is not None
            or path.suspect
            or path.cap_bucket is not None
            or path.send_id < 0
            or not path.in_use
            or path.control is None
            or not turns.protected
        ):
            return None
        self._receive_word = (SEALED | turns.receive.turn & 3) << 24 | path.receive_id
        self._send_word = (SEALED | turns.send.turn & 3) << 24 | path.send_id
        self._open, self._seal = turns.receive.aead.decrypt, turns.send.aead.encrypt
        self._acks, self._schedule = path.ensure_acks()
        self._control = path.control
        self._path = path
        return path

    def owes(self, now: float) -> bool:
        """An acknowledgement is due."""
        return self._schedule.due(now)

    def receive(self, data: Buffer, flow: Flow, now: float) -> MessageReceived | None:
        """The message in the next packet in order, where that is all that there is to it."""
        path = self._path if self._calm == self._timers.calm else self._look()
        if path is None or len(data) < _SHORTEST_BYTES:
            return None
        word, low = FULL_HEADER.unpack_from(data)
        number = path.window.highest + 1
        if (
            word != self._receive_word
            or low != number & _LOW_32
            or self._inbox.messages
            or self._events
            or flow != path.flow
        ):
            return None
        try:
            plaintext = self._open(
                NONCE.pack(path.id, number >> 32, word, low), data[FULL_HEADER_BYTES:], None
            )
        except InvalidTag:
            return None
        code = plaintext[0]
        if code < _UNRELIABLE or code & _WHOLE != _WHOLE:
            return None
        lane, payload = (code - fragment.FIRST_CODE) >> 4, plaintext[fragment.HEADER_BYTES :]
        (word,) = _WORD.unpack_from(plaintext)
        if self._inbox.reassembly.receive_whole(lane, word & _LOW_26, len(payload)) is None:
            return None
        path.window.add(number)
        path.received_packets += 1
        path.received_bytes += len(data)
        path.last_heard_s = now
        in_order = self._acks.add(number, number, now)
        self._schedule.received(1, in_order, now)
        return MessageReceived(payload, fragment.LANE_MODES[lane], fragment.LANE_PRIORITIES[lane])

    def send(self, data: bytes, mode: Mode, priority: Priority, now: float) -> tuple[int, Transmit] | None:
        """A message that nothing waits before and that fits a packet: its number, and what to send."""
        sender = self._sender
        path = self._path if self._calm == self._timers.calm else self._look()
        if path is None:
            return None
        control, flow, outbox = self._control, path.flow, sender.outbox
        if (
            not outbox.idle
            or path.urgent
            or path.ping_wanted
            or path.probes_due
            or path.control is not control
            or flow is None
            or sender.controls
            or sender.copy_to is not None
            or self._turns.ripe
            or self._schedule.rides(now)
            or len(data) > path.mtu_bytes - _SHORTEST_BYTES
            or not control.may_send_one(now)
        ):
            return None
        lane = fragment.lane_of(mode, priority)
        run = outbox.take_at_once(data, lane)
        if run is None:
            return None
        number = path.next_number
        nonce = NONCE.pack(path.id, number >> 32, self._send_word, number & _LOW_32)
        sealed = nonce[-FULL_HEADER_BYTES:] + self._seal(
            nonce, fragment.encode_header(lane, True, True, run.start) + data, None
        )
        size_bytes = len(sealed)
        path.next_number = number + 1
        path.sent_packets += 1
        path.data_packets += 1
        path.data_messages += 1
        path.sent_bytes += size_bytes
        path.last_sent_s = now
        self._turns.sealed(1, size_bytes)
        control.sent_last(number, size_bytes, now, run)
        outbox.stats.link_bytes += size_bytes
        return run.message.id, Transmit(flow, sealed, size_bytes, 1)
