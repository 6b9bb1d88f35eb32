"""What a session says next on a path, and says again where it was lost (what becomes of it is told by `session_sent`)."""

from collections.abc import Callable
from typing import Final, NamedTuple

from msgspec import structs

from netstack.core import seal, session_mtu
from netstack.core.cargo import Mixed, cut, data_of, important, pieces
from netstack.core.departure import Departure, Stamped
from netstack.core.fragments import Outbox
from netstack.core.message import Message, Parts, Run
from netstack.core.mtu_search import MtuCache
from netstack.core.path_doubt import Doubts
from netstack.core.session_path import NEVER_S, Path
from netstack.core.session_turns import Turns
from netstack.model.session import Event, Flow, MessageAcknowledged, MessageDropped, SendReady
from netstack.wire.fragment import HEADER_BYTES
from netstack.wire.frame import (
    PING_BYTES,
    SILENT,
    Ack,
    Challenge,
    Control,
    Credit,
    Probe,
    ProbeReply,
    encode,
    encode_ack,
)

BURST_MAX_BYTES: Final = 65000  # of what UDP_SEGMENT takes in one call
BURST_MAX_PACKETS: Final = 64
BURSTS_AT_ONCE: Final = (
    4  # sealed together where the path takes them: what is done once a burst costs half as much as sealing it
)
INITIAL_WINDOW_PACKETS: Final = 10
LEAST_PACKET_BYTES: Final = 80
CHALLENGE_PACKET_BYTES: Final = 1200
LEAST_DATA_ROOM_BYTES: Final = 64


class Transmit(NamedTuple):
    """Bytes for a flow: packets of `segment_bytes` each, the last one perhaps shorter."""

    flow: Flow
    data: bytes
    segment_bytes: int
    packets: int


class Sender:
    """Control frames, messages and acknowledgements of one session become sealed packets.

    `still_wanted` tells whether a lost control frame is to be said again. `copy_to`: what a path carries, bulk aside, is
    copied to others, by path id.
    """

    __slots__ = (
        "_departure",
        "_still_wanted",
        "_turns",
        "controls",
        "copy_to",
        "doubts",
        "mtu_cache",
        "outbox",
    )

    def __init__(
        self,
        outbox: Outbox,
        turns: Turns,
        still_wanted: Callable[[Control], bool],
        mtu_cache: MtuCache,
        departure: Departure,
    ) -> None:
        self.outbox = outbox
        self._departure = departure
        self.mtu_cache = mtu_cache
        self._turns = turns
        self._still_wanted = still_wanted
        self.controls: dict[Control, None] = {}
        self.doubts = Doubts()
        self.copy_to: dict[int, list[Path]] | None = None

    def say(self, frame: Control) -> None:
        """Queues a control frame; a newer credit replaces an older one."""
        if isinstance(frame, Credit):
            for old in [
                each for each in self.controls if isinstance(each, Credit) and each.lane == frame.lane
            ]:
                del self.controls[old]
        self.controls[frame] = None

    def report(self, events: list[Event]) -> None:
        """What happened to messages becomes events."""
        outbox = self.outbox
        if outbox.done:
            events.extend(MessageAcknowledged(*done) for done in outbox.done)
            outbox.done.clear()
        if outbox.dropped:
            events.extend(map(MessageDropped, outbox.dropped))
            outbox.dropped.clear()
        if outbox.room_again:
            outbox.full = False
            events.append(SendReady())

    def deadline(self, path: Path, now: float, *, main: bool, carries: bool) -> float | None:
        """When this path has something to send or to look at."""
        if not path.able:
            return None
        if _limit_bytes(path) < LEAST_PACKET_BYTES:
            return path.control.deadline(now, waiting=False) if path.control else None
        if path.urgent or path.ping_wanted or path.test_wanted or path.probes_due or (main and self.controls):
            return now
        due = path.schedule.deadline() if path.schedule is not None else None
        if path.mtu_due_s < NEVER_S and path.proved:
            due = path.mtu_due_s if due is None else min(due, path.mtu_due_s)
        waiting = (
            path.in_use and path.proved and (bool(path.copies) or (carries and self.outbox.waiting(now)))
        )
        if path.control is not None:
            control_due = path.control.deadline(now, waiting=waiting)
            if control_due is not None:
                due = control_due if due is None else min(due, control_due)
        elif waiting:
            due = now
        return due

    def poll(self, path: Path, now: float, *, main: bool, carries: bool) -> Transmit | None:
        """The next packets for this path: control frames on the `main` one, messages where it `carries` any."""
        if not path.able:
            return None
        limit = _limit_bytes(path)
        if limit < LEAST_PACKET_BYTES:
            return None
        if path.mtu_due_s <= now and path.proved and (size := session_mtu.poll(path, now)) is not None:
            return self._mtu_probe(path, size, now)
        if path.test_wanted and path.proved:
            path.test_wanted = False
            plaintext = PING_BYTES.ljust(path.test_bytes - path.overhead_bytes, b"\0")
            return self._seal(path, [plaintext], None, True, False, now)
        packet = self._single(path, now, limit, main, carries)
        if packet is None and path.in_use and limit == path.mtu_bytes:
            if path.copies:
                packet = self._copy(path, now)
            elif carries and not self.outbox.idle:
                packet = self._burst(path, now)
        return packet

    def _allowance(self, path: Path, now: float) -> int:
        if path.control is None:
            return INITIAL_WINDOW_PACKETS * path.mtu_bytes
        return path.control.allowance(now)

    def _single(self, path: Path, now: float, limit: int, main: bool, carries: bool) -> Transmit | None:
        """One packet with what is not a burst: acknowledgement, control, probes, and data that fits behind."""
        schedule = path.schedule
        carries_data = path.in_use and (carries or bool(path.copies))
        probing = path.probes_due > 0
        wants_ack = schedule is not None and schedule.deadline() is not None
        answers = carries_data and schedule is not None and schedule.rides(now) and self.outbox.waiting(now)
        if not (
            (schedule is not None and schedule.due(now))
            or answers
            or path.urgent
            or path.ping_wanted
            or probing
            or (main and self.controls)
        ):
            return None
        room = limit - path.overhead_bytes
        frames: list[bytes] = []
        eliciting = False
        acknowledges = False
        if wants_ack and path.acks is not None and len(path.acks):
            delay_us = int(max(now - path.acks.largest_at_s, 0.0) * 1e6)
            ack = encode_ack(path.id, delay_us, path.acks.newest())
            if len(ack) > room:
                ack = encode_ack(path.id, delay_us, path.acks.newest(1))
            frames.append(ack)
            room -= len(ack)
            acknowledges = True
            if path.doubt_s is not None and (stand_in := self.doubts.stand_in) is not None:
                stand_in.say(Ack(path.id, delay_us, tuple(path.acks.newest())))
        pads = not path.proved and path.old_flow is None and Challenge in map(type, path.urgent or ())
        while path.urgent:
            raw = encode(self._stamped(path.urgent[0], now))
            if len(raw) > room:
                break
            eliciting = eliciting or not isinstance(path.urgent.pop(0), SILENT)
            frames.append(raw)
            room -= len(raw)
        controls: list[Control] = []
        if main:
            for control in list(self.controls):
                raw = encode(control)
                if len(raw) > room:
                    break
                del self.controls[control]
                frames.append(raw)
                room -= len(raw)
                controls.append(control)
        data: Run | Parts | None = None
        may_send = probing or self._allowance(path, now) >= path.mtu_bytes
        if carries_data and may_send and room >= min(LEAST_DATA_ROOM_BYTES, path.room_bytes):
            if probing and path.control is not None and not self.outbox.waiting(now):
                self._again(path)
            frame, data = self._copied(path, room) if path.copies else self._data(path, room, now)
            frames.append(frame)
        if probing:
            path.probes_due -= 1
        if (probing or path.ping_wanted) and data is None and not controls and not eliciting and room > 0:
            frames.append(PING_BYTES)
            eliciting = True
        path.ping_wanted = False
        if pads and data is None:
            frames.append(
                bytes(max(min(room, CHALLENGE_PACKET_BYTES - path.overhead_bytes - sum(map(len, frames))), 0))
            )
        if not any(frames):
            return None
        cargo = Mixed(tuple(controls), data) if controls else data
        return self._seal(path, [b"".join(frames)], cargo, eliciting or cargo is not None, acknowledges, now)

    def _stamped(self, frame: Control, now: float) -> Control:
        """Probes and their replies tell when they leave."""
        if isinstance(frame, Probe):
            return Probe(frame.sequence, self._departure.stamp_ns(Stamped.PROBE, now))
        if isinstance(frame, ProbeReply):
            return structs.replace(frame, t3_ns=self._departure.stamp_ns(Stamped.REPLY, now))
        return frame

    def _data(self, path: Path, room: int, now: float) -> tuple[bytes, Run | Parts | None]:
        """One packet's worth of messages."""
        parts = self.outbox.take_parts(room, now)
        if parts is not None:
            self._duplicate(path, parts[1])
            return parts
        run = self.outbox.take_run(room - HEADER_BYTES, 1, now)
        if run is None:
            return b"", None
        self._duplicate(path, run)
        return run.plaintexts()[0], run

    def _duplicate(self, path: Path, data: Run | Parts) -> None:
        """What leaves on this path goes to those that get copies of it."""
        if self.copy_to is not None and important(data):
            for each in self.copy_to.get(path.id, ()):
                each.copy(pieces(data, -1 if isinstance(data, Parts) else (1 << data.packets) - 1))

    def _again(self, path: Path) -> None:
        """A probe timeout passed: the oldest thing in flight is worth more than a ping.

        Where another path carries it by now, it is sent here all the same: only data tells that data arrives.
        """
        if path.control is None:
            return
        for burst in path.control.losses.outstanding():
            lowest = burst.pending & -burst.pending
            if burst.cargo is not None and lowest:
                data = data_of(burst)
                if data is not None and path.doubt_s is not None and self.doubts.stand_in is not None:
                    path.copy(pieces(data, lowest))
                else:
                    self.lost(burst.cargo, lowest)
                return

    def _copied(self, path: Path, room: int) -> tuple[bytes, Run | None]:
        """One packet's worth of what another path carries too."""
        if not path.copies:
            return b"", None
        head, rest = cut(path.copies.popleft(), room - HEADER_BYTES)
        if rest is not None:
            path.copies.appendleft(rest)
        return head.plaintexts()[0], head

    def _copy(self, path: Path, now: float) -> Transmit | None:
        if self._allowance(path, now) < path.mtu_bytes:
            return None
        frame, run = self._copied(path, path.room_bytes)
        return self._seal(path, [frame], run, True, False, now)

    def _burst(self, path: Path, now: float) -> Transmit | None:
        """Packets of equal size from one message."""
        allowance = self._allowance(path, now)
        most = BURSTS_AT_ONCE * min(BURST_MAX_PACKETS, BURST_MAX_BYTES // path.mtu_bytes or 1)
        packets = min(allowance // path.mtu_bytes, most)
        if path.traits is not None and path.traits.exclusive:
            packets = min(packets, 1)
        packets = min(packets, (1 << 32) - (path.next_number & 0xFFFFFFFF))
        if packets <= 0:
            return None
        parts = self.outbox.take_parts(path.room_bytes, now)
        if parts is not None:
            self._duplicate(path, parts[1])
            return self._seal(path, [parts[0]], parts[1], True, False, now)
        run = self.outbox.take_run(path.payload_bytes, packets, now)
        if run is None:
            return None
        self._duplicate(path, run)
        if run.packets > 1 and path.mtu is None:
            session_mtu.begin(path, self.mtu_cache, now)
        return self._seal(path, run.plaintexts(), run, True, False, now)

    def _mtu_probe(self, path: Path, size_bytes: int, now: float) -> Transmit:
        plaintext = PING_BYTES.ljust(size_bytes - path.overhead_bytes, b"\0")
        return self._seal(path, [plaintext], None, True, False, now, mtu_probe=True)

    def mtu_refused(self, path: Path, size_bytes: int, now: float) -> None:
        """The system would not send a packet of this size."""
        session_mtu.refused(path, size_bytes, self.mtu_cache, now)

    def _seal(
        self,
        path: Path,
        plaintexts: list[bytes],
        cargo: Run | Parts | Mixed | None,
        eliciting: bool,
        acknowledges: bool,
        now: float,
        *,
        mtu_probe: bool = False,
    ) -> Transmit:
        keys, first, count = self._turns.send, path.next_number, len(plaintexts)
        if path.flow is None:
            raise ValueError("the path has no address yet")
        phase, overhead_bytes = keys.turn & 3, path.overhead_bytes
        if path.short:
            data = seal.seal_short(keys.aead, path.id, phase, first, plaintexts[0])
        else:
            data = seal.seal_burst(keys.aead, path.id, phase, path.send_id, first, plaintexts)
        path.next_number += count
        path.sent_bytes += len(data)
        path.last_sent_s = now
        if path.budget_bytes is not None:
            path.budget_bytes -= len(data)
        self._turns.sealed(count, len(data))
        segment = len(plaintexts[0]) + overhead_bytes
        if eliciting:
            last = len(plaintexts[-1]) + overhead_bytes
            path.ensure_control(now).sent(
                first, count, segment, now, cargo, last_bytes=last, mtu_probe=mtu_probe
            )
        elif path.control is not None:
            path.control.sent_unacknowledged(first)
        if acknowledges and path.acks is not None and path.schedule is not None:
            path.acks.carried(first)
            path.schedule.sent(now)
        if cargo is not None:
            carried = cargo.data if isinstance(cargo, Mixed) else cargo
            if carried is not None:
                self.outbox.stats.link_bytes += len(data)
                self._turns.protected = True
                for run in carried.runs if isinstance(carried, Parts) else (carried,):
                    path.data_packets += run.packets
                    path.data_messages += run.begins
            if path.control is not None and not self.outbox.waiting(now):
                path.control.ran_dry(now)
        return Transmit(path.flow, data, segment, count)

    def repeat_controls(self, path: Path) -> None:
        """What was said on a path in doubt is said again, on whichever leads now."""
        for burst in path.control.losses.outstanding() if path.control is not None else ():
            if isinstance(burst.cargo, Mixed):
                self._say_again(burst.cargo.controls)

    def _say_again(self, controls: tuple[Control, ...]) -> None:
        for control in controls:
            if control not in self.controls and self._still_wanted(control):
                self.say(control)

    def lost(self, cargo: Message | Run | Parts | Mixed, mask: int) -> None:
        """These packets did not arrive: what they carried is said again, as far as it is still wanted."""
        if isinstance(cargo, Mixed):
            self._say_again(cargo.controls)
            if cargo.data is not None:
                self.outbox.lost(cargo.data, mask)
        else:
            self.outbox.lost(cargo, mask)


def _limit_bytes(path: Path) -> int:
    """The largest packet that may be sent to where the path leads."""
    return path.mtu_bytes if path.budget_bytes is None else min(path.mtu_bytes, path.budget_bytes)
