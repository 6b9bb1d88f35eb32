"""The lab's topology as a drawing list, and what moves on it."""

import msgspec
import pytest

from app.presenters.lab_map import Drop, Flow, MapNode, MapView, carried, flows, lab_map
from app.presenters.tone import Tone
from netstack.model.topology import LinkCounters
from tests.app.presenters.lab_world import WORLD, link, with_link, with_node

VIEW = lab_map(WORLD)
NODES = {node.name: node for node in VIEW.nodes}
LINKS = {each.name: each for each in VIEW.links}


def test_without_a_lab_there_is_nothing_to_draw():
    assert lab_map(None) == MapView()


def test_servers_are_above_the_internet_and_people_below_their_routers():
    assert VIEW.rows == 4
    assert {name: node.row for name, node in NODES.items()} == {
        "stun1": 0, "relay": 0, "internet": 1, "a-router": 2, "b-router": 2, "anna": 3, "ben": 3,
    }  # fmt: skip


def test_a_node_tells_what_it_is_in_words_that_players_know():
    assert NODES["a-router"] == MapNode(
        "a-router", "router", "Anna's router", "Strict", Tone.BAD, 0.25, 2, person=False, down=False,
        told="Anna's router, Strict, It takes another random public port for every destination",
    )  # fmt: skip
    assert (NODES["relay"].icon, NODES["relay"].note, NODES["relay"].tone) == (
        "relays",
        "does not answer",
        Tone.BAD,
    )
    assert (NODES["anna"].person, NODES["anna"].note) == (True, "192.168.1.10")


@pytest.mark.parametrize(
    ("name", "label", "tone", "width"),
    [
        ("a-router-internet", "10 ms", Tone.PLAIN, 1.8),
        ("b-router-internet", "10 ms · 5 % lost", Tone.WARN, 2.6),
        ("anna-a-router", "0 ms · 6 % lost", Tone.WARN, 1.8),
        ("ben-b-router", "cut", Tone.BAD, 1.8),
        ("stun1-internet", "", Tone.PLAIN, 1.8),
    ],
)
def test_a_link_tells_what_it_does(name, label, tone, width):
    assert (
        LINKS[name].label.replace("\N{NARROW NO-BREAK SPACE}", " "),
        LINKS[name].tone,
        LINKS[name].width,
    ) == (
        label,
        tone,
        width,
    )


def test_a_server_that_was_laid_hands_on_shows_its_link_too():
    slow = lab_map(with_link(WORLD, "stun1-internet", delay_s=0.3, changed=True))
    assert next(each for each in slow.links if each.name == "stun1-internet").label.startswith("300")


def test_whoever_cannot_see_it_is_told_everything():
    assert VIEW.told.startswith("Strict meets moderate. Internet. STUN server. ")
    assert "Ben's computer to Ben's router, cut." in VIEW.told


def test_routers_that_are_hinted_at_one_place_move_apart():
    crowded = WORLD
    for name in ("a-router", "b-router"):
        crowded = with_node(crowded, name, x=0.5)
    places = sorted(node.x for node in lab_map(crowded).nodes if node.row == 2)
    assert places == [0.5, 0.75]
    for name in ("a-router", "b-router"):
        crowded = with_node(crowded, name, x=0.99)
    assert sorted(node.x for node in lab_map(crowded).nodes if node.row == 2) == [0.625, 0.875]


def test_a_chain_of_boxes_is_a_row_for_each():
    deep = msgspec.structs.replace(WORLD, links=(*WORLD.links, link("a-router", "b-router")))
    rows = {node.name: node.row for node in lab_map(deep).nodes}
    assert (rows["b-router"], rows["a-router"], rows["anna"]) == (2, 3, 4)


def test_the_difference_of_two_pictures_is_what_moved():
    later = with_link(WORLD, "anna-a-router", a_to_b=LinkCounters(3, 300, 1))
    later = with_link(later, "stun1-internet", b_to_a=LinkCounters(1, 60, 0), a_to_b=LinkCounters(1, 90, 0))
    moved, drops = flows(WORLD, msgspec.structs.replace(later, now_s=1.1))
    assert moved == (
        Flow("anna-a-router", True, 3, 1, 0, 0.0),
        Flow("stun1-internet", True, 1, 0, 3, 0.01),
        Flow("stun1-internet", False, 1, 0, 2, 0.01),
    )
    assert drops == ()


def test_packets_go_up_then_to_a_server_then_back_and_down():
    def once(name: str, **counters: LinkCounters) -> int:
        moved, _ = flows(WORLD, with_link(WORLD, name, **counters))
        return moved[0].rank

    one = LinkCounters(1, 60, 0)
    ranks = [
        once("anna-a-router", a_to_b=one),
        once("a-router-internet", a_to_b=one),
        once("stun1-internet", b_to_a=one),
        once("stun1-internet", a_to_b=one),
        once("a-router-internet", b_to_a=one),
        once("anna-a-router", b_to_a=one),
    ]
    assert ranks == [0, 1, 2, 3, 4, 5]


def test_what_a_router_turns_away_is_a_cross_at_it():
    assert flows(WORLD, with_node(WORLD, "b-router", dropped=2)) == ((), (Drop("b-router", 2, 4),))


def test_another_world_moves_nothing():
    moved = with_link(WORLD, "anna-a-router", a_to_b=LinkCounters(3, 300, 1))
    assert flows(None, moved) == flows(moved, None) == ((), ())
    assert flows(WORLD, msgspec.structs.replace(moved, scenario="other")) == ((), ())
    assert flows(WORLD, msgspec.structs.replace(moved, now_s=0.5)) == ((), ())
    assert flows(moved, WORLD) == ((), ())


@pytest.mark.parametrize(
    ("counters", "text"),
    [
        ((0, 0, 0), "0 packets, 0 B"),
        ((1, 60, 0), "1 packet, 60 B"),
        ((1234, 45_600, 2), "1 234 packets, 45.6 kB, 2 lost"),
        ((9, 3_000_000, 0), "9 packets, 3.00 MB"),
    ],
)
def test_counters_are_told_with_their_units(counters, text):
    assert carried(LinkCounters(*counters)).replace("\N{NARROW NO-BREAK SPACE}", " ") == text


def test_the_air_is_named_and_drawn_apart():
    air = link("anna", "ben", radio=True)
    [drawn] = [
        each
        for each in lab_map(msgspec.structs.replace(WORLD, links=(*WORLD.links, air))).links
        if each.radio
    ]
    assert drawn.label == "Bluetooth"
    assert drawn.told == "Anna's laptop to Ben's computer, Bluetooth"
