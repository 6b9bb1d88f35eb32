"""Errors that cross a module boundary: a class, a reason, whose fault, and a sentence for the user.

Input from outside (packets, files, servers, peers, people) never raises anything else.
"""

from enum import StrEnum
from typing import ClassVar


class Fault(StrEnum):
    """Who can put the error right."""

    USER = "user"
    PC = "pc"
    NETWORK = "network"
    ROUTER = "router"
    PROVIDER = "provider"
    PEER = "peer"
    SERVER = "server"
    UNKNOWN = "unknown"


class PeerscopeError(Exception):
    """Base of every error here.

    A subclass has a `Reason` enum and a `TABLE` that gives each reason its fault and its sentence.
    `detail` is what was seen, in a few words, and may be empty.
    """

    TABLE: ClassVar[dict[StrEnum, tuple[Fault, str]]] = {}

    def __init__(self, reason: StrEnum, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    @property
    def fault(self) -> Fault:
        """Whose side it is."""
        return self.TABLE[self.reason][0]

    @property
    def sentence(self) -> str:
        """One sentence that a user can act on, followed by the detail where there is one."""
        text = self.TABLE[self.reason][1]
        return f"{text} ({self.detail})" if self.detail else text

    def __str__(self) -> str:
        return self.sentence


class DecodeError(PeerscopeError):
    """Bytes from outside are not what their protocol allows."""

    class Reason(StrEnum):
        """What is wrong with the bytes."""

        TRUNCATED = "truncated"
        OVERSIZED = "oversized"
        MALFORMED = "malformed"
        WRONG_VERSION = "wrong-version"
        BAD_CHECKSUM = "bad-checksum"

    TABLE: ClassVar = {
        Reason.TRUNCATED: (Fault.UNKNOWN, "The message ends before it is complete."),
        Reason.OVERSIZED: (Fault.UNKNOWN, "The message is larger than its protocol allows."),
        Reason.MALFORMED: (Fault.UNKNOWN, "The message does not follow its protocol."),
        Reason.WRONG_VERSION: (Fault.UNKNOWN, "The message speaks a version that is not supported."),
        Reason.BAD_CHECKSUM: (Fault.UNKNOWN, "The message was changed on its way."),
    }


class NetError(PeerscopeError):
    """The operating system, or the network, refused what was asked of it.

    `reporter` is the host that said so (ICMP), where it is told.
    """

    class Reason(StrEnum):
        """What the network said."""

        REFUSED = "refused"
        UNREACHABLE = "unreachable"
        HOP_LIMIT = "hop-limit"
        TIMED_OUT = "timed-out"
        TOO_BIG = "too-big"
        DENIED = "denied"
        IN_USE = "in-use"
        NO_ADDRESS = "no-address"
        UNKNOWN_HOST = "unknown-host"
        RESET = "reset"
        CLOSED = "closed"
        TLS = "tls"
        FAILED = "failed"

    TABLE: ClassVar = {
        Reason.REFUSED: (Fault.SERVER, "Nothing listens there: the other computer refused."),
        Reason.UNREACHABLE: (Fault.NETWORK, "No route leads there. Is this computer online?"),
        Reason.HOP_LIMIT: (Fault.NETWORK, "The packet's time to live was over before it arrived."),
        Reason.TIMED_OUT: (Fault.UNKNOWN, "No answer came in time."),
        Reason.TOO_BIG: (Fault.NETWORK, "The packet is too big for this path."),
        Reason.DENIED: (Fault.PC, "This computer does not allow it; a firewall may forbid it."),
        Reason.IN_USE: (Fault.PC, "Another program already uses that port."),
        Reason.NO_ADDRESS: (Fault.PC, "This computer does not have that address."),
        Reason.UNKNOWN_HOST: (Fault.USER, "No computer has that name. Is it spelled right?"),
        Reason.RESET: (Fault.PEER, "The other side cut the connection."),
        Reason.CLOSED: (Fault.UNKNOWN, "The connection is closed."),
        Reason.TLS: (Fault.SERVER, "The secure connection could not be set up."),
        Reason.FAILED: (Fault.UNKNOWN, "The network failed."),
    }

    def __init__(self, reason: StrEnum, detail: str = "", *, reporter: str | None = None) -> None:
        super().__init__(reason, detail)
        self.reporter = reporter


class InputError(PeerscopeError):
    """A person, a file or a command line said something that cannot be used."""

    class Reason(StrEnum):
        """What cannot be used."""

        SERVER = "malformed-server"
        CONFIG = "malformed-config"
        SCENARIO = "unknown-scenario"
        FILE = "unreadable-file"
        USAGE = "wrong-use"

    TABLE: ClassVar = {
        Reason.SERVER: (Fault.USER, "That is not a server address; write stun:HOST or stun:HOST:PORT."),
        Reason.CONFIG: (Fault.USER, "The configuration file cannot be used."),
        Reason.SCENARIO: (
            Fault.USER,
            "The lab has no scenario of that name; `peerscope lab list` shows them.",
        ),
        Reason.FILE: (Fault.USER, "The file cannot be read."),
        Reason.USAGE: (Fault.USER, "That cannot be done like this."),
    }
