"""Transport addresses and what kind of place an IP address is."""

import ipaddress
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple


class Family(StrEnum):
    """IP version."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"


class Scope(StrEnum):
    """How far an address reaches (RFC 6890)."""

    PUBLIC = "public"
    PRIVATE = "private"
    SHARED = "shared"
    LINK_LOCAL = "link-local"
    LOOPBACK = "loopback"
    MULTICAST = "multicast"
    UNSPECIFIED = "unspecified"
    RESERVED = "reserved"


class Address(NamedTuple):
    """One end of a flow: `host` is a numeric IP address (RFC 5952 text), `port` is 0 to 65535."""

    host: str
    port: int

    @property
    def family(self) -> Family:
        """IPv6 when the host holds a colon."""
        return Family.IPV6 if ":" in self.host else Family.IPV4

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


_SHARED = ipaddress.ip_network("100.64.0.0/10")
_PRIVATE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
_RESERVED = tuple(map(ipaddress.ip_network, ("0.0.0.0/8", "240.0.0.0/4", "100::/64")))


@lru_cache(maxsize=1024)
def scope(host: str) -> Scope:
    """Tells how far `host` reaches. Raises ValueError when it is no IP address.

    Documentation ranges (RFC 5737, RFC 3849) count as public: the lab and the examples live there.
    """
    ip = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    for found, kind in (
        (ip.is_unspecified, Scope.UNSPECIFIED),
        (ip.is_loopback, Scope.LOOPBACK),
        (ip.is_multicast, Scope.MULTICAST),
        (ip.is_link_local, Scope.LINK_LOCAL),
        (ip in _SHARED, Scope.SHARED),
        (any(ip in net for net in _PRIVATE), Scope.PRIVATE),
        (any(ip in net for net in _RESERVED), Scope.RESERVED),
    ):
        if found:
            return kind
    return Scope.PUBLIC
