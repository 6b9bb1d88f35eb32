"""My game's port as rows."""

from app.presenters.check_ports import port_rows
from app.presenters.tone import Tone
from netstack.model.doctor import PortReport


def test_a_port_has_three_rows_and_only_what_is_known_has_a_colour() -> None:
    rows = port_rows((PortReport("udp/7777", "", True, "a program has it", False, "another computer"),))
    assert [(row.title, row.tone, row.text) for row in rows] == [
        ("udp/7777 here", Tone.GOOD, "a program has it"),
        ("udp/7777 router", Tone.WARN, "another computer"),
        ("udp/7777 outside", Tone.UNKNOWN, "not measured: nobody outside has knocked"),
    ]
    assert all(row.hint for row in rows)
    assert port_rows(()) == ()
