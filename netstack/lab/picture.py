"""The picture of a lab: where to draw what, and what every link has done."""

from netstack.lab.lab import Lab
from netstack.lab.link import Link, Port
from netstack.lab.router import Box
from netstack.lab.scenario import INTERNET, BoxPart, HostPart, Scenario, ServerPart
from netstack.model.topology import LinkCounters, NodeKind, Topology, TopologyLink, TopologyNode

_SERVERS_Y = 0.08
_INTERNET_Y = 0.3
_LOWEST_Y = 0.92


def topology(lab: Lab) -> Topology:
    """What the lab looks like now."""
    scenario, world = lab.scenario, lab.world
    places = _places(scenario)
    nodes = (
        TopologyNode(
            INTERNET, "Internet", NodeKind.INTERNET, (), *places[INTERNET], dropped=lab.internet.dropped
        ),
        *(_server(server, places[server.name]) for server in scenario.server),
        *(_box(box, places[box.name], lab.boxes[box.name]) for box in scenario.box),
        *(_host(host, places[host.name]) for host in scenario.host),
    )
    links = tuple(_link(link, changed=lab.is_changed(link)) for link in world.links.values())
    air = lab.airspace.link()
    return Topology(
        scenario=scenario.name,
        title=scenario.title,
        story=scenario.story,
        now_s=world.now() - world.started_s,
        pair=scenario.pair,
        nodes=nodes,
        links=links if air is None else (*links, air),
    )


def _server(part: ServerPart, place: tuple[float, float]) -> TopologyNode:
    return TopologyNode(
        part.name,
        part.title or part.name,
        NodeKind.SERVER,
        part.hosts,
        *place,
        server=part.kind,
        down=part.down,
    )


def _box(part: BoxPart, place: tuple[float, float], box: Box) -> TopologyNode:
    kind = NodeKind.FIREWALL if part.nat in {"open", "firewall"} else NodeKind.ROUTER
    return TopologyNode(
        part.name,
        part.title or part.name,
        kind,
        (part.wan,),
        *place,
        nat=part.nat,
        mappings=box.mappings,
        dropped=box.dropped,
    )


def _host(part: HostPart, place: tuple[float, float]) -> TopologyNode:
    addresses = tuple(host for interface in part.interface for host in interface.hosts)
    return TopologyNode(part.name, part.title or part.name, NodeKind.HOST, addresses, *place)


def _link(link: Link, *, changed: bool) -> TopologyLink:
    one, other = link.ports
    shape = link.shapes[0]
    return TopologyLink(
        name=link.name,
        a=one.node.name,
        b=other.node.name,
        delay_s=shape.delay_s,
        jitter_s=shape.jitter_s,
        loss=shape.loss,
        bandwidth_bps=shape.bandwidth_bps,
        mtu_bytes=shape.mtu_bytes,
        cut=shape.cut,
        a_to_b=_counters(one),
        b_to_a=_counters(other),
        burst_loss=0.0 if shape.burst is None else shape.burst.mean_loss,
        tells_too_big=shape.icmp_too_big,
        changed=changed,
    )


def _counters(port: Port) -> LinkCounters:
    seen = port.counters
    return LinkCounters(seen.sent, seen.sent_bytes, seen.lost + seen.too_big)


def _places(scenario: Scenario) -> dict[str, tuple[float, float]]:
    """Servers above, the internet in the middle, hosts side by side at the bottom, routers between."""
    columns = {host.name: (index + 0.5) / len(scenario.host) for index, host in enumerate(scenario.host)}
    behind = {box.name: box.behind for box in scenario.box}
    above = {host.name: [i.behind for i in host.interface] for host in scenario.host}
    depth = {INTERNET: 0}
    for box in scenario.box:
        depth[box.name] = depth[box.behind] + 1
    deepest = 1 + max(depth.values())
    below: dict[str, list[float]] = {name: [] for name in behind}
    for host, column in columns.items():
        for index, name in enumerate(above[host]):
            while name != INTERNET:
                spread = (index - (len(above[host]) - 1) / 2) * 0.2
                below[name].append(column + spread)
                name = behind[name]  # noqa: PLW2901 - climbs to the internet
    places = {INTERNET: (0.5, _INTERNET_Y)}
    step = (_LOWEST_Y - _INTERNET_Y) / deepest
    for name, columns_below in below.items():
        x = sum(columns_below) / len(columns_below) if columns_below else 0.5
        places[name] = (round(x, 4), round(_INTERNET_Y + depth[name] * step, 4))
    for host, column in columns.items():
        places[host] = (round(column, 4), _LOWEST_Y)
    for index, server in enumerate(scenario.server):
        places[server.name] = (round((index + 0.5) / len(scenario.server), 4), _SERVERS_Y)
    return places
