"""The lab's topology as a drawing: discs in rows, links between them, and what moves along the links."""

from itertools import pairwise

import msgspec

from app.presenters.nat_kinds import kind_words
from app.presenters.quantity import THIN, digits
from app.presenters.tone import Tone
from netstack.model.topology import LinkCounters, NodeKind, Topology, TopologyLink, TopologyNode

BUSY_PACKETS = 3  # more in a tenth of a second are drawn as so many


class MapNode(msgspec.Struct, frozen=True):
    """A disc: `x` is 0 to 1, `row` counts from the top. `note` stands under the title, in the tone's colour."""

    name: str
    icon: str
    title: str
    note: str
    tone: Tone
    x: float
    row: int
    person: bool
    down: bool
    told: str


class MapLink(msgspec.Struct, frozen=True):
    """A line from the outer end `a` to the inner end `b`; `label` may be empty, `width` is in px."""

    name: str
    a: str
    b: str
    label: str
    tone: Tone
    cut: bool
    changed: bool
    width: float
    told: str
    radio: bool = False


class MapView(msgspec.Struct, frozen=True):
    """Everything that does not move; `told` is for whoever cannot see it."""

    rows: int = 0
    nodes: tuple[MapNode, ...] = ()
    links: tuple[MapLink, ...] = ()
    told: str = ""


class Flow(msgspec.Struct, frozen=True):
    """Packets that a link took since the last look, some of them lost.

    `upward` is from `a` to `b`. `rank` orders what a packet does: up from people, down to a server, up
    again, down to people.
    """

    link: str
    upward: bool
    packets: int
    lost: int
    rank: int
    delay_s: float


class Drop(msgspec.Struct, frozen=True):
    """Packets that ended at a node, since it let them through to nobody."""

    node: str
    packets: int
    rank: int


def lab_map(topology: Topology | None) -> MapView:
    """The drawing."""
    if topology is None:
        return MapView()
    depth = _depths(topology)
    deepest = max(depth.values())
    rows = {
        node.name: 0
        if node.kind is NodeKind.SERVER
        else deepest + 1
        if node.kind is NodeKind.HOST
        else 1 + depth[node.name]
        for node in topology.nodes
    }
    places: dict[str, float] = {}
    for row in range(deepest + 2):
        places |= _spread([node for node in topology.nodes if rows[node.name] == row])
    titles = {node.name: node.title for node in topology.nodes}
    servers = {node.name for node in topology.nodes if node.kind is NodeKind.SERVER}
    nodes = tuple(_node(node, places[node.name], rows[node.name], topology) for node in topology.nodes)
    links = tuple(_link(link, titles, quiet=link.a in servers) for link in topology.links)
    told = f"{topology.title}. " + " ".join(
        [f"{node.told}." for node in nodes] + [f"{link.told}." for link in links]
    )
    return MapView(deepest + 2, nodes, links, told)


def flows(before: Topology | None, now: Topology | None) -> tuple[tuple[Flow, ...], tuple[Drop, ...]]:
    """What moved between two pictures of the same world."""
    if before is None or now is None or before.scenario != now.scenario or now.now_s < before.now_s:
        return (), ()
    depth = _depths(now)
    deepest = max(depth.values())
    servers = {node.name for node in now.nodes if node.kind is NodeKind.SERVER}
    known = {link.name: link for link in before.links}
    moved = []
    for link in now.links:
        old = known.get(link.name)
        if old is None:
            continue
        to_server = link.a in servers
        up = deepest + 1 if to_server else deepest - depth[link.a]
        down = deepest if to_server else deepest + 1 + depth[link.a]
        for upward, was, seen, rank in (
            (True, old.a_to_b, link.a_to_b, up),
            (False, old.b_to_a, link.b_to_a, down),
        ):
            packets = seen.packets - was.packets
            if packets > 0:
                moved.append(
                    Flow(link.name, upward, packets, max(0, seen.lost - was.lost), rank, link.delay_s)
                )
    dropped = {node.name: node.dropped for node in before.nodes}
    drops = tuple(
        Drop(node.name, node.dropped - dropped[node.name], deepest + 1 + depth[node.name])
        for node in now.nodes
        if node.dropped > dropped.get(node.name, node.dropped)
    )
    return tuple(moved), drops


def _depths(topology: Topology) -> dict[str, int]:
    """How many links it is to the internet, by the longest way."""
    inner: dict[str, list[str]] = {}
    for link in topology.links:
        if not link.radio:
            inner.setdefault(link.a, []).append(link.b)

    def depth(name: str) -> int:
        return max((1 + depth(other) for other in inner.get(name, ())), default=0)

    return {node.name: depth(node.name) for node in topology.nodes}


def _spread(nodes: list[TopologyNode]) -> dict[str, float]:
    """The hints of one row, moved apart until none covers another."""
    if not nodes:
        return {}
    nodes = sorted(nodes, key=lambda node: (node.x, node.name))
    gap = 1 / max(4, len(nodes))
    xs = [node.x for node in nodes]
    for one, following in pairwise(range(len(xs))):
        xs[following] = max(xs[following], xs[one] + gap)
    over = max(0.0, xs[-1] - (1 - gap / 2))
    xs = [max(gap / 2 + place * gap, x - over) for place, x in enumerate(xs)]
    return {node.name: round(x, 4) for node, x in zip(nodes, xs, strict=True)}


def _node(node: TopologyNode, x: float, row: int, topology: Topology) -> MapNode:
    words = kind_words(node.nat) if node.nat else None
    match node.kind:
        case NodeKind.HOST:
            icon, tone, note = "pc", Tone.PLAIN, node.addresses[0] if node.addresses else ""
        case NodeKind.SERVER:
            icon, tone = ("relays" if node.server == "turn" else "server"), Tone.PLAIN
            note = "does not answer" if node.down else ""
            tone = Tone.BAD if node.down else tone
        case NodeKind.INTERNET:
            icon, tone, note = "internet", Tone.PLAIN, ""
        case NodeKind.FIREWALL:
            icon, tone, note = "firewall", words.tone if words else Tone.PLAIN, words.word if words else ""
        case NodeKind.ROUTER:
            icon, tone, note = "router", words.tone if words else Tone.PLAIN, words.word if words else ""
    told = ", ".join(filter(None, (node.title, note, words.plain.rstrip(".") if words else "")))
    return MapNode(
        node.name,
        icon,
        _short(node),
        note,
        tone,
        x,
        row,
        person=node.name in topology.pair,
        down=node.down,
        told=told,
    )


def _short(node: TopologyNode) -> str:
    if node.server == "stun":
        return "STUN server"
    return node.title


def _link(link: TopologyLink, titles: dict[str, str], *, quiet: bool) -> MapLink:
    name = f"{titles[link.a]} to {titles[link.b]}"
    loses = link.loss + link.burst_loss
    label = "Bluetooth" if link.radio else f"{1000 * link.delay_s:.3g}{THIN}ms"
    if loses:
        label += f" · {100 * loses:.2g}{THIN}% lost"
    if link.cut:
        label = "cut"
    tone = Tone.BAD if link.cut else Tone.WARN if loses >= 0.01 else Tone.PLAIN
    return MapLink(
        link.name,
        link.a,
        link.b,
        label if not quiet or link.changed or link.cut or link.radio else "",
        tone,
        cut=link.cut,
        changed=link.changed,
        width=_width(link.bandwidth_bps),
        told=f"{name}, {label}",
        radio=link.radio,
    )


def _width(bandwidth_bps: float | None) -> float:
    """Thicker where more fits through: 1 px for a modem, 2.6 px from a gigabit on."""
    for least, width in ((1e9, 2.6), (1e8, 2.2), (1e7, 1.8), (1e6, 1.4)):
        if bandwidth_bps is None or bandwidth_bps >= least:
            return width
    return 1.0


def carried(counters: LinkCounters) -> str:
    """One direction's counters as text."""
    size = counters.sent_bytes
    for unit, scale in (("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            text = f"{digits(size / scale)}{THIN}{unit}"
            break
    else:
        text = f"{size}{THIN}B"
    lost = f", {counters.lost} lost" if counters.lost else ""
    packets = f"{counters.packets:,}".replace(",", THIN)
    return f"{packets} packet{'s' * (counters.packets != 1)}, {text}{lost}"
