"""Port mappings: what the gateway was asked for, what it gave, and why it may have refused."""

from enum import StrEnum
from typing import ClassVar

import msgspec

from netstack.errors import Fault, PeerscopeError
from netstack.model.address import Address

LEASE_S = 3600
"""The longest lease that is asked for, and the longest that is believed."""


class MappingProtocol(StrEnum):
    """The languages that gateways speak, the best first."""

    PCP = "pcp"
    NAT_PMP = "nat-pmp"
    UPNP = "upnp"


class Carried(StrEnum):
    """What a mapping carries."""

    UDP = "udp"
    TCP = "tcp"


class PortMappingError(PeerscopeError):
    """The gateway gives no mapping."""

    class Reason(StrEnum):
        """Why there is none."""

        NOT_ALLOWED = "not-allowed"
        NO_GATEWAY = "no-gateway"
        NOT_SUPPORTED = "not-supported"
        SILENT = "silent"
        NOT_AUTHORIZED = "not-authorized"
        NO_RESOURCES = "no-resources"
        CONFLICT = "conflict"
        GATEWAY_OFFLINE = "gateway-offline"
        NOT_PUBLIC = "not-public"
        PERMANENT_ONLY = "permanent-only"
        WRONG_ADDRESS = "wrong-address"
        MALFORMED = "malformed"
        FOREIGN_LOCATION = "foreign-location"
        REFUSED = "refused"
        LOST = "lost"

    TABLE: ClassVar = {
        Reason.NOT_ALLOWED: (Fault.USER, "Nobody has allowed yet that a port is opened on the router."),
        Reason.NO_GATEWAY: (Fault.PC, "This computer has no router (no default gateway) to ask for a port."),
        Reason.NOT_SUPPORTED: (
            Fault.ROUTER,
            "The router speaks none of PCP, NAT-PMP and UPnP; turn one on, or forward the port by hand.",
        ),
        Reason.SILENT: (Fault.ROUTER, "The router did not answer when it was asked for the port."),
        Reason.NOT_AUTHORIZED: (
            Fault.ROUTER,
            "The router does not let this computer open ports; its settings for UPnP or NAT-PMP forbid it.",
        ),
        Reason.NO_RESOURCES: (
            Fault.ROUTER,
            "The router has no room for another port mapping; remove old ones or restart it.",
        ),
        Reason.CONFLICT: (
            Fault.ROUTER,
            "The router has given that port, and others that were tried, to another.",
        ),
        Reason.GATEWAY_OFFLINE: (
            Fault.ROUTER,
            "The router says that it is itself not connected to the internet.",
        ),
        Reason.NOT_PUBLIC: (
            Fault.PROVIDER,
            "The router's own outside address is not public: another router or the provider translates again.",
        ),
        Reason.PERMANENT_ONLY: (
            Fault.ROUTER,
            "The router opens ports for ever only, never for an hour; forward the port in its settings if you want that.",
        ),
        Reason.WRONG_ADDRESS: (
            Fault.NETWORK,
            "The router sees this computer under another address; something translates between the two.",
        ),
        Reason.MALFORMED: (Fault.ROUTER, "The router's answer does not follow its protocol."),
        Reason.FOREIGN_LOCATION: (
            Fault.NETWORK,
            "An answer to the search for the router points at another computer; it was not followed.",
        ),
        Reason.REFUSED: (Fault.ROUTER, "The router refused to open the port."),
        Reason.LOST: (Fault.ROUTER, "The router no longer answers, and the port mapping has run out."),
    }


class PortMapping(msgspec.Struct, frozen=True):
    """A mapping that the gateway granted: `external` reaches `internal` for `lifetime_s` more."""

    protocol: MappingProtocol
    carried: Carried
    internal: Address
    external: Address
    lifetime_s: float


class Spoken(msgspec.Struct, frozen=True):
    """One language that was tried on the gateway; `failure` is a sentence, None where it answered."""

    protocol: MappingProtocol
    failure: str | None = None
    detail: str = ""


class MappingGateway(msgspec.Struct, frozen=True):
    """The default gateway: what it speaks, and its outside address where it tells."""

    host: str
    own_host: str
    wan: str | None
    spoken: tuple[Spoken, ...]

    def speaks(self, protocol: MappingProtocol) -> bool:
        """It answered in that language."""
        return any(tried.protocol is protocol and tried.failure is None for tried in self.spoken)
