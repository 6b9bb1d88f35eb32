"""What a WebRTC connection is made of for those who use it, and how it can fail."""

from enum import StrEnum
from typing import ClassVar

import msgspec

from netstack.errors import Fault, PeerscopeError
from netstack.model.candidate import Candidate


class WebRtcError(PeerscopeError):
    """A WebRTC connection could not be made or is over."""

    class Reason(StrEnum):
        """What went wrong."""

        NO_WAY = "no-way"
        WRONG_FINGERPRINT = "wrong-fingerprint"
        CLOSED = "closed"
        TOO_LARGE = "too-large"

    TABLE: ClassVar = {
        Reason.NO_WAY: (
            Fault.NETWORK,
            "No way to the other side was found (ICE). A relay (TURN) on either side would help.",
        ),
        Reason.WRONG_FINGERPRINT: (
            Fault.PEER,
            "Whoever answered does not have the certificate that was told, so nothing was said to them.",
        ),
        Reason.CLOSED: (Fault.PEER, "The WebRTC connection is closed."),
        Reason.TOO_LARGE: (Fault.USER, "The message is larger than a data channel takes."),
    }


class IceServers(msgspec.Struct, frozen=True):
    """The one STUN and the one TURN server that ICE may use; `turn` is a URI (RFC 7065)."""

    stun: tuple[str, int] | None = None
    turn: str = ""
    username: str = ""
    password: str = ""


class SelectedPair(msgspec.Struct, frozen=True):
    """The pair of candidates that carries the connection (RFC 8445)."""

    local: Candidate
    remote: Candidate
