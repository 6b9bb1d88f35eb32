"""The way of one small packet through a session: what an echo, a probe of latency or a game's update is made of.

A session at its general pace costs 90 us a packet, a bare asyncio datagram 25 us, half of it in the kernel. So the
common case has a way of its own that touches nothing it need not: a packet in order, of the present key, from where
the peer was, that holds at most one acknowledgement of one range and one whole message; and one message that waits
alone goes out behind one acknowledgement. Everything else, and everything odd, takes the general way; nothing has
changed when `take` returns False or `poll` returns None. Both ways give the same bytes and the same events
(`tests/core/test_single_packet.py` runs one against the other).
"""

import struct
from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InvalidTag

from netstack.core import seal
from netstack.core.session_inbox import Inbox
from netstack.core.session_path import Path
from netstack.core.session_receive import Buffer
from netstack.core.session_sender import Sender, Transmit
from netstack.core.session_turns import Turns
from netstack.wire import fragment, frame, packet
from netstack.wire.packet import FULL_HEADER, FULL_HEADER_BYTES, NONCE, SEALED

SHORTEST_BYTES: Final = FULL_HEADER_BYTES + packet.TAG_BYTES + 1
_WORD: Final = struct.Struct(">I")
_WHOLE: Final = 0x0C  # both ends of a message are in the frame
_LOW_32: Final = (1 << 32) - 1


class SinglePackets:
    """The quick way for one session. `enabled` False sends everything the general way (for tests)."""

    __slots__ = ("_acked", "_inbox", "_sender", "_turns", "enabled")

    def __init__(
        self, turns: Turns, inbox: Inbox, sender: Sender, acked: Callable[[frame.Ack, float], None]
    ) -> None:
        self._turns = turns
        self._inbox = inbox
        self._sender = sender
        self._acked = acked
        self.enabled = True

    def open(self, path: Path, data: Buffer) -> bytes | None:
        """The plaintext of the next packet in order, under the present key; None: look closer."""
        if len(data) < SHORTEST_BYTES or not self.enabled:
            return None
        word, low = FULL_HEADER.unpack_from(data)
        number = path.window.highest + 1
        receive = self._turns.receive
        if low != number & _LOW_32 or word >> 24 != SEALED | receive.turn & 3:
            return None
        try:
            nonce = NONCE.pack(path.id, number >> 32, word, low)
            return receive.aead.decrypt(nonce, data[FULL_HEADER_BYTES:], None)
        except InvalidTag:
            return None

    def take(self, path: Path, plaintext: bytes, size_bytes: int, now: float) -> bool:
        """What `open` gave, from the path's own proved address. False: it is not plain, and nothing has changed."""
        at, ack = 0, None
        if plaintext[0] == frame.ACK:
            ack = frame.read_plain_ack(plaintext)
            if ack is None:
                return False
            at = ack.end
        asks = at < len(plaintext)
        if asks:
            code = plaintext[at]
            if code < fragment.FIRST_CODE or code & _WHOLE != _WHOLE or not self._turns.protected:
                return False
            (word,) = _WORD.unpack_from(plaintext, at)
            lane, low = (code - fragment.FIRST_CODE) >> 4, word & (fragment.OFFSET_RANGE - 1)
            grants = self._inbox.take_whole(lane, low, plaintext[at + 4 :], path, now)
            if grants is None:
                return False
            for credit in grants:
                self._sender.say(credit)
        number = path.window.highest + 1
        path.window.add(number)
        path.received_packets += 1
        path.received_bytes += size_bytes
        path.last_heard_s = now
        if ack is not None and not self._sender.acked_plain(ack, path, now):
            self._acked(frame.Ack(ack.path_id, ack.delay_us, ((ack.low, ack.high),)), now)
        acks, schedule = path.ensure_acks()
        in_order = acks.add(number, number, now)
        if asks:
            schedule.received(1, in_order, now)
        return True

    def poll(self, path: Path, now: float) -> Transmit | None:
        """One message that waits alone, behind an acknowledgement where one is wanted. None: look closer."""
        sender = self._sender
        control, schedule, flow = path.control, path.schedule, path.flow
        if (
            sender.outbox.idle
            or control is None
            or flow is None
            or not path.in_use
            or not self._turns.protected
            or path.send_id < 0
            or path.traits is None
            or path.traits.exclusive
            or path.urgent
            or path.ping_wanted
            or path.probes_due
            or sender.controls
            or path.budget_bytes is not None
            or not self.enabled
            or not control.may_send_one(now)
        ):
            return None
        room = path.mtu_bytes - FULL_HEADER_BYTES - packet.TAG_BYTES
        acks = path.acks
        acknowledges = acks is not None and schedule is not None and schedule.rides(now)
        ack = b""
        if acknowledges and acks is not None:
            if len(acks) != 1:
                return None
            ack = frame.encode_ack(path.id, int(max(now - acks.largest_at_s, 0.0) * 1e6), acks.newest())
        taken = sender.outbox.take_single(room - len(ack))
        if taken is None:
            return None
        header, run = taken
        turns, number = self._turns, path.next_number
        data = seal.seal_one(
            turns.send.aead,
            path.id,
            turns.send.turn & 3,
            path.send_id,
            number,
            ack + header + run.message.data,
        )
        size_bytes = len(data)
        path.next_number = number + 1
        path.sent_packets += 1
        path.data_packets += 1
        path.data_messages += 1
        path.sent_bytes += size_bytes
        path.last_sent_s = now
        turns.sealed(1, size_bytes)
        control.sent_last(number, size_bytes, now, run)
        if acknowledges and acks is not None and schedule is not None:
            acks.carried(number)
            schedule.sent(now)
        sender.outbox.stats.link_bytes += size_bytes
        return Transmit(flow, data, size_bytes, 1)
