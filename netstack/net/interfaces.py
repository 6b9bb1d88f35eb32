"""Which network interfaces this computer has, and of what kind each is."""

import ipaddress
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import ifaddr

from netstack.net.protocol import Interface, LinkKind
from netstack.net.wireless_rate import read_rate

_SYS = Path("/sys/class/net")
_WIRELESS = Path("/proc/net/wireless")
_ARPHRD_NONE, _ARPHRD_PPP = "65534", "512"
_NAMES = {
    LinkKind.LOOPBACK: (r"lo\d*", r".*loopback.*"),
    LinkKind.VPN: (
        r"(tun|tap|utun|wg|ppp|ipsec|tailscale|zt|nordlynx|proton|ham)\d*.*",
        r".*(vpn|wireguard|wintun|tap-).*",
    ),
    LinkKind.VIRTUAL: (
        r"(docker|br-|virbr|veth|vmnet|vboxnet|bridge|awdl|llw)\d*.*",
        r".*(hyper-v|vmware|virtualbox|vethernet).*",
    ),
    LinkKind.WIFI: (r"(wl|wlan|wifi|ath)\w*", r".*(wi-?fi|wireless).*"),
    LinkKind.CABLE: (r"(eth|en[opsx])\w*", r".*ethernet.*"),
}


def read_interfaces() -> tuple[Interface, ...]:
    """The interfaces that are up and have an address."""
    found = []
    signals = parse_wireless(_wireless()) if sys.platform == "linux" else {}
    for adapter in ifaddr.get_adapters():
        hosts = tuple(
            address.ip if isinstance(address.ip, str) else _with_interface(address.ip[0], address.ip[2])
            for address in adapter.ips
        )
        if hosts and _is_up(adapter.name):
            kind = _kind_of_device(adapter.name) or kind_of_name(adapter.nice_name)
            found.append(
                Interface(
                    name=adapter.nice_name,
                    kind=kind,
                    hosts=hosts,
                    mtu_bytes=_mtu(adapter.name),
                    signal_dbm=signals.get(adapter.name),
                    speed_bps=_wifi_rate(adapter.name) if kind is LinkKind.WIFI else _speed(adapter.name),
                    networks=_networks(adapter.ips),
                )
            )
    return tuple(found)


def kind_of_name(name: str) -> LinkKind:
    """What an interface's name says of it; systems and drivers name them by custom."""
    for kind, patterns in _NAMES.items():
        if any(re.fullmatch(pattern, name, re.IGNORECASE) for pattern in patterns):
            return kind
    return LinkKind.UNKNOWN


def parse_wireless(text: str) -> dict[str, int]:
    """`/proc/net/wireless`: the signal of each interface in dBm; drivers that tell something else are left out."""
    found = {}
    for line in text.splitlines()[2:]:
        name, _, rest = line.partition(":")
        fields = rest.split()
        if len(fields) >= 3 and re.fullmatch(r"-\d{1,3}\.?", fields[2]):
            found[name.strip()] = int(fields[2].rstrip("."))
    return found


def _networks(addresses: Iterable[ifaddr.IP]) -> tuple[str, ...]:
    ranges = set()
    for each in addresses:
        host = each.ip if isinstance(each.ip, str) else each.ip[0].partition("%")[0]
        with suppress(ValueError):
            ranges.add(ipaddress.ip_network(f"{host}/{each.network_prefix}", strict=False))
    return tuple(map(str, sorted(ranges, key=lambda each: (each.version, each.network_address.packed))))


def _wireless() -> str:
    try:
        return _WIRELESS.read_text("ascii", errors="replace")
    except OSError:
        return ""


def _with_interface(host: str, scope_id: int) -> str:
    return f"{host}%{scope_id}" if scope_id and host.startswith("fe80") else host


def _attribute(name: str, attribute: str) -> str | None:
    try:
        return (_SYS / name / attribute).read_text("ascii").strip()
    except (OSError, ValueError):
        return None


def _is_up(name: str) -> bool:
    flags = _attribute(name, "flags") if sys.platform == "linux" else None
    return flags is None or bool(int(flags, 16) & 1)


def _mtu(name: str) -> int | None:
    text = _attribute(name, "mtu") if sys.platform == "linux" else None
    return int(text) if text and text.isdigit() else None


def _speed(name: str) -> int | None:
    """A cable's, in bit/s; Linux tells Mbit/s, -1 for "not known"."""
    text = _attribute(name, "speed") if sys.platform == "linux" else None
    return int(text) * 1_000_000 if text and text.isdigit() else None


def _wifi_rate(name: str) -> int | None:
    return read_rate(name) if sys.platform == "linux" else None


def _kind_of_device(name: str) -> LinkKind | None:
    """What Linux says of the device itself; None leaves it to the name."""
    if sys.platform != "linux" or not (_SYS / name).exists():
        return None
    if (_SYS / name / "tun_flags").exists() or _attribute(name, "type") in {_ARPHRD_NONE, _ARPHRD_PPP}:
        return LinkKind.VPN
    if (_SYS / name / "wireless").exists():
        return LinkKind.WIFI
    return None
