"""What the lab looks like at one moment, for a page that draws it."""

from enum import StrEnum

import msgspec


class NodeKind(StrEnum):
    """What a node is."""

    HOST = "host"
    ROUTER = "router"
    FIREWALL = "firewall"
    SERVER = "server"
    INTERNET = "internet"


class TopologyNode(msgspec.Struct, frozen=True):
    """A node; `x` and `y` (0 to 1, from the upper left) are where it may be drawn.

    `nat` is the kind of its NAT, `mappings` how many it holds; both None where there is none. `server` is
    what a server does ("stun", "turn", "echo"). `dropped` counts packets that it let through to nobody.
    """

    name: str
    title: str
    kind: NodeKind
    addresses: tuple[str, ...]
    x: float
    y: float
    nat: str | None = None
    mappings: int | None = None
    server: str | None = None
    dropped: int = 0
    down: bool = False


class LinkCounters(msgspec.Struct, frozen=True):
    """What one direction of a link did since the lab began; the difference of two values is a pulse."""

    packets: int
    sent_bytes: int
    lost: int


class TopologyLink(msgspec.Struct, frozen=True):
    """A link and what it does to packets (one way).

    `loss` is independent, `burst_loss` the mean share that is lost in bursts. `tells_too_big`: whoever sends
    more than `mtu_bytes` hears of it. `changed`: it is no longer what the scenario made it. `radio`: it is the air between
    two Bluetooth adapters, where what is lost is sent again; of it the loss and the `distance_m` can be changed.
    """

    name: str
    a: str
    b: str
    delay_s: float
    jitter_s: float
    loss: float
    bandwidth_bps: float | None
    mtu_bytes: int
    cut: bool
    a_to_b: LinkCounters
    b_to_a: LinkCounters
    burst_loss: float = 0.0
    tells_too_big: bool = True
    changed: bool = False
    radio: bool = False
    distance_m: float | None = None


class Topology(msgspec.Struct, frozen=True):
    """The lab at `now_s` seconds after its start. `pair` are the two people whom the scenario is about."""

    scenario: str
    title: str
    story: str
    now_s: float
    pair: tuple[str, str]
    nodes: tuple[TopologyNode, ...]
    links: tuple[TopologyLink, ...]
