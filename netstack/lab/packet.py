"""What travels in the lab: UDP datagrams, TCP segments and ICMP errors, as values instead of bytes."""

from enum import StrEnum
from typing import NamedTuple

from netstack.model.address import Address

UDP = "udp"
TCP = "tcp"
ICMP = "icmp"

IPV4_HEADER_BYTES = 20
IPV6_HEADER_BYTES = 40
UDP_HEADER_BYTES = 8
TCP_HEADER_BYTES = 20
_ICMP_BYTES = 36
_TTL = 64


class IcmpKind(StrEnum):
    """Why a packet was sent back (RFC 792, RFC 4443)."""

    PORT_UNREACHABLE = "port-unreachable"
    HOST_UNREACHABLE = "host-unreachable"
    PROHIBITED = "prohibited"
    TOO_BIG = "too-big"
    TTL_EXCEEDED = "ttl-exceeded"


class Icmp(NamedTuple):
    """An ICMP error about a packet `proto` from `src` to `dst`, the addresses as its reader knows them."""

    kind: IcmpKind
    proto: str
    src: Address
    dst: Address
    mtu_bytes: int = 0


class Segment(NamedTuple):
    """A TCP segment. `seq` and `ack` count bytes from 0 and never wrap; `window` is in bytes.

    `held` are the sequence numbers of what came too early: a selective acknowledgement (RFC 2018) of
    whole segments.
    """

    flags: int
    seq: int
    ack: int
    window: int
    data: bytes = b""
    held: tuple[int, ...] = ()


class Packet:
    """One IP packet. `size_bytes` is its length on the wire, IP header included.

    `largest_bytes` is the size of its largest IP fragment: fragments travel together here.
    """

    __slots__ = ("df", "dst", "largest_bytes", "payload", "proto", "size_bytes", "src", "ttl")

    def __init__(
        self,
        proto: str,
        src: Address,
        dst: Address,
        payload: bytes | Segment | Icmp,
        size_bytes: int,
        df: bool = True,
        ttl: int = _TTL,
    ) -> None:
        self.proto = proto
        self.src = src
        self.dst = dst
        self.payload = payload
        self.size_bytes = size_bytes
        self.largest_bytes = size_bytes
        self.df = df
        self.ttl = ttl

    def readdressed(self, src: Address, dst: Address, payload: bytes | Segment | Icmp) -> "Packet":
        """A copy as a NAT sends it on."""
        packet = Packet(self.proto, src, dst, payload, self.size_bytes, self.df, self.ttl)
        packet.largest_bytes = self.largest_bytes
        return packet

    def __str__(self) -> str:
        return f"{self.proto} {self.src} > {self.dst} {self.size_bytes} B"


def ip_header_bytes(host: str) -> int:
    """The IP header's length for an address."""
    return IPV6_HEADER_BYTES if ":" in host else IPV4_HEADER_BYTES


def icmp_error(kind: IcmpKind, about: Packet, reporter: str, mtu_bytes: int = 0) -> Packet | None:
    """The ICMP error that `reporter` sends to the source of `about`; None for an error about an error."""
    if about.proto is ICMP:
        return None
    news = Icmp(kind, about.proto, about.src, about.dst, mtu_bytes)
    size_bytes = ip_header_bytes(reporter) + _ICMP_BYTES
    return Packet(ICMP, Address(reporter, 0), Address(about.src.host, 0), news, size_bytes)
