"""Names tell what an interface is."""

import pytest

from netstack.net.interfaces import kind_of_name, parse_wireless
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


def test_the_signal_is_read_in_dbm_and_other_scales_are_left_out():
    text = (
        "Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE\n"
        " face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22\n"
        " wlan0: 0000   54.  -56.  -256        0      0      0      0     20        0\n"
        " wlan1: 0000   54.   40.  -256        0      0      0      0     20        0\n"
        " broken\n"
    )
    assert parse_wireless(text) == {"wlan0": -56}
    assert parse_wireless("") == {}
