"""The hot loop of small messages: one message in one packet, in and out, in the turn that it came in.

An echo over bare asyncio takes 17 us a side, most of it in the kernel and the event loop; two sealings take 2. To stay
near that, a packet may meet a hundred operations and not the thousands of the general way (queues, polls, timers of
every session, a record of every packet). What makes it possible:

- Everything that only unusual events can change (path, key, address, routes, credit) is looked at once; it holds while
  the timers are calm (`Timers.stir` ends that) and nobody has queued a message (`leave`), so a packet asks one number.
- What comes in is given to the caller by hand, not queued; what goes out is sealed by hand, not polled for.
- What passes is only tallied. The books (window, acknowledgements, loss detection, lanes, counters) are made up by
  `settle`, which whoever looks into them calls first; mostly the peer's next acknowledgement comes before, and then
  sixteen messages that left and arrived are entered as one.
- An acknowledgement rides on the message that answers. One that has to travel alone goes the general way.

Each method does all that the general way would have done to the same packet, or nothing at all and returns None;
`tests/core/test_fast_path.py` runs one against the other.
"""

import struct
from collections.abc import Callable
from math import inf
from typing import Final

from cryptography.exceptions import InvalidTag

from netstack.core.ack_schedule import RIDE_AFTER_S, AckSchedule
from netstack.core.session_inbox import Inbox
from netstack.core.session_path import Path
from netstack.core.session_paths import Paths
from netstack.core.session_receive import Buffer
from netstack.core.session_sender import Sender, Transmit
from netstack.core.session_sent import Sent
from netstack.core.session_timers import Timers
from netstack.core.session_turns import Turns
from netstack.model.session import Event, Flow, MessageReceived, Mode, Priority
from netstack.wire import fragment, frame, packet
from netstack.wire.fragment import LANE_MODES, LANE_PRIORITIES, LANES, UNIT_BYTES
from netstack.wire.packet import FULL_HEADER_BYTES, NONCE, SEALED

LEAST_BYTES: Final = FULL_HEADER_BYTES + packet.TAG_BYTES + fragment.HEADER_BYTES
_WORD: Final = struct.Struct(">I")
_LOW_32: Final = (1 << 32) - 1
_LOW_26: Final = fragment.OFFSET_RANGE - 1
_FIRST_DATA: Final = fragment.FIRST_CODE << 24  # data frames begin with a word that is no less
_WHOLE_HEADS: Final = tuple(_FIRST_DATA + (lane << 28) + (0x0C << 24) for lane in range(LANES))
_PRIORITIES: Final = len(Priority)
_NEVER: Final = -1
_transmit = tuple.__new__  # what `Transmit(...)` does, by way of a function in Python


class FastPath:
    """One session's; made with its first small packet, gone when it rests."""

    __slots__ = (
        "_acked",
        "_below",
        "_calm",
        "_events",
        "_first_in",
        "_flow",
        "_got_bytes",
        "_got_first_s",
        "_heard_s",
        "_inbox",
        "_limits",
        "_most_bytes",
        "_next_id",
        "_next_in",
        "_next_out",
        "_number_in",
        "_number_out",
        "_open",
        "_out",
        "_path",
        "_path_id",
        "_paths",
        "_ride_at",
        "_ride_from_s",
        "_ride_s",
        "_room_bytes",
        "_seal",
        "_send_word",
        "_sender",
        "_sent",
        "_timers",
        "_turns",
        "admitted",
        "carry",
        "receive_word",
        "retired",
        "told_s",
    )

    def __init__(
        self,
        turns: Turns,
        inbox: Inbox,
        paths: Paths,
        sender: Sender,
        sent: Sent,
        timers: Timers,
        events: list[Event],
        acked: Callable[[frame.Ack, float], None],
    ) -> None:
        self._turns = turns
        self._inbox = inbox
        self._paths = paths
        self._sender = sender
        self._sent = sent
        self._timers = timers
        self._events = events
        self._acked = acked
        self.retired = False
        self.admitted = 0  # packets that the entrance has let in beforehand
        self.carry: Callable[[Transmit], bool] | None = (
            None  # who sends what goes this way, once that was found out
        )
        self.told_s = 0.0  # when the timers will be looked at anyway
        self._calm = _NEVER  # the calm in which everything was looked at
        self._path: Path | None = None
        self._path_id = self.receive_word = self._send_word = 0
        self._flow: Flow | None = None  # the path's, as the last packet named it
        self._open: Callable[[bytes, Buffer, None], bytes]
        self._seal: Callable[[bytes, bytes, None], bytes]
        # What came since the books were made up: where each lane goes on, and where it must not go on to.
        self._next_in = [_NEVER] * LANES
        self._below = [0] * LANES
        self._number_in = self._first_in = self._got_bytes = 0
        self._got_first_s = self._heard_s = 0.0
        self._ride_at = 0  # before this packet, and before `_ride_s`, nothing takes an acknowledgement along
        self._ride_s = self._ride_from_s = 0.0
        # What left: when, in which lane and where in it, what, and the packet's size.
        self._next_out = [_NEVER] * LANES
        self._limits = [_NEVER] * LANES
        self._number_out = self._next_id = self._most_bytes = 0
        self._room_bytes = -1
        self._out: list[tuple[float, int, int, bytes, int]] = []

    def receive(self, data: Buffer, word: int, low: int, flow: Flow, now: float) -> MessageReceived | None:
        """The message in the next packet in order, where that and an acknowledgement are all that there is to it.

        `word` and `low` are its header.
        """
        if self._calm != self._timers.calm and not self._look(now):
            return None
        number = self._number_in
        if (
            word != self.receive_word
            or low != number & _LOW_32
            or (flow is not self._flow and not self._is_ours(flow))
        ):
            return None
        try:
            plaintext = self._open(
                NONCE.pack(self._path_id, number >> 32, word, low), data[FULL_HEADER_BYTES:], None
            )
        except InvalidTag:
            self.leave()  # the next one is admitted by the general way before anything is computed for it
            return None
        (head,) = _WORD.unpack_from(plaintext)
        ack = None
        if head < _FIRST_DATA:
            ack = frame.read_plain_ack(plaintext) if head >> 24 == frame.ACK else None
            if ack is None or ack.path_id != self._path_id:
                return None
            plaintext = plaintext[ack.end :]
            if len(plaintext) < fragment.HEADER_BYTES:
                return None
            (head,) = _WORD.unpack_from(plaintext)
            if head < _FIRST_DATA:
                return None
        lane = (head - _FIRST_DATA) >> 28
        start = self._next_in[lane]
        if start < 0:
            start = self._expect(lane)
        if start < 0 or head != _WHOLE_HEADS[lane] + (start & _LOW_26):
            return None
        payload = plaintext[fragment.HEADER_BYTES :]
        end = start + len(payload) // UNIT_BYTES + 1
        if end >= self._below[lane]:
            return None
        if ack is not None:
            self._acknowledged(ack, now)
        self._next_in[lane] = end
        self._number_in = number + 1
        if number == self._first_in:
            self._got_first_s, self._ride_s = now, self._ride_from_s
        self._got_bytes += len(data)
        self._heard_s = now
        return MessageReceived(payload, LANE_MODES[lane], LANE_PRIORITIES[lane])

    def send(self, data: bytes, mode: Mode, priority: Priority, now: float) -> tuple[int, Transmit] | None:
        """A message that nothing waits before and that fits a packet: its number, and what to send."""
        if self._calm != self._timers.calm and not self._look(now):
            return None
        lane = mode * _PRIORITIES + priority
        size_bytes, flow = len(data), self._flow
        units = size_bytes // UNIT_BYTES + 1
        start = self._next_out[lane]
        if flow is None or size_bytes > self._most_bytes:
            return None
        if self._room_bytes < 0 or start + units > self._limits[lane]:
            start = self._enter(lane, now)
            if self._room_bytes < 0 or start + units > self._limits[lane]:
                return None
        number, header = self._number_out, b""
        if self._number_in >= self._ride_at or now >= self._ride_s:
            riding = self._acknowledgement(number, size_bytes, now)
            if riding is None:
                return None
            header = riding
        nonce = NONCE.pack(self._path_id, number >> 32, self._send_word, number & _LOW_32)
        header += _WORD.pack(_WHOLE_HEADS[lane] + (start & _LOW_26))
        sealed = nonce[-FULL_HEADER_BYTES:] + self._seal(nonce, header + data, None)
        size_bytes = len(sealed)
        self._out.append((now, lane, start, data, size_bytes))
        self._number_out = number + 1
        self._next_out[lane] = start + units
        self._room_bytes -= size_bytes
        return self._next_id + len(self._out), _transmit(Transmit, (flow, sealed, size_bytes, 1))

    def owes(self) -> bool:
        """An acknowledgement is due, or something is no longer plain: the session is to be polled."""
        return self._calm != self._timers.calm or self._number_in >= self._ride_at

    def retire(self) -> None:
        """For good: who still holds it is refused."""
        self.leave()
        self.retired = True

    def leave(self) -> None:
        """What was looked at does not hold any more."""
        self.settle()
        self._calm = _NEVER

    def _look(self, now: float) -> bool:
        """Whether there is nothing to the session now but plain packets on one path."""
        self.leave()
        path, turns = self._paths.only, self._turns
        if (
            self.retired
            or not self._timers.calm
            or self._events
            or self._inbox.messages
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
            return False
        acks, schedule = path.ensure_acks()
        if acks.largest != path.window.highest:  # what was not kept is not acknowledged, and is looked for
            return False
        self._path, self._path_id, self._flow = path, path.id, path.flow
        self.receive_word = (SEALED | turns.receive.turn & 3) << 24 | path.receive_id
        self._send_word = (SEALED | turns.send.turn & 3) << 24 | path.send_id
        self._open, self._seal = turns.receive.aead.decrypt, turns.send.aead.encrypt
        self._next_in, self._next_out = [_NEVER] * LANES, [_NEVER] * LANES
        self._below, self._limits = [_NEVER] * LANES, [_NEVER] * LANES
        self._number_in = self._first_in = path.window.highest + 1
        self._number_out = path.next_number
        self.carry = None
        self._next_id = self._sender.outbox.next_id - 1
        self._most_bytes = path.mtu_bytes - LEAST_BYTES
        self._room_bytes = self._room(path, now)
        self._note_schedule(schedule)
        self._calm = self._timers.calm
        return True

    def _is_ours(self, flow: Flow) -> bool:
        if self._path is None or flow != self._path.flow:
            return False
        self._flow = flow
        return True

    def _room(self, path: Path, now: float) -> int:
        """Bytes that may leave one after the other as long as they are not negative."""
        outbox = self._sender.outbox
        if path.control is None or self._turns.ripe or self._sender.copy_to is not None or outbox.pressed:
            return -1
        return path.control.room_bytes(now)

    def _note_schedule(self, schedule: AckSchedule) -> None:
        owed = schedule.due_at_s is not None
        self._ride_at = self._number_in + max(schedule.packets_left, not owed)
        self._ride_from_s = schedule.sent_at_s + RIDE_AFTER_S
        self._ride_s = self._ride_from_s if owed else inf

    def _expect(self, lane: int) -> int:
        """Where a lane goes on; negative where that is not simple."""
        self._next_in[lane], self._below[lane] = self._inbox.expects(lane)
        return self._next_in[lane]

    def _enter(self, lane: int, now: float) -> int:
        """Makes up the books, and looks anew at how far may be sent. Where the lane goes on."""
        self.settle()
        if self._path is not None:
            self._room_bytes = self._room(self._path, now)
        self._next_out[lane], self._limits[lane] = self._sender.outbox.place(lane)
        return self._next_out[lane]

    def _acknowledgement(self, number: int, size_bytes: int, now: float) -> bytes | None:
        """What packet `number` says of those that came, if anything. None: it does not fit."""
        self._settle_in()
        path = self._path
        if path is None or path.acks is None or path.schedule is None:
            return None
        acks, schedule = path.acks, path.schedule
        if not schedule.rides(now):
            return b""
        if len(acks) != 1:
            return None
        ack = frame.encode_ack(path.id, int(max(now - acks.largest_at_s, 0.0) * 1e6), acks.newest())
        if size_bytes + len(ack) > self._most_bytes:
            return None
        acks.carried(number)
        schedule.sent(now)
        self._note_schedule(schedule)
        return ack

    def _acknowledged(self, ack: frame.PlainAck, now: float) -> None:
        """The peer has packets of ours: mostly all that left since the books were made up, and nothing else is under way.
        Where none is missing and nobody waits for it, the timers stay calm.
        """
        path, out = self._path, self._out
        if path is None:
            return
        first, control = self._number_out - len(out), path.control
        if (
            out
            and control is not None
            and ack.high == self._number_out - 1
            and ack.low <= first
            and control.losses.clear_from(ack.low)
        ):
            size_bytes = self._enter_sent(path)
            control.sent_and_acked(
                first, len(out), size_bytes, out[0][0], out[-1][0], ack.delay_us / 1e6, now
            )
            self._sender.outbox.passed(out)
            self._next_id += len(out)
            self._turns.acknowledged = True
            if path.acks is not None:
                path.acks.confirmed(ack.low, ack.high)
            out.clear()
        else:
            self.settle()
            outbox = self._sender.outbox
            if not self._sent.acked_plain(ack, path, now) or outbox.done or outbox.full:
                self._acked(frame.Ack(path.id, ack.delay_us, ((ack.low, ack.high),)), now)
                return
        self._room_bytes = self._room(path, now)

    # The books.

    def settle(self) -> None:
        """Enters what was tallied."""
        if self._number_in > self._first_in:
            self._settle_in()
        out, path = self._out, self._path
        if not out or path is None or path.control is None:
            return
        number = self._number_out - len(out)
        self._enter_sent(path)
        for sent_s, lane, start, data, size_bytes in out:
            message = self._sender.outbox.left_at_once(data, lane, start)
            path.control.sent_last(number, size_bytes, sent_s, message)
            number += 1
        self._next_id += len(out)
        out.clear()

    def _settle_in(self) -> None:
        path, first, last = self._path, self._first_in, self._number_in - 1
        got = last - first + 1
        if not got or path is None:
            return
        self._first_in = self._number_in
        path.window.add(first, got)
        path.heard(got, self._got_bytes, self._heard_s)
        self._got_bytes = 0
        acks, schedule = path.ensure_acks()
        schedule.received(1, acks.add(first, last, self._heard_s), self._got_first_s)
        if got > 1:
            schedule.received(got - 1, True, self._heard_s)
        self._note_schedule(schedule)
        self._inbox.passed(self._next_in, got)

    def _enter_sent(self, path: Path) -> int:
        """What left, on the path's and the key's account. Returns the bytes."""
        out = self._out
        count, size_bytes = len(out), sum(each[4] for each in out)
        path.next_number = self._number_out
        path.data_packets += count
        path.data_messages += count
        path.sent_bytes += size_bytes
        path.last_sent_s = out[-1][0]
        self._turns.sealed(count, size_bytes)
        self._sender.outbox.stats.link_bytes += size_bytes
        return size_bytes
