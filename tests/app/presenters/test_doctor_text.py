"""The doctor's report as text."""

import msgspec

from app.presenters.doctor_text import doctor_text
from app.presenters.veil import Veil
from tests.app.presenters.test_check import ILL, SEGMENTS, WELL_REPORT


def test_everything_is_told_in_plain_lines() -> None:
    report = msgspec.structs.replace(ILL, network="cgnat", unknown=("clock.wrong",), segments=SEGMENTS)
    assert doctor_text(report, Veil(("203.0.113.7",))).split("\n") == [
        'This is the lab, scenario "cgnat", not your own network.',
        "The router is strict. This is the router's side. (and 1 more)",
        "",
        "Problem: The router is strict.",
        "  Whose side: the router",
        "  Seen: mapping: address-dependent",
        "  Seen: servers see (hidden)",
        "  To do: Turn on UPnP.",
        "  Windows: one",
        "  Windows: two",
        "  Linux: three",
        "  FRITZ!Box: four",
        "",
        "Problem: Slow.",
        "  Whose side: the provider",
        "  Seen: 600 ms",
        "  To do: Ask.",
        "",
        "Hint: No loopback.",
        "  Whose side: the router",
        "  Seen: nothing came",
        "  To do: Use local addresses.",
        "",
        "ok Network: eth0 (cable, MTU 1500)",
        "ok NAT: Moderate, port-restricted cone",
        "ok Outside address: (hidden)",
        "ok Latency: 33.7 ms, jitter 2.1 ms",
        "ok Loss: 0 %, none of 200",
        "?? Packet size: not measured",
        "",
        "Where is it bad?",
        "  Router: 2.00\N{NARROW NO-BREAK SPACE}ms",
        "  Public hop: 30.0\N{NARROW NO-BREAK SPACE}ms, 7/10 back",
        "  Server: 40.0\N{NARROW NO-BREAK SPACE}ms, 150/200 back",
        (
            "  Nowhere. There and back, n = 10, 10, 200. "
            "A station that answers late or not at all proves nothing by itself."
        ),
        "",
        "Not measured: clock.wrong",
    ]


def test_without_a_ladder_there_is_no_word_of_it() -> None:
    assert "Where" not in doctor_text(WELL_REPORT)
    assert doctor_text(WELL_REPORT).startswith("Nothing is wrong on your side.\n\nok Network")
