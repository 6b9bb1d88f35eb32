"""What a NAT does (RFC 4787, RFC 5382): mapping x filtering x port allocation x lifetime x hairpin x 1:1.

A mapping is a function of both ends: two flows with the same `key(src, dst)` share a public port.
"""

from collections.abc import Callable, Hashable
from enum import StrEnum
from random import Random

import msgspec

from netstack.lab.packet import TCP, Icmp
from netstack.model.address import Address
from netstack.model.nat import Filtering, Mapping

_MAX_PEERS = 4096
_MAX_FORWARDS = 64
_FIRST_FORWARD = 50_000
_RANDOM_TRIES = 32


class Allocation(StrEnum):
    """How the public port of a new mapping is chosen (RFC 4787 section 4.2)."""

    PRESERVE = "preserve"
    RANDOM = "random"
    SEQUENTIAL = "sequential"


class NatBehaviour(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rules of one NAT; with `Mapping.NONE` it translates nothing and is a stateful firewall.

    `one_to_one` gives the first host that sends the whole public address, ports kept; with endpoint-independent
    filtering strangers reach every port of it from then on. `refresh_inbound`: packets
    from outside keep a mapping alive too (RFC 4787 REQ-6). `lifetime_s` is for UDP.
    """

    mapping: Mapping = Mapping.ENDPOINT_INDEPENDENT
    filtering: Filtering = Filtering.ADDRESS_AND_PORT_DEPENDENT
    allocation: Allocation = Allocation.PRESERVE
    first_port: int = 1024
    last_port: int = 65_535
    lifetime_s: float = 120.0
    tcp_lifetime_s: float = 7440.0
    refresh_inbound: bool = True
    hairpin: bool = False
    one_to_one: bool = False
    max_mappings: int = 8192


_Key = Callable[[Address, Address], Hashable]

_BOTH_ENDS: dict[str, _Key] = {
    "endpoint-independent": lambda src, _: src,
    "address-dependent": lambda src, dst: (src, dst.host),
    "address-and-port-dependent": lambda src, dst: (src, dst),
    "none": lambda src, _: src,
}
_PEER: dict[str, Callable[[Address], Hashable] | None] = {
    "endpoint-independent": None,
    "address-dependent": lambda peer: peer.host,
    "address-and-port-dependent": lambda peer: peer,
}


class _Entry:
    """A mapping in use: who is behind it, and to whom it has sent and when."""

    __slots__ = ("inside", "key", "peers", "public", "used_s")

    def __init__(self, key: Hashable, inside: Address, public: Address, now_s: float) -> None:
        self.key = key
        self.inside = inside
        self.public = public
        self.used_s = now_s
        self.peers: dict[Hashable, float] = {}


class _Forward:
    """A port that a host behind the NAT asked it to open for everyone, until it runs out."""

    __slots__ = ("inside", "peers", "public", "until_s")

    def __init__(self, inside: Address, public: Address, until_s: float) -> None:
        self.inside = inside
        self.public = public
        self.until_s = until_s
        self.peers: dict[Address, None] = {}


class NatTable:
    """The mappings of one NAT for one transport protocol.

    Full or out of ports, it makes no new mapping and counts `refused`.
    """

    def __init__(self, proto: str, behaviour: NatBehaviour, public_host: str, random: Random) -> None:
        self.behaviour = behaviour
        self.public_host = public_host
        self.refused = 0
        self._lifetime_s = behaviour.tcp_lifetime_s if proto is TCP else behaviour.lifetime_s
        self._random = random
        self._key = _BOTH_ENDS[behaviour.mapping]
        self._peer = _PEER[behaviour.filtering]
        self._by_key: dict[Hashable, _Entry] = {}
        self._by_public: dict[Address, _Entry] = {}
        self._next_port = behaviour.first_port
        self._only_host: str | None = None
        self._forwards: dict[int, _Forward] = {}

    def forward(self, wanted_port: int, inside: Address, lifetime_s: float, now_s: float) -> int | None:
        """Opens a public port to `inside` for everyone (a port mapping); 0 s closes it. None: no port is left."""
        old = next((each for each in self._forwards.values() if each.inside == inside), None)
        if old is not None:
            del self._forwards[old.public.port]
        if lifetime_s <= 0:
            return wanted_port
        if len(self._forwards) >= _MAX_FORWARDS:
            return None
        ports: list[int] = [
            wanted_port or inside.port,
            *range(_FIRST_FORWARD, _FIRST_FORWARD + _MAX_FORWARDS),
        ]
        for port in ports:
            public = Address(self.public_host, port)
            if port not in self._forwards and self._free(public, now_s):
                self._forwards[port] = _Forward(inside, public, now_s + lifetime_s)
                return port
        return None

    def __len__(self) -> int:
        return len(self._by_public)

    def outbound(self, src: Address, dst: Address, now_s: float) -> Address | None:
        """The public address under which `src` reaches `dst`; opens or renews it. None: no port is left."""
        for forward in self._forwards.values():
            if forward.inside == src and dst in forward.peers and now_s < forward.until_s:
                return forward.public  # an answer goes out as it was asked
        key = self._key(src, dst)
        entry = self._by_key.get(key)
        if entry is None or now_s - entry.used_s > self._lifetime_s:
            if entry is not None:
                self._forget(entry)
            entry = self._open(key, src, now_s)
            if entry is None:
                self.refused += 1
                return None
        entry.used_s = now_s
        if self._peer is not None:
            peers = entry.peers
            peers[self._peer(dst)] = now_s
            if len(peers) > _MAX_PEERS:
                del peers[next(iter(peers))]
        return entry.public

    def inbound(self, public: Address, peer: Address, now_s: float) -> Address | None:
        """Who behind the NAT gets a packet that `peer` sent to `public`; None: it is dropped."""
        forward = self._forwards.get(public.port)
        if forward is not None and now_s < forward.until_s:
            forward.peers[peer] = None
            if len(forward.peers) > _MAX_PEERS:
                del forward.peers[next(iter(forward.peers))]
            return forward.inside
        entry = self._by_public.get(public)
        if self._only_host is not None and self._peer is None:
            return Address(self._only_host, public.port)
        if entry is None:
            return None
        if now_s - entry.used_s > self._lifetime_s:
            self._forget(entry)
            return None
        if self._peer is not None:
            seen = self._peer(peer)
            last_s = entry.peers.get(seen)
            if last_s is None:
                return None
            if now_s - last_s > self._lifetime_s:
                del entry.peers[seen]
                return None
            if self.behaviour.refresh_inbound:
                entry.peers[seen] = now_s
        if self.behaviour.refresh_inbound:
            entry.used_s = now_s
        return entry.inside

    def owner(self, public: Address, now_s: float) -> Address | None:
        """Who is behind `public`, filtering aside (hairpin, ICMP)."""
        entry = self._by_public.get(public)
        return None if entry is None or now_s - entry.used_s > self._lifetime_s else entry.inside

    def public_of(self, inside: Address, peer: Address) -> Address | None:
        """The public address that `inside` shows to `peer`, if it has one."""
        entry = self._by_key.get(self._key(inside, peer))
        return None if entry is None else entry.public

    def translate_error(self, icmp: Icmp, now_s: float) -> Icmp | None:
        """An ICMP error from outside about a packet sent from inside, as the inside host knows it."""
        inside = self.owner(icmp.src, now_s)
        return None if inside is None else icmp._replace(src=inside)

    def flush(self) -> None:
        """Forgets every mapping, as a reboot does."""
        self._by_key.clear()
        self._by_public.clear()
        self._forwards.clear()
        self._next_port = self.behaviour.first_port

    def _open(self, key: Hashable, src: Address, now_s: float) -> _Entry | None:
        if len(self._by_public) >= self.behaviour.max_mappings:
            self._forget_idle(now_s)
            if len(self._by_public) >= self.behaviour.max_mappings:
                return None
        public = self._allocate(src, now_s)
        if public is None:
            return None
        entry = self._by_key[key] = self._by_public[public] = _Entry(key, src, public, now_s)
        return entry

    def _allocate(self, src: Address, now_s: float) -> Address | None:
        rules = self.behaviour
        if rules.mapping == Mapping.NONE:
            return src
        if rules.one_to_one:
            self._only_host = self._only_host or src.host
            return Address(self.public_host, src.port) if src.host == self._only_host else None
        if rules.allocation == Allocation.PRESERVE and rules.first_port <= src.port <= rules.last_port:
            public = Address(self.public_host, src.port)
            if self._free(public, now_s):
                return public
        span = rules.last_port - rules.first_port + 1
        if rules.allocation == Allocation.SEQUENTIAL:
            port = self._next_port
        else:
            for _ in range(_RANDOM_TRIES):
                public = Address(self.public_host, rules.first_port + int(self._random.random() * span))
                if self._free(public, now_s):
                    return public
            port = public.port
        for step in range(span):
            found = rules.first_port + (port - rules.first_port + step) % span
            public = Address(self.public_host, found)
            if self._free(public, now_s):
                self._next_port = rules.first_port + (found + 1 - rules.first_port) % span
                return public
        return None

    def _free(self, public: Address, now_s: float) -> bool:
        forward = self._forwards.get(public.port)
        if forward is not None:
            if now_s < forward.until_s:
                return False
            del self._forwards[public.port]
        entry = self._by_public.get(public)
        if entry is None:
            return True
        if now_s - entry.used_s > self._lifetime_s:
            self._forget(entry)
            return True
        return False

    def _forget(self, entry: _Entry) -> None:
        del self._by_key[entry.key]
        del self._by_public[entry.public]

    def _forget_idle(self, now_s: float) -> None:
        idle = [entry for entry in self._by_public.values() if now_s - entry.used_s > self._lifetime_s]
        for entry in idle:
            self._forget(entry)
