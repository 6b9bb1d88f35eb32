"""Who may bring how much: each peer's buckets first, then the one for all, so that one peer starves no other. Pure.

Bytes and packets are limited apart. A peer that goes over its own limit often is suspicious: it is listed with an
end time, and until then gets a tenth.
"""

from collections import OrderedDict
from enum import StrEnum

import msgspec

from netstack.core.token_bucket import Bucket
from netstack.model.config import Config

MAX_PEERS = 4096
MAX_SUSPICIOUS = 256
SUSPICIOUS_AFTER = 100
SUSPICIOUS_S = 60.0
FORGIVEN_AFTER_S = 10.0
PUNISHED_SHARE = 0.1


class Over(StrEnum):
    """Which limit was gone over."""

    PEER_BYTES = "peer-bytes"
    PEER_PACKETS = "peer-packets"
    ALL_BYTES = "all-bytes"
    ALL_PACKETS = "all-packets"


class RateLimits(msgspec.Struct, frozen=True):
    """Averages a second; half a second of each may come at once. Bits are of whole datagrams."""

    peer_bits_per_s: float = 5e9
    peer_packets_per_s: float = 500_000
    all_bits_per_s: float = 10e9
    all_packets_per_s: float = 1_000_000
    burst_s: float = 0.5

    @classmethod
    def of_config(cls, config: Config) -> "RateLimits":
        """What the user chose."""
        return cls(
            config.peer_bits_per_s,
            config.peer_packets_per_s,
            config.all_bits_per_s,
            config.all_packets_per_s,
        )


class Suspect(msgspec.Struct, frozen=True):
    """A peer that went over its limit often, and until when it gets less."""

    peer: str
    over: int
    until_s: float


class _Peer:
    __slots__ = ("bytes", "over", "over_at_s", "packets")

    def __init__(self, limits: RateLimits, share: float, now: float) -> None:
        per_s = limits.peer_bits_per_s / 8 * share
        full = share == 1.0
        self.bytes = Bucket(per_s, per_s * limits.burst_s, now, full=full)
        packets_per_s = limits.peer_packets_per_s * share
        self.packets = Bucket(packets_per_s, max(1.0, packets_per_s * limits.burst_s), now, full=full)
        self.over = 0
        self.over_at_s = now


class RateLimiter:
    """Guards one entrance. `dropped` counts refusals by reason."""

    def __init__(self, limits: RateLimits, now: float) -> None:
        self.dropped = dict.fromkeys(Over, 0)
        self.full = False  # the last refusal was for what all bring together
        self._suspects: OrderedDict[str, Suspect] = OrderedDict()
        self.set_limits(limits, now)

    def set_limits(self, limits: RateLimits, now: float) -> None:
        """Other limits, from now on; who is suspicious stays so until its time is over."""
        self._limits = limits
        self._peers: OrderedDict[str, _Peer] = OrderedDict()
        per_s = limits.all_bits_per_s / 8
        self._bytes = Bucket(per_s, per_s * limits.burst_s, now)
        self._packets = Bucket(
            limits.all_packets_per_s, max(1.0, limits.all_packets_per_s * limits.burst_s), now
        )

    def allow(self, peer: str, size_bytes: int, now: float, *, packets: int = 1) -> bool:
        """Whether `packets` datagrams of `size_bytes` in all may come in from a peer."""
        known = self._peer(peer, now)
        over = None
        if not known.packets.take(packets, now):
            over = Over.PEER_PACKETS
        elif not known.bytes.take(size_bytes, now):
            over = Over.PEER_BYTES
        elif not self._packets.take(packets, now):
            over = Over.ALL_PACKETS
        elif not self._bytes.take(size_bytes, now):
            over = Over.ALL_BYTES
        if over is None:
            return True
        self.dropped[over] += packets
        self.full = over in {Over.ALL_BYTES, Over.ALL_PACKETS}
        if over in {Over.PEER_BYTES, Over.PEER_PACKETS}:
            self._note(peer, known, now)
        return False

    def take(self, peer: str, size_bytes: int, packets: int, now: float) -> bool:
        """Takes an allotment where every bucket holds as much; being refused one is no offence."""
        known = self._peer(peer, now)
        taken: list[tuple[Bucket, int]] = []
        for bucket, amount in (
            (known.packets, packets),
            (known.bytes, size_bytes),
            (self._packets, packets),
            (self._bytes, size_bytes),
        ):
            if not bucket.take(amount, now):
                for before, given in taken:
                    before.give_back(given)
                return False
            taken.append((bucket, amount))
        return True

    def give_back(self, peer: str, size_bytes: int, packets: int) -> None:
        """What is left of an allotment."""
        known = self._peers.get(peer)
        if known is not None:
            known.packets.give_back(packets)
            known.bytes.give_back(size_bytes)
        self._packets.give_back(packets)
        self._bytes.give_back(size_bytes)

    def suspects(self, now: float) -> tuple[Suspect, ...]:
        """Peers that are listed now, the newest last."""
        return tuple(suspect for suspect in self._suspects.values() if suspect.until_s > now)

    def forget(self, peer: str) -> None:
        """Gives a peer a fresh start."""
        self._suspects.pop(peer, None)
        self._peers.pop(peer, None)

    def _peer(self, peer: str, now: float) -> _Peer:
        known = self._peers.get(peer)
        if known is None:
            suspect = self._suspects.get(peer)
            punished = suspect is not None and suspect.until_s > now
            known = self._peers[peer] = _Peer(self._limits, PUNISHED_SHARE if punished else 1.0, now)
            if len(self._peers) > MAX_PEERS:
                self._peers.popitem(last=False)
        else:
            self._peers.move_to_end(peer)
            suspect = self._suspects.get(peer)
            if suspect is not None and suspect.until_s <= now:
                del self._suspects[peer]
                known = self._peers[peer] = _Peer(self._limits, 1.0, now)
        return known

    def _note(self, peer: str, known: _Peer, now: float) -> None:
        if now - known.over_at_s > FORGIVEN_AFTER_S:
            known.over = 0
        known.over += 1
        known.over_at_s = now
        if known.over >= SUSPICIOUS_AFTER and peer not in self._suspects:
            self._suspects[peer] = Suspect(peer, known.over, now + SUSPICIOUS_S)
            if len(self._suspects) > MAX_SUSPICIOUS:
                self._suspects.popitem(last=False)
            punished = self._peers[peer] = _Peer(self._limits, PUNISHED_SHARE, now)
            punished.over = known.over
