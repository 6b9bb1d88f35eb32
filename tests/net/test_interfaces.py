"""Names tell what an interface is."""

import pytest

from netstack.net.interfaces import kind_of_name
from netstack.net.protocol import LinkKind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("lo", LinkKind.LOOPBACK),
        ("lo0", LinkKind.LOOPBACK),
        ("eth0", LinkKind.CABLE),
        ("enp3s0", LinkKind.CABLE),
        ("wlan0", LinkKind.WIFI),
        ("wlp2s0", LinkKind.WIFI),
        ("Wi-Fi", LinkKind.WIFI),
        ("tun0", LinkKind.VPN),
        ("wg0", LinkKind.VPN),
        ("utun3", LinkKind.VPN),
        ("tailscale0", LinkKind.VPN),
        ("ProtonVPN TUN", LinkKind.VPN),
        ("TAP-Windows Adapter V9", LinkKind.VPN),
        ("docker0", LinkKind.VIRTUAL),
        ("vEthernet (WSL)", LinkKind.VIRTUAL),
        ("Ethernet 2", LinkKind.CABLE),
        ("thing7", LinkKind.UNKNOWN),
    ],
)
def test_kind_of_name(name: str, kind: LinkKind) -> None:
    assert kind_of_name(name) is kind
