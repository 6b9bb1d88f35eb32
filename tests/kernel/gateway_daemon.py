"""miniupnpd on a site's own gateway: PCP, NAT-PMP and UPnP by a program that many routers run."""

import uuid
from pathlib import Path

from tests.kernel.bed import Site, wait_until
from tests.kernel.namespaces import Host

OUTSIDE = "5.45.113.101"
"""What it says its outside address is: it refuses to work behind a documentation address."""

HTTP_PORT = 21_890

TABLES = """
table inet filter {
  chain forward { type filter hook forward priority 0; policy accept; jump miniupnpd; }
  chain miniupnpd { }
}
table inet nat_upnp {
  chain prerouting { type nat hook prerouting priority -100; policy accept; jump prerouting_miniupnpd; }
  chain postrouting { type nat hook postrouting priority 100; policy accept; jump postrouting_miniupnpd; }
  chain prerouting_miniupnpd { }
  chain postrouting_miniupnpd { }
}
"""


class GatewayDaemon:
    """One miniupnpd; `start` again after `stop` is a router that was switched off and on."""

    def __init__(self, site: Site, folder: Path) -> None:
        self._host = site.home.host
        self._inside = site.home.inside
        self._folder = folder
        self._process = None
        self._started = 0

    def start(
        self,
        *,
        nat_pmp: bool = True,
        upnp: bool = True,
        allow: str = "allow 1024-65535 10.0.0.0/8 1024-65535",
        outside: str | None = OUTSIDE,
    ) -> None:
        self._started += 1
        self._host.call("nft", "delete", "table", "inet", "nat_upnp", check=False)
        self._host.call("nft", "delete", "table", "inet", "filter", check=False)
        self._host.call("nft", "-f", "-", text=TABLES)
        config = self._folder / "miniupnpd.conf"
        lines = [
            "ext_ifname=wan",
            "listening_ip=lan",
            f"http_port={HTTP_PORT}",
            f"enable_natpmp={'yes' if nat_pmp else 'no'}",
            f"enable_upnp={'yes' if upnp else 'no'}",
            "secure_mode=yes",
            "min_lifetime=10",
            f"lease_file={self._folder / 'leases'}",
            f"uuid={uuid.UUID(int=7)}",
            "upnp_table_name=filter",
            "upnp_nat_table_name=nat_upnp",
            "upnp_forward_chain=miniupnpd",
            "upnp_nat_chain=prerouting_miniupnpd",
            "upnp_nat_postrouting_chain=postrouting_miniupnpd",
            *([f"ext_ip={outside}"] if outside else []),
            allow,
            "deny 0-65535 0.0.0.0/0 0-65535",
        ]
        config.write_text("\n".join(lines) + "\n")
        log = self._folder / f"miniupnpd{self._started}.log"
        pid = self._folder / "miniupnpd.pid"
        pid.unlink(missing_ok=True)
        (self._folder / "leases").unlink(missing_ok=True)
        self._process = self._host.start(["miniupnpd", "-d", "-f", str(config), "-P", str(pid)], log)
        ready = b"Listening for NAT-PMP" if nat_pmp else b"HTTP listening"
        wait_until(lambda: ready in log.read_bytes(), "miniupnpd did not start", log)

    def by_upnpc(self, host: Host, *arguments: str) -> str:
        """What upnpc says on `host`; told where to ask, it does not search for two seconds."""
        url = f"http://{self._inside}:{HTTP_PORT}/rootDesc.xml"
        return host.call("upnpc", "-u", url, *arguments, check=False).stdout

    def stop(self) -> None:
        if self._process is not None:
            self._host.stop(self._process)
            self._process = None
