"""The Peers page: exact words for every state."""

import msgspec

from app.presenters.peer_ways import WayLine
from app.presenters.peers import ANSWER, CallView, KnownView, present
from app.presenters.quantity import moment
from app.presenters.tone import Tone
from netstack.core.session_link import qr_rows
from netstack.model.candidate import CandidateKind, PairState, PairStory
from netstack.model.meeting import Way, WayHealth, WayState
from netstack.model.path import PathReport, PathState, ProbeSummary
from netstack.model.peers import (
    CallState,
    Conversation,
    InvitationState,
    KnownPeer,
    MailboxesState,
    PeersState,
    Stage,
)
from netstack.model.snapshot import Snapshot

CODE = "482915-amber-walnut-kayak"
LINK = f"peerscope:join?code={CODE}"
LAN = WayHealth(Way.LAN, "lan", WayState.READY, "ready")
TALK = Conversation(
    number=1,
    peer="0123 4567 89ab cdef",
    name="Ana",
    transport="udp",
    kind="direct",
    remote="203.0.113.7:4000",
    path="1/0",
    digits="482193",
    connect_s=0.25,
    since_s=0.0,
)


def view(**state: object):
    return present(Snapshot(peers=PeersState(**state)), 1000.0)  # type: ignore[arg-type]


def test_nothing_yet() -> None:
    shown = view(brokers=("mqtts://broker.example",))
    assert (shown.title, shown.headline, shown.subline) == ("Peers", "Meet somebody.", ANSWER)
    assert not shown.asked
    assert not shown.invite.busy
    assert shown.failed is None


def test_an_open_invitation() -> None:
    invitation = InvitationState(Stage.FINDING, CODE, LINK, 65, 1, (LAN,))
    shown = view(ways=("lan",), invitation=invitation)
    assert shown.headline == "Read the code to your friend."
    assert shown.invite.parts == ("482915", "amber", "walnut", "kayak")
    assert shown.invite.left == "1:05"
    assert shown.invite.qr == qr_rows(LINK)
    assert shown.invite.warning == "A wrong code was tried. After three the invitation ends."
    assert shown.invite.ways == (WayLine(Tone.GOOD, "This network", "waiting there"),)
    lab = view(ways=("lab",), invitation=invitation, partner="Ben")
    assert lab.invite.says == "Ben hears you and types it"
    agreed = view(ways=("lan",), invitation=InvitationState(Stage.CONNECTING))
    assert (agreed.headline, agreed.invite.says) == (
        "Looking for each other…",
        "The code is right. Looking for a path…",
    )


def test_our_own_mailboxes() -> None:
    kept = MailboxesState(21_080, ("ws://192.168.1.5:21080",))
    shown = view(mailboxes=kept)
    assert shown.asked  # no other way need be chosen
    assert shown.mailboxes.startswith(
        "Mailboxes are here: ws://192.168.1.5:21080 in this network; from the internet once"
    )
    assert shown.mailbox_address == "ws://192.168.1.5:21080"
    outside = view(mailboxes=msgspec.structs.replace(kept, outside="ws://203.0.113.7:21080"))
    assert outside.mailboxes.endswith("ws://203.0.113.7:21080 from the internet.")
    assert outside.mailbox_address == "ws://203.0.113.7:21080"
    assert (view().mailboxes, view().mailbox_address) == ("", "")
    ours = WayHealth(Way.WEBSOCKET, "ws://127.0.0.1:21080", WayState.READY, "ready")
    inviting = view(mailboxes=kept, invitation=InvitationState(Stage.FINDING, CODE, LINK, 65, 0, (ours,)))
    assert inviting.headline == "Send the link to your friend."
    assert inviting.invite.ways[0].name == "The mailboxes here"


def test_joining_and_calling() -> None:
    shown = view(ways=("lan",), joining=CallState(ways=(LAN,)))
    assert shown.joining == CallView("", "Looking for whoever made the code…", shown.joining.ways)
    known = (KnownPeer("ab", "Ana", 700.0), KnownPeer("cd", ""))
    shown = view(ways=("lan",), calls=(CallState("ab", "Ana"),), known=known)
    assert shown.known == (
        KnownView(
            "ab",
            "Ana",
            "seen 5\u202fmin ago",
            f"Key ab\n{moment(700.0)}",
            "Calling; Ana must have the window open",
        ),
        KnownView("cd", "Peer", "", "Key cd", ""),
    )
    shown = view(undo="Ana")
    assert shown.undo == "Ana is forgotten."


def test_connected() -> None:
    path = PathReport(
        key="1/0",
        peer="Ana",
        transport="udp",
        remote="203.0.113.7:4000",
        state=PathState.UP,
        probes=ProbeSummary(p50_s=0.023),
    )
    snapshot = Snapshot(
        paths=(path,), peers=PeersState(conversations=(TALK,), known=(KnownPeer(TALK.peer, "Ana"),))
    )
    shown = present(snapshot, 0.0)
    assert shown.headline == "You ↔ Ana: direct (UDP), 23.0\u202fms."
    assert shown.title == "Peers: Ana"
    assert shown.known[0].state == "connected"
    two = msgspec.structs.replace(TALK, number=2, name="Ben", path="2/0")
    assert view(conversations=(TALK, two)).subline == "2 peers are connected"
    left = msgspec.structs.replace(TALK, ended="Ana has left.")
    assert view(conversations=(left,)).headline == "Ana has left."


def test_once_it_is_over_one_click_meets_again() -> None:
    over = msgspec.structs.replace(TALK, ended="Ana has left.")
    known = (KnownPeer(TALK.peer, "Ana"),)
    shown = view(conversations=(over,), known=known)
    assert (shown.headline, shown.talks[0].again, shown.talks[0].calling) == ("Ana has left.", True, "")
    call = CallState(TALK.peer, name="Ana", stage=Stage.FINDING)
    assert view(conversations=(over,), known=known, calls=(call,)).talks[0].calling.startswith("Calling")
    anew = msgspec.structs.replace(TALK, number=2)
    for state in ({"conversations": (over, anew), "known": known}, {"conversations": (over,)}):
        assert not view(**state).talks[0].again  # connected already, or forgotten


def test_an_attempt_that_found_no_path() -> None:
    story = PairStory(CandidateKind.REFLEXIVE, "203.0.113.7:1", PairState.NO_REPLY, 4, False, None, False)
    shown = view(failed_stories=(story,))
    assert shown.failed is not None
    assert shown.failed.title == "Why was no way found?"
    assert len(shown.failed.rungs) == 1
