"""Our GATT service between two computers: UUIDs, the control value, and notes on the packet link (docs/wire.md 11)."""

import hashlib
import uuid
from typing import Final

import msgspec

from netstack.errors import DecodeError
from netstack.model.ble import ATT_HEADER_BYTES

VERSION: Final = 1
CONTROL_UUID: Final = "c3a7f2d1-0b5e-4f86-9a41-6d2e8b17c001"
TO_HOST_UUID: Final = "c3a7f2d1-0b5e-4f86-9a41-6d2e8b17c002"
FROM_HOST_UUID: Final = "c3a7f2d1-0b5e-4f86-9a41-6d2e8b17c003"
CONTROL_BYTES: Final = 3
SIZE_BYTES: Final = 3
MOST_PACKET_BYTES: Final = 510  # of two more BlueZ 5.66 is not told, though the MTU has room for them
LEAST_PACKET_BYTES: Final = 20
NOTE_PART: Final = 0xA0
NOTE_END: Final = 0xA1
SIZE: Final = 0xA2
MAX_NOTE_BYTES: Final = 4096
_PREFIX: Final = bytes.fromhex("8a3c6b10")
_LABELS: Final = {True: b"peerscope ble host ", False: b"peerscope ble guest "}


def nameplate_uuid(mailbox: str, *, host: bool) -> str:
    """The service that stands for a mailbox: all that is advertised. Host and guest have one each."""
    drawn = hashlib.sha256(_LABELS[host] + mailbox.encode()).digest()[:12]
    return str(uuid.UUID(bytes=_PREFIX + drawn))


def is_nameplate(service_uuid: str) -> bool:
    """Whether a service that was advertised is a Peerscope's that waits for somebody."""
    return service_uuid.lower().startswith(_PREFIX.hex())


class Control(msgspec.Struct, frozen=True):
    """What the control characteristic says: the version, and the largest packet that the advertising side takes."""

    version: int
    max_packet_bytes: int


def encode_control(control: Control) -> bytes:
    """Three bytes."""
    return control.version.to_bytes(1, "big") + control.max_packet_bytes.to_bytes(2, "big")


def decode_control(data: bytes) -> Control:
    """Reads them; more may follow in a later version. Raises DecodeError."""
    if len(data) < CONTROL_BYTES:
        raise DecodeError(DecodeError.Reason.TRUNCATED, "the control value of a Bluetooth peer")
    control = Control(data[0], int.from_bytes(data[1:3], "big"))
    if control.version != VERSION:
        raise DecodeError(DecodeError.Reason.WRONG_VERSION, f"Bluetooth peer, version {control.version}")
    if not LEAST_PACKET_BYTES <= control.max_packet_bytes <= MOST_PACKET_BYTES:
        raise DecodeError(DecodeError.Reason.MALFORMED, "the packet size of a Bluetooth peer")
    return control


def encode_size(max_packet_bytes: int) -> bytes:
    """What the central writes before it subscribes: the largest packet that it takes."""
    return bytes((SIZE,)) + max_packet_bytes.to_bytes(2, "big")


def agreed_packet_bytes(mtu_bytes: int, told: bytes = b"") -> int:
    """The largest packet to a central: what our system says of the MTU, and no more than the central told (`encode_size`).

    The two differ where each side asked for an MTU of its own. What makes no sense counts as nothing told.
    """
    ours = min(MOST_PACKET_BYTES, mtu_bytes - ATT_HEADER_BYTES)
    if len(told) != SIZE_BYTES or told[0] != SIZE:
        return ours
    theirs = int.from_bytes(told[1:], "big")
    return min(ours, theirs) if theirs >= LEAST_PACKET_BYTES else ours


def is_note(packet: bytes) -> bool:
    """Part of a note of the meeting, not a sealed packet or a handshake."""
    return bool(packet) and packet[0] in {NOTE_PART, NOTE_END}


def cut_note(note: bytes, max_packet_bytes: int) -> list[bytes]:
    """The packets that carry a note: a byte that says whether it is the last, then as much as fits."""
    step = max_packet_bytes - 1
    starts = range(0, max(len(note), 1), step)
    return [
        bytes((NOTE_END if start + step >= len(note) else NOTE_PART,)) + note[start : start + step]
        for start in starts
    ]


class NoteAssembly:
    """Joins the parts of notes, which come in order. Holds at most one note."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts = bytearray()

    def feed(self, packet: bytes) -> bytes | None:
        """The note that `packet` completes. Raises DecodeError where it grew too long; it is then forgotten."""
        self._parts += packet[1:]
        if len(self._parts) > MAX_NOTE_BYTES:
            self._parts.clear()
            raise DecodeError(DecodeError.Reason.OVERSIZED, "a note over Bluetooth")
        if packet[0] != NOTE_END:
            return None
        note = bytes(self._parts)
        self._parts.clear()
        return note
