"""How two people find each other: what a meeting can fail of, and how each way of meeting fares."""

from enum import StrEnum
from typing import ClassVar

import msgspec

from netstack.errors import Fault, PeerscopeError


class Role(StrEnum):
    """The host made the code, the guest typed it."""

    HOST = "host"
    GUEST = "guest"


class MeetingError(PeerscopeError):
    """Two people do not meet."""

    class Reason(StrEnum):
        """Why they do not."""

        MALFORMED_CODE = "malformed-code"
        UNKNOWN_WORD = "unknown-word"
        MALFORMED_LINK = "malformed-link"
        MALFORMED_VIA = "malformed-via"
        MALFORMED_PASTE = "malformed-paste"
        TOO_LONG = "too-long"
        WRONG_CODE = "wrong-code"
        USED = "used"
        EXPIRED = "expired"
        TOO_MANY_FAILURES = "too-many-failures"
        WITHDRAWN = "withdrawn"
        NO_WAY = "no-way"
        ABSENT = "absent"

    TABLE: ClassVar = {
        Reason.MALFORMED_CODE: (
            Fault.USER,
            "That is not a session code; it is a number of six digits and three words.",
        ),
        Reason.UNKNOWN_WORD: (Fault.USER, "One of the words is not one that session codes use."),
        Reason.MALFORMED_LINK: (Fault.USER, "That is not an invitation link of this program."),
        Reason.MALFORMED_VIA: (
            Fault.USER,
            "That is no way to meet; use lan, ble, paste, ws://HOST:PORT, wss://HOST, mqtt://HOST or mqtts://HOST.",
        ),
        Reason.MALFORMED_PASTE: (
            Fault.USER,
            "The pasted text is not a whole invitation or reply; copy it again.",
        ),
        Reason.TOO_LONG: (Fault.USER, "It says more than fits into an invitation of 1 KB."),
        Reason.WRONG_CODE: (
            Fault.USER,
            "The code does not fit; ask for it once more, or somebody on the way interferes.",
        ),
        Reason.USED: (Fault.USER, "The code has been used already; ask for a new one."),
        Reason.EXPIRED: (Fault.USER, "The code was good for ten minutes, and they are over; make a new one."),
        Reason.TOO_MANY_FAILURES: (
            Fault.USER,
            "Three wrong codes were tried, so the invitation has ended; make a new one.",
        ),
        Reason.WITHDRAWN: (Fault.USER, "The invitation was withdrawn."),
        Reason.ABSENT: (
            Fault.PEER,
            "The other side did not come within ten minutes; ask them to connect, too.",
        ),
        Reason.NO_WAY: (Fault.NETWORK, "None of the ways to find each other works from here."),
    }


class Way(StrEnum):
    """The ways to find each other."""

    LAN = "lan"
    WEBSOCKET = "websocket"
    MQTT = "mqtt"
    BLE = "ble"
    PASTE = "paste"
    MEMORY = "memory"


class WayState(StrEnum):
    """How a way fares."""

    OPENING = "opening"
    READY = "ready"
    HEARD = "heard"
    FAILED = "failed"
    CLOSED = "closed"


class WayHealth(msgspec.Struct, frozen=True):
    """One way's line: `text` says it in words, with the cause where it failed."""

    way: Way
    name: str
    state: WayState
    text: str
    sent: int = 0
    received: int = 0
    dropped: int = 0
