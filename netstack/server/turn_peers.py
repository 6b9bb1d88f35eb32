"""Which peers a relay will talk to: never its own network, unless it is told to (RFC 8656 section 21.2)."""

import ipaddress
from collections.abc import Iterable

from netstack.model.address import Scope, scope

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_TRANSLATED = ipaddress.IPv6Network("::ffff:0:0:0/96")  # RFC 7915
_ISATAP = {0x00005EFE, 0x02005EFE}  # RFC 5214: above the IPv4 address in an interface's half
_NOT_PUBLIC = tuple(  # RFC 6890's registries: protocol assignments (Teredo in them), benchmarking, segments; old site-local ones
    map(
        ipaddress.ip_network,
        (
            *("192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "255.255.255.255/32"),
            *("64:ff9b:1::/48", "2001::/23", "5f00::/16", "fec0::/10"),
        ),
    )
)


class PeerPolicy:
    """Refuses every peer that is not a public unicast address, also one hidden in an IPv6 address.

    `own` are the relay's own addresses, refused too. `allow` names networks (CIDR) that are let through all
    the same. Raises ValueError for a malformed network.
    """

    def __init__(self, allow: Iterable[str] = (), own: Iterable[str] = ()) -> None:
        self._allow = tuple(map(ipaddress.ip_network, allow))
        self._own = {ipaddress.ip_address(host) for host in own}

    def permits(self, host: str) -> bool:
        """Whether a peer at `host`, a numeric address, may be reached through the relay."""
        ip = ipaddress.ip_address(host.partition("%")[0])
        return all(map(self._lets, _faces(ip)))

    def _lets(self, ip: IPAddress) -> bool:
        if any(ip in network for network in self._allow):
            return True
        return (
            scope(str(ip)) is Scope.PUBLIC
            and ip not in self._own
            and not any(ip in network for network in _NOT_PUBLIC)
        )


def _faces(ip: IPAddress) -> Iterable[IPAddress]:
    """The address, and the IPv4 addresses that reach a host through it: mapped, translated, 6to4, Teredo, ISATAP."""
    if isinstance(ip, ipaddress.IPv4Address):
        yield ip
        return
    if ip.ipv4_mapped is not None:
        yield ip.ipv4_mapped
        return
    yield ip
    if (
        any(ip in net for net in (_NAT64, _NAT64_LOCAL, _TRANSLATED))
        or (ip in _COMPATIBLE and int(ip) > 1)
        or int(ip) >> 32 & 0xFFFFFFFF in _ISATAP
    ):
        yield ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    if ip.sixtofour is not None:
        yield ip.sixtofour
    if ip.teredo is not None:
        yield from ip.teredo
