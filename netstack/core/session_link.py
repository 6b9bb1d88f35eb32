"""The `peerscope:` link, which only fills in a form, and its picture. Pure.

    peerscope:join?code=482915-amber-walnut-kayak&via=wss://meet.example:443&transport=auto

`code` once, `via` up to four times, `transport` at most once, nothing else; printable ASCII without
escapes, at most 512 characters.
"""

import msgspec
import segno

from netstack.core.rendezvous_uri import RendezvousUri, parse_rendezvous
from netstack.core.session_code import SessionCode, parse_session_code
from netstack.model.meeting import MeetingError
from netstack.model.session import TransportKind

MAX_LINK = 512
MAX_VIAS = 4
PREFIX = "peerscope:join?"
TRANSPORTS = ("auto", *(kind.value for kind in TransportKind))

_R = MeetingError.Reason


class SessionLink(msgspec.Struct, frozen=True):
    """What a link fills in. Writing one of more than 512 characters raises MeetingError."""

    code: SessionCode
    vias: tuple[RendezvousUri, ...] = ()
    transport: str = "auto"

    def __str__(self) -> str:
        fields = [f"code={self.code}", *(f"via={via}" for via in self.vias)]
        if self.transport != "auto":
            fields.append(f"transport={self.transport}")
        text = PREFIX + "&".join(fields)
        if len(text) > MAX_LINK:
            raise MeetingError(_R.TOO_LONG, "for a link of 512 characters")
        return text


def parse_session_link(text: str) -> SessionLink:
    """Reads a link; whatever is not exactly in the grammar is refused. Raises MeetingError."""
    if len(text) > MAX_LINK:
        raise MeetingError(_R.MALFORMED_LINK, "it is longer than 512 characters")
    if not text.isascii() or not text.isprintable() or not text.startswith(PREFIX):
        raise MeetingError(_R.MALFORMED_LINK)
    code: SessionCode | None = None
    transport: str | None = None
    vias: list[RendezvousUri] = []
    for field in text.removeprefix(PREFIX).split("&"):
        name, equals, value = field.partition("=")
        if name == "code" and equals and code is None:
            code = parse_session_code(value)
            if str(code) != value:
                raise MeetingError(_R.MALFORMED_LINK, "the code is not written as codes are")
        elif name == "via" and equals and len(vias) < MAX_VIAS:
            vias.append(parse_rendezvous(value))
        elif name == "transport" and value in TRANSPORTS and transport is None:
            transport = value
        else:
            raise MeetingError(_R.MALFORMED_LINK, f"it says {name[:20]} where it should not")
    if code is None:
        raise MeetingError(_R.MALFORMED_LINK, "it holds no code")
    return SessionLink(code, tuple(vias), transport or "auto")


def qr_rows(text: str) -> tuple[tuple[bool, ...], ...]:
    """The QR code of a text, a row of modules at a time (True is dark), with its quiet zone of four.

    Raises MeetingError where the text is too long for one.
    """
    try:
        code = segno.make_qr(text, error="m")
    except segno.DataOverflowError as error:
        raise MeetingError(_R.TOO_LONG, "for a QR code") from error
    return tuple(tuple(bool(module) for module in row) for row in code.matrix_iter(border=4))
