"""Spreads packets over the round trip instead of sending them in one clump."""

QUANTUM_S = 0.001
MIN_QUANTUM_PACKETS = 2
MAX_DEBT_QUANTA = 2
SHORT_PATH_DEBT_QUANTA = 8
ROUNDING_S = 1e-6


class Pacer:
    """Credit that grows at the pace and is spent by sending.

    Event loops sleep in milliseconds, so nothing leaves until a quantum has gathered: a millisecond's
    worth, at least two packets. At most `debt_quanta` gather, which makes good a timer that
    came late; what is beyond is thrown away and said (`overslept`, for the caller to clear).
    """

    __slots__ = ("_at_s", "credit_bytes", "debt_quanta", "overslept", "packet_bytes")

    def __init__(self, now: float, packet_bytes: int) -> None:
        self.packet_bytes = packet_bytes
        self._at_s = now
        self.credit_bytes = float("inf")
        self.debt_quanta = MAX_DEBT_QUANTA
        self.overslept = False  # credit was thrown away: we were slower than the pace

    def quantum_bytes(self, bytes_per_s: float) -> float:
        """The least amount worth waking up for."""
        return max(bytes_per_s * QUANTUM_S, float(MIN_QUANTUM_PACKETS * self.packet_bytes))

    def allowance(self, bytes_per_s: float, now: float) -> int:
        """Bytes that may leave now; 0 until a quantum has gathered."""
        quantum = self.quantum_bytes(bytes_per_s)
        if now > self._at_s:
            self.credit_bytes += (now - self._at_s) * bytes_per_s
            self._at_s = now
        if self.credit_bytes > quantum * self.debt_quanta:
            self.credit_bytes = quantum * self.debt_quanta
            self.overslept = True
        return int(self.credit_bytes) if self.credit_bytes >= quantum else 0

    @property
    def spare_bytes(self) -> float:
        """What may be spent before credit is no longer `ample`."""
        return self.credit_bytes - MIN_QUANTUM_PACKETS * self.packet_bytes

    @property
    def ample(self) -> bool:
        """There is credit for a packet, whatever has come since: who sends little need not count."""
        return self.credit_bytes >= MIN_QUANTUM_PACKETS * self.packet_bytes

    def sent(self, size_bytes: int) -> None:
        """Spends credit; it may fall below zero (probes are not held back)."""
        self.credit_bytes -= size_bytes

    def ready_at(self, bytes_per_s: float, now: float) -> float:
        """When `allowance` is next above 0."""
        missing = self.quantum_bytes(bytes_per_s) - self.credit_bytes
        if missing <= 0:
            return now
        # A little later than computed: rounding must not give a moment at which nothing may leave yet.
        return max(self._at_s + missing / bytes_per_s, now) + ROUNDING_S
