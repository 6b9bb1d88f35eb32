"""The default gateways of this computer, from the system's routing table."""

import ipaddress
import re
import subprocess
import sys
from pathlib import Path

from netstack.model.address import Family
from netstack.net.protocol import Gateway

_TABLES = Path("/proc/thread-self/net")
_UP_AND_GATEWAY = 0x3
_COMMAND_S = 3.0


def read_gateways() -> tuple[Gateway, ...]:
    """Default gateways, best first; empty where the system does not tell."""
    if sys.platform == "linux":
        return parse_proc_route(_text("route")) + parse_proc_ipv6_route(_text("ipv6_route"))
    if sys.platform == "win32":
        return parse_route_print(_run("route", "print", "-4"))
    return parse_netstat(_run("netstat", "-rn"))


def parse_proc_route(text: str) -> tuple[Gateway, ...]:
    """`/proc/net/route`: little-endian hexadecimal words (proc(5))."""
    found = []
    for fields in map(str.split, text.splitlines()[1:]):
        if len(fields) >= 8 and fields[1] == fields[7] == "00000000" and _has_gateway(fields[3]):
            host = str(ipaddress.IPv4Address(bytes.fromhex(fields[2])[::-1]))
            found.append((int(fields[6]), Gateway(host=host, interface=fields[0], family=Family.IPV4)))
    return tuple(gateway for _, gateway in sorted(found, key=lambda entry: entry[0]))


def parse_proc_ipv6_route(text: str) -> tuple[Gateway, ...]:
    """`/proc/net/ipv6_route`: fields 0 and 1 the destination, 4 the next hop, 5 the metric, 8 the flags."""
    found = []
    for fields in map(str.split, text.splitlines()):
        if len(fields) == 10 and fields[1] == "00" and not int(fields[0], 16) and _has_gateway(fields[8]):
            host = str(ipaddress.IPv6Address(bytes.fromhex(fields[4])))
            found.append((int(fields[5], 16), Gateway(host=host, interface=fields[9], family=Family.IPV6)))
    return tuple(gateway for _, gateway in sorted(found, key=lambda entry: entry[0]))


def _has_gateway(flags: str) -> bool:
    return int(flags, 16) & _UP_AND_GATEWAY == _UP_AND_GATEWAY


def parse_netstat(text: str) -> tuple[Gateway, ...]:
    """`netstat -rn` of macOS and BSD: a `default` row names the gateway, its flags and its interface."""
    found = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) >= 4 and fields[0] == "default" and "G" in fields[2]:
            host = fields[1].partition("%")[0]
            try:
                version = ipaddress.ip_address(host).version
            except ValueError:
                continue
            family = Family.IPV4 if version == 4 else Family.IPV6
            found.append(Gateway(host=host, interface=fields[3], family=family))
    return tuple(found)


def parse_route_print(text: str) -> tuple[Gateway, ...]:
    """`route print -4` of Windows: destination, mask, gateway, own address, metric; headings are translated."""
    row = re.compile(r"^\s*0\.0\.0\.0\s+0\.0\.0\.0\s+([\d.]+)\s+([\d.]+)\s+(\d+)\s*$", re.MULTILINE)
    found = sorted((int(metric), gateway, own) for gateway, own, metric in row.findall(text))
    return tuple(Gateway(host=gateway, interface=own, family=Family.IPV4) for _, gateway, own in found)


def _text(name: str) -> str:
    try:
        return (_TABLES / name).read_text("ascii")
    except OSError:
        return ""


def _run(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=_COMMAND_S, check=False).stdout
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""
