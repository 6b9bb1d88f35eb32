"""A small lab as literals: Anna behind a strict router, Ben behind a moderate one, two servers."""

from typing import Any

import msgspec

from netstack.model.topology import LinkCounters, NodeKind, Topology, TopologyLink, TopologyNode

NONE = LinkCounters(0, 0, 0)


def link(a: str, b: str, **more: Any) -> TopologyLink:
    values: dict[str, Any] = {
        "delay_s": 0.01, "jitter_s": 0.0, "loss": 0.0, "bandwidth_bps": 50e6, "mtu_bytes": 1500, "cut": False,
        "a_to_b": NONE, "b_to_a": NONE,
    }  # fmt: skip
    return TopologyLink(name=f"{a}-{b}", a=a, b=b, **(values | more))


WORLD = Topology(
    scenario="strict",
    title="Strict meets moderate",
    story="Neither can guess the other.",
    now_s=1.0,
    pair=("anna", "ben"),
    nodes=(
        TopologyNode("internet", "Internet", NodeKind.INTERNET, (), 0.5, 0.3),
        TopologyNode("stun1", "STUN server", NodeKind.SERVER, ("203.0.113.10", "203.0.113.11"), 0.25, 0.1, server="stun"),
        TopologyNode("relay", "Relay", NodeKind.SERVER, ("203.0.113.40",), 0.75, 0.1, server="turn", down=True),
        TopologyNode("a-router", "Anna's router", NodeKind.ROUTER, ("203.0.113.101",), 0.25, 0.6, nat="symmetric", mappings=7),
        TopologyNode("b-router", "Ben's router", NodeKind.ROUTER, ("203.0.113.102",), 0.75, 0.6, nat="port-restricted", mappings=0),
        TopologyNode("anna", "Anna's laptop", NodeKind.HOST, ("192.168.1.10",), 0.25, 0.9),
        TopologyNode("ben", "Ben's computer", NodeKind.HOST, ("192.168.2.10",), 0.75, 0.9),
    ),
    links=(
        link("a-router", "internet", jitter_s=0.002),
        link("b-router", "internet", loss=0.05, changed=True, bandwidth_bps=None),
        link("anna", "a-router", delay_s=0.0, burst_loss=0.06),
        link("ben", "b-router", cut=True, changed=True, mtu_bytes=1280, tells_too_big=False),
        link("stun1", "internet"),
        link("relay", "internet"),
    ),
)  # fmt: skip


def with_link(world: Topology, name: str, **changes: Any) -> Topology:
    links = tuple(
        msgspec.structs.replace(each, **changes) if each.name == name else each for each in world.links
    )
    return msgspec.structs.replace(world, links=links)


def with_node(world: Topology, name: str, **changes: Any) -> Topology:
    nodes = tuple(
        msgspec.structs.replace(each, **changes) if each.name == name else each for each in world.nodes
    )
    return msgspec.structs.replace(world, nodes=nodes)
