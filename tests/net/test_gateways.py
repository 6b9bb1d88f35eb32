"""Routing tables of three systems, as they print them."""

from netstack.model.address import Family
from netstack.net.gateways import (
    parse_netstat,
    parse_proc_ipv6_route,
    parse_proc_route,
    parse_route_print,
    read_gateways,
)

LINUX = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wlan0\t00000000\t010200C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
eth0\t00000000\t016433C6\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t006433C6\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
"""
LINUX6 = """\
20010db8000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001 eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00450003 eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200 lo
"""
MACOS = """\
Routing tables

Internet:
Destination        Gateway            Flags               Netif Expire
default            192.0.2.1          UGScg                 en0
127                127.0.0.1          UCS                   lo0

Internet6:
Destination                             Gateway                                 Flags               Netif Expire
default                                 fe80::1%en0                             UGcg                  en0
default                                 fe80::%utun0                            UGcIg               utun0
"""
WINDOWS = """\
===========================================================================
IPv4-Routentabelle
===========================================================================
Aktive Routen:
     Netzwerkziel    Netzwerkmaske          Gateway    Schnittstelle Metrik
          0.0.0.0          0.0.0.0        192.0.2.1       192.0.2.20     35
          0.0.0.0          0.0.0.0     198.51.100.1     198.51.100.7     25
        127.0.0.0        255.0.0.0   Auf Verbindung         127.0.0.1    331
"""


def test_linux_by_metric() -> None:
    assert [(g.host, g.interface) for g in parse_proc_route(LINUX)] == [
        ("198.51.100.1", "eth0"),
        ("192.0.2.1", "wlan0"),
    ]


def test_linux_ipv6_without_the_unreachable_route() -> None:
    assert [(g.host, g.interface, g.family) for g in parse_proc_ipv6_route(LINUX6)] == [
        ("fe80::1", "eth0", Family.IPV6)
    ]


def test_macos_both_families() -> None:
    assert [(g.host, g.interface) for g in parse_netstat(MACOS)][:2] == [
        ("192.0.2.1", "en0"),
        ("fe80::1", "en0"),
    ]


def test_windows_in_any_language() -> None:
    assert [g.host for g in parse_route_print(WINDOWS)] == ["198.51.100.1", "192.0.2.1"]


def test_rubbish_gives_none() -> None:
    for parse in (parse_proc_route, parse_proc_ipv6_route, parse_netstat, parse_route_print):
        assert parse("nothing\nto see here\n") == ()
    assert isinstance(read_gateways(), tuple)
