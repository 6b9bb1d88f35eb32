"""Why a TURN server refuses a request: the codes of RFC 8656 section 19."""

from netstack.wire import stun_attributes as attr
from netstack.wire.stun import StunMessage
from netstack.wire.stun_attributes import Attribute

_UNDERSTOOD = {
    kind.code
    for kind in (
        attr.USERNAME, attr.REALM, attr.NONCE, attr.MESSAGE_INTEGRITY, attr.MESSAGE_INTEGRITY_SHA256,
        attr.PASSWORD_ALGORITHM,
        attr.REQUESTED_TRANSPORT, attr.REQUESTED_ADDRESS_FAMILY, attr.EVEN_PORT, attr.DONT_FRAGMENT,
        attr.RESERVATION_TOKEN,
        attr.CHANNEL_NUMBER, attr.LIFETIME, attr.XOR_PEER_ADDRESS, attr.DATA, attr.PRIORITY, attr.USE_CANDIDATE,
    )
}  # fmt: skip

REASONS = {
    300: "Try Alternate",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    420: "Unknown Attribute",
    437: "Allocation Mismatch",
    438: "Stale Nonce",
    440: "Address Family not Supported",
    441: "Wrong Credentials",
    442: "Unsupported Transport Protocol",
    443: "Peer Address Family Mismatch",
    486: "Allocation Quota Reached",
    508: "Insufficient Capacity",
}


class Refusal(Exception):  # noqa: N818
    """Ends the handling of a request; `attributes` go along with the code."""

    def __init__(self, code: int, *attributes: Attribute) -> None:
        super().__init__(code)
        self.code = code
        self.attributes = attributes


def not_understood(message: StunMessage) -> tuple[int, ...]:
    """The attributes that the server would have to understand and does not, each once."""
    codes = (a.code for a in message.attributes if a.code < 0x8000 and a.code not in _UNDERSTOOD)
    return tuple(dict.fromkeys(codes))
