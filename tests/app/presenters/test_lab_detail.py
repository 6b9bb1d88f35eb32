"""What is told of whatever is selected in the lab."""

import msgspec

from app.presenters.lab_detail import DetailView, detail, first_choice
from app.presenters.tone import Tone
from netstack.model.topology import LinkCounters
from tests.app.presenters.lab_world import WORLD, link, with_node


def rows(view: DetailView) -> dict[str, str]:
    return {
        row.label: row.value.replace("\N{NARROW NO-BREAK SPACE}", " ")
        for row in (*view.rows, *view.link_rows)
    }


def test_a_router_is_told_in_words_with_its_term_and_its_line():
    view = detail(with_node(WORLD, "a-router", dropped=3), "a-router")
    assert (view.title, view.word, view.tone) == ("Anna's router", "Strict", Tone.BAD)
    assert view.plain == "It takes another random public port for every destination."
    assert view.term == "Address- and port-dependent mapping, address- and port-dependent filtering"
    assert rows(view) == {
        "Address outside": "203.0.113.101",
        "Open mappings": "7",
        "Turned away": "3",
        "Jitter": "up to 2.00 ms more",
        "Outwards": "0 packets, 0 B",
        "Inwards": "0 packets, 0 B",
        "Largest packet": "1500 B",
    }
    assert (view.router, view.link, view.link_title) == (
        "a-router",
        "a-router-internet",
        "Anna's router - Internet",
    )
    assert not view.changed
    assert [knob.field for knob in view.knobs] == ["delay_s", "loss", "bandwidth_bps"]


def test_a_link_is_told_alone():
    view = detail(WORLD, "ben-b-router")
    assert (view.title, view.router, view.link_title) == ("Ben's computer - Ben's router", "", "")
    assert (view.cut, view.changed) == (True, True)
    assert rows(view)["Largest packet"] == "1280 B, larger ones vanish silently"
    assert rows(detail(WORLD, "anna-a-router"))["Bursts"] == "6 % lost"


def test_a_host_a_server_and_the_internet():
    assert rows(detail(WORLD, "anna"))["Address"] == "192.168.1.10"
    relay = detail(WORLD, "relay")
    assert (relay.word, relay.tone) == ("Does not answer", Tone.BAD)
    assert "RFC 8656" in relay.plain
    assert rows(detail(WORLD, "stun1"))["Addresses"] == "203.0.113.10\n203.0.113.11"
    internet = detail(WORLD, "internet")
    assert rows(internet) == {"Lost its way": "0"}
    assert not internet.link


def test_what_is_gone_is_nothing():
    assert detail(WORLD, "nobody") == detail(None, "anna") == DetailView()


def test_the_first_persons_router_is_selected_first():
    assert first_choice(WORLD) == "a-router"
    assert first_choice(None) == ""


def test_the_air_has_knobs_for_distance_and_loss_and_counts_what_is_sent_again():
    air = link(
        "anna", "ben", radio=True, loss=0.25, a_to_b=LinkCounters(10, 900, 3), b_to_a=LinkCounters(9, 500, 1)
    )
    world = msgspec.structs.replace(
        WORLD, links=(*(each for each in WORLD.links if each.a not in {"anna", "ben"}), air)
    )
    for selected in ("anna-ben", "anna", "ben"):
        view = detail(world, selected)
        assert [knob.field for knob in view.knobs] == ["distance_m", "loss"]
        assert rows(view)["Lost and sent again"] == "4"
        assert "by Bluetooth" in view.title + view.link_title
        assert view.link == "anna-ben"
