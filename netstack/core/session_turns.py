"""When a session's keys turn, and the rounds of fresh ones (docs/wire.md section 4)."""

from typing import Final

from netstack.core.handshake import Entropy
from netstack.core.keys import (
    FRESH_AFTER_PACKETS,
    FRESH_AFTER_S,
    TURN_AFTER_BYTES,
    TURN_AFTER_PACKETS,
    ReceiveKeys,
    Rekey,
    SendKeys,
)
from netstack.wire.frame import KeyShare

FORGERIES_MAX: Final = 1 << 36


class Turns:
    """Both directions' keys and the rules that turn them.

    `protected` says that the keys sealed or opened a message since the last fresh turn: keys that protected
    nothing need no fresh ones, so a silent session stays silent.
    """

    __slots__ = (
        "_bytes",
        "_entropy",
        "_fresh_at_s",
        "_packets",
        "_packets_since_fresh",
        "acknowledged",
        "forgeries",
        "protected",
        "receive",
        "rekey",
        "ripe",
        "send",
    )

    def __init__(self, send_chain: bytes, receive_chain: bytes, entropy: Entropy, now: float) -> None:
        self.send = SendKeys(send_chain)
        self.receive = ReceiveKeys(receive_chain)
        self.rekey: Rekey | None = None
        self.acknowledged = False  # a packet of the present turn
        self.protected = False
        self.ripe = False  # the present turn has sealed enough
        self.forgeries = 0
        self._entropy = entropy
        self._bytes = 0
        self._packets = 0
        self._packets_since_fresh = 0
        self._fresh_at_s = now

    def sealed(self, packets: int, size_bytes: int) -> None:
        """Packets were sealed under the present turn."""
        self._packets += packets
        self._packets_since_fresh += packets
        self._bytes += size_bytes
        if self._bytes >= TURN_AFTER_BYTES or self._packets >= TURN_AFTER_PACKETS:
            self.ripe = True

    def fresh_due_s(self) -> float | None:
        """When fresh keys are to be asked for."""
        running = self.rekey is not None and self.rekey.running
        return None if running or not self.protected else self._fresh_at_s + FRESH_AFTER_S

    def begin_fresh(self, now: float) -> KeyShare | None:
        """Our share of the next round, when it is time."""
        due = self.fresh_due_s()
        if due is None or (now < due and self._packets_since_fresh < FRESH_AFTER_PACKETS):
            return None
        return self._share()

    def _share(self) -> KeyShare:
        if self.rekey is None:
            self.rekey = Rekey()
        return KeyShare(self.rekey.round + 1, self.rekey.begin(self._entropy(32)))

    def their_share(self, frame: KeyShare, turn: int) -> KeyShare | None:
        """The peer's share, sealed under its `turn`; returns ours where we had not said it.

        Raises SessionError for a low-order key.
        """
        if self.rekey is None:
            self.rekey = Rekey()
        rekey = self.rekey
        ours = rekey.share
        if not rekey.receive(frame.round, frame.share, turn, self._entropy(32)):
            return None
        if rekey.secret is not None:
            self.receive.fresh(rekey.their_turn, rekey.secret)
        return KeyShare(frame.round, rekey.share) if ours is None and rekey.share else None

    def share_wanted(self, share: KeyShare) -> bool:
        """It is our share of the running round."""
        return self.rekey is not None and self.rekey.share == share.share

    def share_arrived(self, share: KeyShare) -> None:
        """The peer acknowledged our share."""
        if self.rekey is not None and self.share_wanted(share):
            self.rekey.acknowledged()

    def forget_all(self) -> None:
        """The session is over."""
        self.send = SendKeys(bytes(32))
        self.receive = ReceiveKeys(bytes(32))
        self.rekey = None

    def advance(self, now: float) -> int | None:
        """Turns the sending key if it is time. Returns -1 for a plain turn, the round for a fresh one."""
        rekey = self.rekey
        if rekey is not None and (secret := rekey.take()) is not None:
            number = rekey.round + 1
            self._turn(secret)
            self._packets_since_fresh = 0
            self._fresh_at_s = now
            self.protected = False
            return number
        if rekey is not None and rekey.running:
            return None
        if self.acknowledged and self.ripe:
            self._turn(b"")
            return -1
        return None

    def opened(self, turn: int, now: float) -> None:
        """A packet of the peer's `turn` opened."""
        if turn != self.receive.turn:
            self.receive.opened(turn, now)
            self.finish()

    def finish(self) -> None:
        """Ends a round when both directions have turned."""
        if self.rekey is not None:
            self.rekey.finish(self.receive.turn)

    def _turn(self, secret: bytes) -> None:
        self.send.advance(secret)
        self.acknowledged = self.ripe = False
        self._bytes = self._packets = 0
        self.finish()

    def park(self) -> None:
        """Frees the cipher objects until they are needed."""
        self.send.park()
        self.receive.park()
