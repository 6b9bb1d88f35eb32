from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.config import load_config
from netstack.core.rendezvous_uri import RendezvousUri, parse_rendezvous
from netstack.core.session_code import SessionCode
from netstack.core.session_link import MAX_LINK, SessionLink, parse_session_link, qr_rows
from netstack.model.meeting import MeetingError, Way

CODE = SessionCode("482915", ("amber", "walnut", "kayak"))
LINK = "peerscope:join?code=482915-amber-walnut-kayak"


def test_a_link_reads_as_written():
    link = SessionLink(CODE, (parse_rendezvous("wss://meet.example"), parse_rendezvous("lan")), "udp")
    assert str(link) == LINK + "&via=wss://meet.example:443&via=lan&transport=udp"
    assert parse_session_link(str(link)) == link
    assert parse_session_link(LINK) == SessionLink(CODE)


def test_a_link_that_would_be_refused_is_not_written():
    far = parse_rendezvous("ws://" + "a" * 60 + "." + "b" * 60 + "." + "c" * 60)
    with pytest.raises(MeetingError, match="512"):
        str(SessionLink(CODE, (far,) * 3))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "peerscope:",
        "peerscope:join?",
        "peerscope:join?via=lan",
        "PEERSCOPE:join?code=482915-amber-walnut-kayak",
        "http://join?code=482915-amber-walnut-kayak",
        LINK + "&code=482915-amber-walnut-kayak",
        LINK + "&run=calc",
        LINK + "&via=file:///etc/passwd",
        LINK + "&via=ws://user@evil.example",
        LINK + "&via=lan" * 5,
        LINK + "&transport=smoke",
        LINK + "&transport=udp&transport=udp",
        LINK + "&",
        LINK + "#x",
        LINK + " ",
        LINK + "\u202e",
        LINK.replace("amber", "AMBER"),
        LINK.replace("amber", "%61mber"),
        LINK + "&via=ws://" + "a" * 600,
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(MeetingError):
        parse_session_link(text)


@given(st.text(max_size=60).map(lambda tail: LINK + tail) | st.text(max_size=100))
def test_any_text_is_a_link_or_a_meeting_error(text):
    with suppress(MeetingError):
        assert len(str(parse_session_link(text))) <= MAX_LINK


@pytest.mark.parametrize(
    ("text", "uri", "shown"),
    [
        ("lan", RendezvousUri(Way.LAN), "lan"),
        ("lan://192.0.2.7", RendezvousUri(Way.LAN, "192.0.2.7", 21_117), "lan://192.0.2.7:21117"),
        ("paste", RendezvousUri(Way.PASTE), "paste"),
        (
            "ws://192.0.2.7:8080/meet",
            RendezvousUri(Way.WEBSOCKET, "192.0.2.7", 8080, path="/meet"),
            "ws://192.0.2.7:8080/meet",
        ),
        (
            "mqtts://broker.example",
            RendezvousUri(Way.MQTT, "broker.example", 8883, tls=True),
            "mqtts://broker.example:8883",
        ),
        ("ws://[2001:db8::1]:9", RendezvousUri(Way.WEBSOCKET, "2001:db8::1", 9), "ws://[2001:db8::1]:9"),
    ],
)
def test_ways_to_meet(text, uri, shown):
    assert parse_rendezvous(text) == uri
    assert str(uri) == shown
    assert parse_rendezvous(shown) == uri


@pytest.mark.parametrize(
    "text",
    [
        *("", "ftp://x", "ws://", "ws://a b", "ws://x:0", "ws://x:99999", "ws://x?q", "ws://x#f", "ws://u@x"),
        *("mqtt://x/topic/#", "ws://x/../etc", "ws://-x", "ws://x..y", "ws://[::1", "lan:x", "ws://x/a%20b"),
    ],
)
def test_what_is_no_way_is_refused(text):
    if text == "ws://x/../etc":  # no path of a file, only of a URL: dots are as good as letters
        assert parse_rendezvous(text).path == "/../etc"
        return
    with pytest.raises(MeetingError):
        parse_rendezvous(text)


def test_the_brokers_that_are_offered_are_spoken_to_over_tls():
    offered = [parse_rendezvous(broker) for broker in load_config().brokers]
    assert len({broker.host for broker in offered}) >= 2
    assert all(broker.way is Way.MQTT and broker.tls for broker in offered)


def test_the_picture_holds_the_text_within_a_quiet_zone():
    rows = qr_rows(LINK)
    assert len({len(row) for row in rows} | {len(rows)}) == 1
    assert not any(any(row) for row in (*rows[:4], *rows[-4:]))
    assert rows[4][4:11] == (True,) * 7  # a finder pattern
    with pytest.raises(MeetingError):
        qr_rows("x" * 3000)
