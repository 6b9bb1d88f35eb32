"""One side of a WebRTC connection in a few lines of JSON: ICE credentials, certificate, addresses (docs/wire.md 12.1).

It says what an SDP offer or answer for data channels says, and leaves no room for anything else.
"""

import ipaddress
from typing import Annotated, Final

import msgspec

from netstack.errors import DecodeError
from netstack.model.candidate import CandidateKind

MAX_BYTES: Final = 2048
MAX_CANDIDATES: Final = 24
FINGERPRINT_BYTES: Final = 32
_ICE_TEXT: Final = r"^[A-Za-z0-9+/]+$"


class IceCandidate(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A UDP address at which this side may be reached."""

    kind: CandidateKind
    host: Annotated[str, msgspec.Meta(max_length=45)]
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]


class IceDescription(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`fingerprint` is the SHA-256 of the DTLS certificate, in hexadecimal."""

    user: Annotated[str, msgspec.Meta(min_length=4, max_length=256, pattern=_ICE_TEXT)]
    password: Annotated[str, msgspec.Meta(min_length=22, max_length=256, pattern=_ICE_TEXT)]
    fingerprint: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
    candidates: Annotated[tuple[IceCandidate, ...], msgspec.Meta(max_length=MAX_CANDIDATES)] = ()


_decoder = msgspec.json.Decoder(IceDescription)


def encode(description: IceDescription) -> bytes:
    """As UTF-8 JSON."""
    return msgspec.json.encode(description)


def decode(data: bytes) -> IceDescription:
    """Reads a description. Raises DecodeError; addresses are numeric, and such as one may send to."""
    if len(data) > MAX_BYTES:
        raise DecodeError(DecodeError.Reason.OVERSIZED, "description")
    try:
        description = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DecodeError(DecodeError.Reason.MALFORMED, "description") from error
    check(description)
    return description


def check(description: IceDescription) -> None:
    """Raises DecodeError where an address is none that a peer can have."""
    for candidate in description.candidates:
        try:
            ip = ipaddress.ip_address(candidate.host)
        except ValueError as error:
            raise DecodeError(DecodeError.Reason.MALFORMED, "description") from error
        if ip.is_multicast or ip.is_unspecified or str(ip) == "255.255.255.255":
            raise DecodeError(DecodeError.Reason.MALFORMED, "description")
