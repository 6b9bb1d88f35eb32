"""Sealed notes between two who share a key: repeated until acknowledged, each delivered once. Pure.

Drive it with `send`, `receive`, `poll_transmit`, `deadline` and `handle_timeout`. Order is not kept.
"""

from collections import deque

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from netstack.model.meeting import MeetingError
from netstack.wire.signal import Sealed, encode

FIRST_REPEAT_S, LONGEST_REPEAT_S = 0.4, 8.0
MAX_PAYLOAD = 3000
MAX_WAITING = 24
MAX_NOTES = 2048
MAX_ACKED = 32
MAX_REPEATS = 512
_DATA, _ACK = b"\0", b"\1"


class SealedMailbox:
    """One side. `attempt` names the exchange, `from_host` says which side this is."""

    def __init__(self, attempt: bytes, send_key: bytes, receive_key: bytes, *, from_host: bool) -> None:
        self._attempt = attempt
        self._from_host = from_host
        self._seal = ChaCha20Poly1305(send_key)
        self._open = ChaCha20Poly1305(receive_key)
        self._next = 0
        self._waiting: dict[int, tuple[bytes, float, float]] = {}
        self._received: set[int] = set()
        self._repeats_left = MAX_REPEATS
        self._to_ack: deque[int] = deque(maxlen=MAX_ACKED)
        self._out: deque[bytes] = deque()
        self.forged = 0

    def send(self, payload: bytes, now: float) -> None:
        """Seals a note of at most 3,000 bytes. Raises MeetingError: too long, or too many not acknowledged."""
        if len(payload) > MAX_PAYLOAD:
            raise MeetingError(MeetingError.Reason.TOO_LONG, f"{len(payload)} bytes")
        if self._next >= MAX_NOTES:
            raise MeetingError(MeetingError.Reason.TOO_LONG, f"more than {MAX_NOTES} notes")
        if len(self._waiting) >= MAX_WAITING:
            raise MeetingError(MeetingError.Reason.TOO_LONG, "too many notes are under way")
        number, note = self._sealed(_DATA + payload)
        self._waiting[number] = (note, now + FIRST_REPEAT_S, FIRST_REPEAT_S)
        self._out.append(note)

    def receive(self, sealed: Sealed) -> bytes | None:
        """Opens the peer's note; None for a repeat, an acknowledgement, or a note that does not open."""
        if sealed.from_host == self._from_host or sealed.attempt != self._attempt:
            return None
        try:
            plain = self._open.decrypt(_nonce(sealed.number), sealed.box, None)
        except InvalidTag:
            self.forged += 1
            return None
        if plain[:1] == _ACK:
            for at in range(1, len(plain) - 3, 4):
                self._waiting.pop(int.from_bytes(plain[at : at + 4], "big"), None)
            return None
        if sealed.number >= MAX_NOTES:
            return None
        if sealed.number in self._received:
            if self._repeats_left:  # or a stranger who repeats it would make us speak for ever
                self._repeats_left -= 1
                self._to_ack.append(sealed.number)
            return None
        self._to_ack.append(sealed.number)
        self._received.add(sealed.number)
        return plain[1:]

    def poll_transmit(self) -> bytes | None:
        """The next note to send."""
        if self._to_ack:
            numbers = b"".join(number.to_bytes(4, "big") for number in self._to_ack)
            self._to_ack.clear()
            return self._sealed(_ACK + numbers)[1]
        return self._out.popleft() if self._out else None

    def deadline(self) -> float | None:
        """When to repeat next."""
        return min((due for _, due, _ in self._waiting.values()), default=None)

    def handle_timeout(self, now: float) -> None:
        """Repeats what is due."""
        for number, (note, due, gap_s) in self._waiting.items():
            if due <= now:
                longer_s = min(2 * gap_s, LONGEST_REPEAT_S)
                self._waiting[number] = (note, now + longer_s, longer_s)
                self._out.append(note)

    @property
    def waiting(self) -> int:
        """How many notes are not acknowledged."""
        return len(self._waiting)

    def _sealed(self, plain: bytes) -> tuple[int, bytes]:
        number = self._next
        self._next += 1
        box = self._seal.encrypt(_nonce(number), plain, None)
        return number, encode(Sealed(self._attempt, self._from_host, number, box))


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")
