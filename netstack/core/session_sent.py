"""What becomes of what a session has sent: acknowledged, lost, or given up with its path."""

from netstack.core import session_mtu
from netstack.core.cargo import Mixed
from netstack.core.loss_detection import Outcome
from netstack.core.message import Message, Run
from netstack.core.session_path import Path
from netstack.core.session_sender import Sender
from netstack.core.session_turns import Turns
from netstack.errors import DecodeError
from netstack.wire.frame import Ack, KeyShare, PlainAck


class Sent:
    """Takes what the peer acknowledges and what loss detection tells, and has the rest said again by the `Sender`."""

    __slots__ = ("_sender", "_turns")

    def __init__(self, sender: Sender, turns: Turns) -> None:
        self._sender = sender
        self._turns = turns

    def acked(self, path: Path, ack: Ack, now: float) -> bool:
        """The peer has packets of this path. False: it says so of some that were never sent."""
        newest = ack.ranges[0][1]
        if newest >= path.next_number:
            return False
        if path.control is None:
            return True
        try:
            outcome = path.control.acked(ack.ranges, ack.delay_us / 1e6, now)
        except DecodeError:
            return False
        if newest >= path.turn_first:
            self._turns.acknowledged = True
        if path.acks is not None:
            for first, last in ack.ranges:
                path.acks.confirmed(first, last)
        self.settle(path, outcome, now)
        return True

    def acked_plain(self, ack: PlainAck, path: Path, now: float) -> bool:
        """Small messages arrived in a row, and nothing is missing. False: nothing has changed, take it the general way."""
        control = path.control
        if ack.path_id != path.id or control is None or path.doubt_s is not None:
            return False
        acked = control.acked_singles(ack.low, ack.high, (Message, Run), ack.delay_us / 1e6, now)
        if acked is None:
            return False
        if ack.high >= path.turn_first:
            self._turns.acknowledged = True
        if path.acks is not None:
            path.acks.confirmed(ack.low, ack.high)
        for burst, mask in acked:
            self._sender.outbox.acked(burst.cargo, mask)
        return True

    def settle(self, path: Path, outcome: Outcome, now: float) -> None:
        """Takes what a path's loss detection told."""
        if path.mtu is not None:
            session_mtu.learn(path, outcome, self._sender.mtu_cache, now)
        delivered = False
        for burst, mask in outcome.acked:
            cargo = burst.cargo
            if isinstance(cargo, Mixed):
                for control in cargo.controls:
                    if isinstance(control, KeyShare):
                        self._turns.share_arrived(control)
                delivered = delivered or path.stalled_since_s is None
                cargo = cargo.data
            if cargo is not None:
                delivered = True
                self._sender.outbox.acked(cargo, mask)
            elif burst.packet_bytes >= path.test_bytes:
                delivered = True
        for burst, mask in outcome.lost:
            if burst.cargo is not None:
                self._sender.doubts.loss(path, burst, mask, now)
                self._sender.lost(burst.cargo, mask)
        if outcome.probes:
            self._sender.doubts.silence(path, now)
        elif delivered and path.doubt_s is not None:
            self._sender.doubts.delivered(path, now)
        path.probes_due = max(path.probes_due, outcome.probes)

    def give_up(self, path: Path) -> None:
        """The path is dead: what is in flight on it goes elsewhere."""
        if path.control is not None:
            for burst in path.control.losses.outstanding():
                if burst.cargo is not None and burst.pending:
                    self._sender.lost(burst.cargo, burst.pending)
            path.control = None
        path.probes_due = 0
        path.copies = None
