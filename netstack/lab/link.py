"""Links: delay, jitter, loss, duplication, reordering, bandwidth with a queue, MTU, black holes."""

import math
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Annotated, Protocol

import msgspec

from netstack.lab.packet import IPV4_HEADER_BYTES, Packet

if TYPE_CHECKING:
    from netstack.lab.world import World

_MIN_QUEUE_S = 0.02
_MIN_DELAY_S = 1e-6

Chance = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Seconds = Annotated[float, msgspec.Meta(ge=0.0, le=60.0)]


class Burst(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bursty loss (Gilbert 1960, Elliott 1963) in continuous time: a good state and a bad one.

    They last `good_s` and `bad_s` on average; in the bad one `loss` of the packets is lost. Time instead of
    packets drives the chain, or a sparse flow would stay in the bad state for minutes. The mean loss is
    loss * bad_s / (good_s + bad_s).
    """

    good_s: Annotated[float, msgspec.Meta(gt=0.0)]
    bad_s: Annotated[float, msgspec.Meta(gt=0.0)]
    loss: Chance = 1.0

    @property
    def mean_loss(self) -> float:
        """The share of packets that is lost in the long run."""
        return self.loss * self.bad_s / (self.good_s + self.bad_s)


class Shape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one direction of a link does to packets. Chances are 0 to 1, times seconds one way.

    `jitter_s` is the largest extra delay (uniform; order is kept); a share of `reorder` is held back
    `reorder_s` and overtaken. A queue holds `queue_s` of traffic at `bandwidth_bps`; None: a round trip
    of the link's own delay, and at least 20 ms. `blackhole_after` lets that many packets pass, then none.
    """

    delay_s: Seconds = 0.0
    jitter_s: Seconds = 0.0
    loss: Chance = 0.0
    burst: Burst | None = None
    duplicate: Chance = 0.0
    reorder: Chance = 0.0
    reorder_s: Seconds = 0.01
    bandwidth_bps: Annotated[float, msgspec.Meta(ge=1000.0)] | None = None
    queue_s: Seconds | None = None
    mtu_bytes: Annotated[int, msgspec.Meta(ge=68, le=65_535)] = 1500
    icmp_too_big: bool = True
    blackhole_after: Annotated[int, msgspec.Meta(ge=0)] | None = None
    cut: bool = False


PROFILES: dict[str, Shape] = {
    "lan": Shape(delay_s=0.0002, bandwidth_bps=1e9),
    "wifi": Shape(delay_s=0.002, jitter_s=0.004, loss=0.001, bandwidth_bps=200e6),
    "bursty-wifi": Shape(
        delay_s=0.003, jitter_s=0.02, burst=Burst(good_s=1.0, bad_s=0.08, loss=0.8), bandwidth_bps=30e6
    ),
    "fibre": Shape(delay_s=0.004, bandwidth_bps=500e6),
    "cable": Shape(delay_s=0.01, jitter_s=0.002, bandwidth_bps=50e6),
    "dsl": Shape(delay_s=0.018, jitter_s=0.002, bandwidth_bps=12e6),
    "mobile": Shape(delay_s=0.025, jitter_s=0.015, loss=0.002, bandwidth_bps=25e6),
    "satellite": Shape(delay_s=0.3, jitter_s=0.01, loss=0.005, bandwidth_bps=20e6),
    "server": Shape(delay_s=0.002, bandwidth_bps=1e9),
}
"""Links by name, one way each; rounded from what such links are known for."""


class Node(Protocol):
    """Something that links end at."""

    name: str

    def receive(self, packet: Packet, port: "Port") -> None:
        """A packet came in through `port`."""

    def returned_too_big(self, packet: Packet, port: "Port", mtu_bytes: int) -> None:
        """A packet sent through `port` does not fit; the node tells its source."""


class Counters(msgspec.Struct):
    """What happened in one direction since the world began."""

    sent: int = 0
    sent_bytes: int = 0
    lost: int = 0
    too_big: int = 0


class Port:
    """One end of a link: a node's way to put packets on it. `send` is there once it is connected."""

    link: "Link"
    peer: "Port"
    send: Callable[[Packet], None]
    __slots__ = ("counters", "link", "name", "node", "peer", "send")

    def __init__(self, node: Node, name: str) -> None:
        self.node = node
        self.name = name
        self.counters = Counters()

    def __repr__(self) -> str:
        return self.name


class _Pipe:
    """One direction of a link."""

    __slots__ = (
        "_bad",
        "_busy_until_s",
        "_delay_s",
        "_last_s",
        "_mtu_bytes",
        "_passed",
        "_plain",
        "_random",
        "_seen_s",
        "_shape",
        "_world",
        "receiver",
        "sender",
    )

    def __init__(self, world: "World", sender: Port, receiver: Port, shape: Shape) -> None:
        self._world = world
        self.sender = sender
        self.receiver = receiver
        self._random: Random | None = None
        self._last_s = 0.0
        self._busy_until_s = 0.0
        self._bad = False
        self._seen_s = 0.0
        self._passed = 0
        self.reshape(shape)

    def reshape(self, shape: Shape) -> None:
        self._shape = shape
        self._delay_s = max(shape.delay_s, _MIN_DELAY_S)
        self._mtu_bytes = shape.mtu_bytes
        self._passed = 0
        plain = not (shape.cut or shape.jitter_s or shape.loss or shape.burst or shape.duplicate)
        self._plain = (
            plain and not shape.reorder and not shape.bandwidth_bps and shape.blackhole_after is None
        )
        if self._random is None and not self._plain:
            self._random = self._world.random(f"link {self.sender.name} {self.receiver.name}")

    def send(self, packet: Packet) -> None:
        world = self._world
        counters = self.sender.counters
        counters.sent += 1
        counters.sent_bytes += packet.size_bytes
        if world.log is not None:
            world.note("send", self.sender.name, packet)
        if packet.largest_bytes > self._mtu_bytes and not self._fits(packet):
            return
        due_s = world.now() + self._delay_s
        if not self._plain:
            shaped_s = self._shaped(packet, due_s)
            if shaped_s is None:
                counters.lost += 1
                if world.log is not None:
                    world.note("lost", self.sender.name, packet)
                return
            due_s = shaped_s
        elif due_s < self._last_s:
            due_s = self._last_s
        else:
            self._last_s = due_s
        world.at(due_s, self._arrive, packet)

    def _arrive(self, packet: Packet) -> None:
        receiver = self.receiver
        receiver.node.receive(packet, receiver)

    def _fits(self, packet: Packet) -> bool:
        """Cuts the packet into fragments, or refuses it (RFC 791; RFC 8200: routers never cut IPv6)."""
        if not packet.df and ":" not in packet.dst.host:
            packet.largest_bytes = self._mtu_bytes
            return True
        self.sender.counters.too_big += 1
        if self._world.log is not None:
            self._world.note("too-big", self.sender.name, packet)
        if self._shape.icmp_too_big:
            self.sender.node.returned_too_big(packet, self.sender, self._mtu_bytes)
        return False

    def _shaped(self, packet: Packet, due_s: float) -> float | None:
        """When the packet arrives; None when it is lost."""
        shape = self._shape
        random = self._random
        assert random is not None  # noqa: S101 - reshape made it
        self._passed += 1
        if shape.cut or (shape.blackhole_after is not None and self._passed > shape.blackhole_after):
            return None
        pieces = 1 if packet.largest_bytes == packet.size_bytes else _fragments(packet)
        for _ in range(pieces):
            if shape.burst is not None and self._lost_in_burst(shape.burst, random):
                return None
            if shape.loss and random.random() < shape.loss:
                return None
        if shape.bandwidth_bps is not None:
            now_s = due_s - shape.delay_s
            queue_s = max(2.0 * shape.delay_s, _MIN_QUEUE_S) if shape.queue_s is None else shape.queue_s
            waits_s = max(0.0, self._busy_until_s - now_s)
            if waits_s > queue_s:
                return None
            self._busy_until_s = now_s + waits_s + packet.size_bytes * 8.0 / shape.bandwidth_bps
            due_s = self._busy_until_s + shape.delay_s
        if shape.jitter_s:
            due_s += random.random() * shape.jitter_s
        if shape.duplicate and random.random() < shape.duplicate:
            self._world.at(max(due_s, self._last_s), self._arrive, packet)
        if shape.reorder and random.random() < shape.reorder:
            return due_s + shape.reorder_s
        self._last_s = due_s = max(due_s, self._last_s)
        return due_s

    def _lost_in_burst(self, burst: Burst, random: Random) -> bool:
        """Moves the two-state chain on to now, and draws."""
        now_s = self._world.now()
        often_bad = burst.bad_s / (burst.good_s + burst.bad_s)
        remembers = math.exp(-(now_s - self._seen_s) * (1.0 / burst.good_s + 1.0 / burst.bad_s))
        self._seen_s = now_s
        self._bad = random.random() < often_bad + (self._bad - often_bad) * remembers
        return self._bad and random.random() < burst.loss


def _fragments(packet: Packet) -> int:
    room = packet.largest_bytes - IPV4_HEADER_BYTES
    return math.ceil((packet.size_bytes - IPV4_HEADER_BYTES) / room)


class Link:
    """Two ports and the two directions between them. `name` is "a-b"."""

    def __init__(self, world: "World", a: Port, b: Port, a_to_b: Shape, b_to_a: Shape) -> None:
        self.name = f"{a.node.name}-{b.node.name}"
        self.ports = (a, b)
        self.shapes = (a_to_b, b_to_a)
        self._pipes = (_Pipe(world, a, b, a_to_b), _Pipe(world, b, a, b_to_a))
        for port, peer, pipe in ((a, b, self._pipes[0]), (b, a, self._pipes[1])):
            port.link = self
            port.peer = peer
            port.send = pipe.send

    def reshape(self, a_to_b: Shape, b_to_a: Shape | None = None) -> None:
        """Changes what the link does, at once; packets under way arrive as they would have."""
        self.shapes = (a_to_b, a_to_b if b_to_a is None else b_to_a)
        for pipe, shape in zip(self._pipes, self.shapes, strict=True):
            pipe.reshape(shape)

    def cut(self, cut: bool = True) -> None:
        """Cuts the link or mends it."""
        self.reshape(*(msgspec.structs.replace(shape, cut=cut) for shape in self.shapes))
