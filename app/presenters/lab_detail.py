"""What is known of the node or link that is selected in the lab, and what can be done to it."""

import msgspec

from app.presenters.lab_knobs import Turned, turned
from app.presenters.lab_map import carried
from app.presenters.nat_kinds import kind_words
from app.presenters.quantity import THIN, duration, percent
from app.presenters.tone import Tone
from netstack.model.topology import NodeKind, Topology, TopologyLink, TopologyNode


class Row(msgspec.Struct, frozen=True):
    """A label, its value, and what it means."""

    label: str
    value: str
    hint: str = ""


class DetailView(msgspec.Struct, frozen=True):
    """`router` and `link` are names to act on, empty where there is nothing to act on."""

    icon: str = "lab"
    title: str = "Nothing is selected"
    word: str = ""
    tone: Tone = Tone.PLAIN
    plain: str = "Choose a link to change it, or a router to see what it does."
    term: str = ""
    rows: tuple[Row, ...] = ()
    router: str = ""
    link: str = ""
    link_title: str = ""
    link_rows: tuple[Row, ...] = ()
    knobs: tuple[Turned, ...] = ()
    cut: bool = False
    changed: bool = False


LOST_ON_AIR = "By distance or by the loss that you set; Bluetooth sends it again at the next connection event"
_SERVERS = {
    "stun": "It tells a computer its public address, and answers from elsewhere when asked to (RFC 8489, RFC 5780).",
    "turn": "It passes packets on for two who do not reach each other (TURN, RFC 8656).",
    "echo": "It sends back what it gets.",
}


def first_choice(topology: Topology | None) -> str:
    """What is selected before anybody chose: the first person's router, or their link."""
    if topology is None:
        return ""
    nodes = {node.name: node for node in topology.nodes}
    for link in topology.links:
        if link.a == topology.pair[0]:
            return link.b if nodes[link.b].kind is not NodeKind.INTERNET else link.name
    return ""


def detail(topology: Topology | None, selected: str) -> DetailView:
    """The selected node together with its link inwards, or the link alone."""
    if topology is None:
        return DetailView()
    nodes = {node.name: node for node in topology.nodes}
    links = {link.name: link for link in topology.links}
    if selected in links:
        link = links[selected]
        return _with_link(DetailView(icon="link", title=_title(link, nodes), plain=""), link, nodes)
    if selected not in nodes:
        return DetailView()
    node = nodes[selected]
    view = _of_node(node)
    inward = [link for link in topology.links if selected in ((link.a, link.b) if link.radio else (link.a,))]
    return _with_link(view, inward[0], nodes) if inward else view


def _of_node(node: TopologyNode) -> DetailView:
    rows = [Row("Address" if len(node.addresses) == 1 else "Addresses", "\n".join(node.addresses))]
    if not node.addresses:
        rows = []
    match node.kind:
        case NodeKind.HOST:
            return DetailView(icon="pc", title=node.title, plain="", rows=tuple(rows))
        case NodeKind.SERVER:
            return DetailView(
                icon="relays" if node.server == "turn" else "server",
                title=node.title,
                word="Does not answer" if node.down else "",
                tone=Tone.BAD if node.down else Tone.PLAIN,
                plain=_SERVERS.get(node.server or "", ""),
                rows=tuple(rows),
            )
        case NodeKind.INTERNET:
            gone = Row("Lost its way", f"{node.dropped}", "Packets to addresses that lead nowhere from here")
            return DetailView(
                icon="internet",
                title=node.title,
                plain="It carries packets between public addresses; private ones lead nowhere.",
                rows=(gone,),
            )
    words = kind_words(node.nat or "")
    rows = [
        Row("Address outside", "\n".join(node.addresses), "What others see"),
        Row("Open mappings", str(node.mappings or 0), "Ports it holds open for those behind it"),
        Row("Turned away", str(node.dropped), "Packets that it let through to nobody"),
    ]
    return DetailView(
        icon="firewall" if node.kind is NodeKind.FIREWALL else "router",
        title=node.title,
        word=words.word,
        tone=words.tone,
        plain=words.plain,
        term=words.term[:1].upper() + words.term[1:],
        rows=tuple(rows),
        router=node.name,
    )


def _with_link(view: DetailView, link: TopologyLink, nodes: dict[str, TopologyNode]) -> DetailView:
    silent = "" if link.tells_too_big else ", larger ones vanish silently"
    rows = [
        Row("Outwards", carried(link.a_to_b), f"From {nodes[link.a].title}"),
        Row("Inwards", carried(link.b_to_a), f"To {nodes[link.a].title}"),
        Row("Largest packet", f"{link.mtu_bytes}{THIN}B{silent}", "MTU of this link"),
    ]
    if link.jitter_s and not link.radio:
        rows.insert(
            0, Row("Jitter", f"up to {duration(link.jitter_s)} more", "By chance; packets keep their order")
        )
    if link.burst_loss:
        rows.insert(
            0,
            Row("Bursts", f"{percent(link.burst_loss)} lost", "On average, many in a row (Gilbert-Elliott)"),
        )
    if link.radio:
        knobs: tuple[Turned, ...] = (turned("distance_m", link.distance_m), turned("loss", link.loss))
        rows.insert(0, Row("Lost and sent again", f"{link.a_to_b.lost + link.b_to_a.lost}", LOST_ON_AIR))
    else:
        knobs = (
            turned("delay_s", link.delay_s),
            turned("loss", link.loss),
            turned("bandwidth_bps", link.bandwidth_bps),
        )
    return msgspec.structs.replace(
        view,
        link=link.name,
        link_title="" if view.icon == "link" else _title(link, nodes),
        link_rows=tuple(rows),
        knobs=knobs,
        cut=link.cut,
        changed=link.changed,
    )


def _title(link: TopologyLink, nodes: dict[str, TopologyNode]) -> str:
    title = f"{nodes[link.a].title} - {nodes[link.b].title}"
    return f"{title}, by Bluetooth" if link.radio else title
