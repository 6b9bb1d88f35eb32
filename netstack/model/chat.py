"""What two connected peers say to each other, as the window shows it: lines, payloads, files."""

from enum import IntEnum, StrEnum
from typing import ClassVar

import msgspec

from netstack.errors import Fault, PeerscopeError
from netstack.model.session import Mode, Priority


class LineKind(StrEnum):
    """What a line is: words, bytes sent to be measured, or what the program itself has to say."""

    TEXT = "text"
    PAYLOAD = "payload"
    NOTE = "note"


class Mark(StrEnum):
    """How far a line got. `RETURNED`: the peer sent a payload back, byte for byte. `LOST`: the session ended first."""

    RECEIVED = "received"
    WAITING = "waiting"
    SENT = "sent"
    DELIVERED = "delivered"
    RETURNED = "returned"
    LOST = "lost"


class Pattern(StrEnum):
    """What a payload is made of."""

    COUNTING = "counting"
    ZEROS = "zeros"
    RANDOM = "random"


class Payload(msgspec.Struct, frozen=True):
    """Bytes to be sent and measured; with `echo` the peer sends them back."""

    size_bytes: int
    pattern: Pattern = Pattern.COUNTING
    priority: Priority = Priority.REALTIME
    mode: Mode = Mode.ORDERED
    echo: bool = True


class ChatLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line. `at_s` counts from 1970. `took_s` is from sending to `DELIVERED` or `RETURNED`; None: not measured.

    Of a payload `size_bytes` is the whole, `moved_bytes` what has come or come back.
    """

    number: int
    at_s: float
    kind: LineKind
    mine: bool
    text: str
    mark: Mark
    transport: str = ""
    packets: int | None = None
    took_s: float | None = None
    size_bytes: int = 0
    moved_bytes: int = 0


class FileState(StrEnum):
    """Where a file is. `INTERRUPTED`: the session was cut; the next one goes on with it."""

    OFFERED = "offered"
    MOVING = "moving"
    PAUSED = "paused"
    CHECKING = "checking"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class FileEnd(IntEnum):
    """Why a transfer is over. The number travels."""

    COMPLETE = 0
    REFUSED = 1
    CANCELLED = 2
    NO_SPACE = 3
    DIFFERENT = 4
    QUOTA = 5
    UNREADABLE = 6
    PROTOCOL = 7
    UNWRITABLE = 8


class FileError(PeerscopeError):
    """A file cannot be sent or kept."""

    class Reason(StrEnum):
        """Why not."""

        REFUSED = "refused"
        DECLINED = "declined"
        CANCELLED = "cancelled"
        NO_SPACE = "no-space"
        DIFFERENT = "different"
        QUOTA = "quota"
        UNREADABLE = "unreadable"
        PROTOCOL = "protocol"
        UNWRITABLE = "unwritable"
        TOO_MANY = "too-many"
        INTERRUPTED = "interrupted"

    TABLE: ClassVar = {
        Reason.REFUSED: (Fault.PEER, "The other side did not want the file."),
        Reason.DECLINED: (Fault.USER, "You did not take it."),
        Reason.CANCELLED: (Fault.USER, "The transfer was cancelled."),
        Reason.NO_SPACE: (
            Fault.PC,
            "There is no space left for the file; what has come is kept, so sending it again goes on from there.",
        ),
        Reason.DIFFERENT: (
            Fault.PC,
            "The file changed while it was sent, so it was not kept; send it again.",
        ),
        Reason.QUOTA: (Fault.PEER, "The file is larger than the receiver allows."),
        Reason.UNREADABLE: (Fault.PC, "The file cannot be read."),
        Reason.PROTOCOL: (Fault.PEER, "The other side sent what was not asked for."),
        Reason.UNWRITABLE: (Fault.PC, "The file cannot be written where it should go."),
        Reason.TOO_MANY: (Fault.USER, "Too many files are under way; wait for some to arrive."),
        Reason.INTERRUPTED: (Fault.NETWORK, "The connection was cut; meet again and the file goes on."),
    }


class FileReport(msgspec.Struct, frozen=True, kw_only=True):
    """One file on its way. `moved_bytes` is what the receiver has written; `failure` a sentence, empty while it
    goes, and `reason` its name.

    `place` is where a received file lies. `paused_by_peer` tells who can let it go on. `rate` is in bytes a second.
    """

    number: int
    name: str
    size_bytes: int
    mine: bool
    state: FileState
    moved_bytes: int = 0
    rate: float | None = None
    place: str = ""
    failure: str = ""
    reason: FileError.Reason | None = None
    paused_by_peer: bool = False
