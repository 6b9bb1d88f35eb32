"""Network interfaces of lab hosts."""

import ipaddress

from netstack.lab.link import Port
from netstack.net.protocol import LinkKind


class HostInterface:
    """One interface of a host; `prefixes` are on the link, `gateways` lead everywhere else."""

    def __init__(
        self,
        name: str,
        kind: LinkKind,
        hosts: tuple[str, ...],
        prefixes: tuple[str, ...],
        gateways: tuple[str, ...],
        port: Port,
        metric: int,
        mtu_bytes: int,
    ) -> None:
        self.name = name
        self.kind = kind
        self.hosts = hosts
        self.gateways = gateways
        self.port = port
        self.metric = metric
        self.mtu_bytes = mtu_bytes
        self.up = True
        self.networks = tuple(ipaddress.ip_network(prefix) for prefix in prefixes)

    def reach(self, ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> int | None:
        """The length of the prefix that leads to `ip`: 0 by a gateway, None not at all."""
        lengths = [network.prefixlen for network in self.networks if ip in network]
        if lengths:
            return max(lengths)
        return 0 if any((":" in gateway) == (ip.version == 6) for gateway in self.gateways) else None

    def source(self, ipv6: bool) -> str | None:
        """The address that packets of a family leave from."""
        return next((host for host in self.hosts if (":" in host) == ipv6), None)
