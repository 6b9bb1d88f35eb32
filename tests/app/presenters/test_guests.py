import msgspec

from app.presenters.guests import ENCRYPTED, PLAIN, guests, told_by
from app.presenters.peer_talk import talk
from app.presenters.tone import Tone
from app.presenters.veil import of_report
from netstack.model.guest import GuestInvitation, GuestState
from netstack.model.path import ProbeSummary
from netstack.model.peers import Conversation, PeersState

LINK = "http://192.0.2.7:21118/guest#" + "A" * 64
BEN = Conversation(
    number=3,
    peer="x",
    name="Ben",
    transport="webrtc",
    kind="local",
    remote="192.168.1.9:50000",
    path="",
    digits="",
    connect_s=0.21,
    since_s=0.0,
    guest=GuestState("Firefox 150", "host", "host", "udp", 0.0012, ProbeSummary(n=9, p50_s=0.0013)),
)


def test_the_link_is_shown_without_its_secret_and_copied_whole() -> None:
    view = guests(PeersState(guest_invitation=GuestInvitation(LINK, left_s=125)))
    assert (view.shown, view.link, view.left) == ("http://192.0.2.7:21118/guest#…", LINK, "2:05")
    assert "A" * 64 not in view.shown
    assert len(view.qr) > 40


def test_how_far_the_page_is_to_be_trusted_is_said() -> None:
    assert guests(PeersState(guest_invitation=GuestInvitation(LINK))).trust == PLAIN
    safe = GuestInvitation("https://meet.example/guest#x", encrypted=True)
    assert guests(PeersState(guest_invitation=safe)).trust == ENCRYPTED.replace("HOST", "meet.example")


def test_who_came_without_the_secret_is_told() -> None:
    assert guests(PeersState(guest_invitation=GuestInvitation(LINK))).warning == ""
    assert "was refused" in guests(PeersState(guest_invitation=GuestInvitation(LINK, refused=2))).warning


def test_servers_that_serve_the_page_may_be_chosen() -> None:
    view = guests(PeersState(ways=("lan", "wss://meet.example:443", "mqtt://broker.example")))
    assert view.places == (("On this network", ""), ("Through meet.example", "wss://meet.example:443"))


def test_no_guest_comes_into_the_lab_or_to_who_hides() -> None:
    assert guests(PeersState()).possible
    assert not guests(PeersState(partner="Ben")).possible
    assert not guests(PeersState(hidden=True)).possible


def test_guests_are_listed_while_they_are_here() -> None:
    (line,) = guests(PeersState(conversations=(BEN,))).guests
    assert (line.text, line.tone) == ("Ben, Firefox 150, direct in this network, 1.30\u202fms", Tone.GOOD)
    silent = msgspec.structs.replace(BEN, guest=GuestState(silent=True))
    assert guests(PeersState(conversations=(silent,))).guests[0].tone is Tone.WARN


def test_a_guest_has_no_digits_but_says_what_it_is() -> None:
    view = talk(BEN, (), of_report(None))
    assert view.digits == ""
    assert view.sure == told_by(BEN.guest or GuestState())
    assert view.headline == "You ↔ Ben: direct in this network (WebRTC), 1.30\u202fms"
    assert "guest" in view.way
