"""The Peers page: Snapshot -> the sentence that answers, the invitation, the calls, conversations, known peers."""

from functools import lru_cache

import msgspec

from app.presenters.guests import GuestsView, guests
from app.presenters.networks import NetworkCostView, network_cost
from app.presenters.peer_ladder import LadderView, ladder
from app.presenters.peer_talk import TRANSPORTS, TalkView, headline, talk
from app.presenters.peer_ways import ChoiceView, WayLine, choice, summary, way_lines
from app.presenters.quantity import ago, moment
from app.presenters.veil import Veil, of_report
from netstack.core.session_link import qr_rows
from netstack.model.chat import FileState
from netstack.model.peers import CallState, InvitationState, KnownPeer, MailboxesState, PeersState, Stage
from netstack.model.snapshot import Snapshot

QUESTION = "Meet somebody"
ANSWER = "One reads a code aloud, the other types it. What you say and send is sealed between the two of you."


class InviteView(msgspec.Struct, frozen=True):
    """The invitation. `parts` are the number and the words; empty while there is no code.

    `paste` is a whole invitation to give away, in place of a code.
    """

    busy: bool
    says: str
    parts: tuple[str, ...]
    code: str
    link: str
    qr: tuple[tuple[bool, ...], ...]
    left: str
    warning: str
    ways: tuple[WayLine, ...]
    paste: str = ""


class CallView(msgspec.Struct, frozen=True):
    """An attempt to reach somebody: what happens now, and by which ways. `reply` is to be carried back."""

    peer: str
    says: str
    ways: tuple[WayLine, ...]
    reply: str = ""
    qr: tuple[tuple[bool, ...], ...] = ()


class KnownView(msgspec.Struct, frozen=True):
    """A known peer: its name, when it was seen, and whether it is called or connected now."""

    peer: str
    name: str
    seen: str
    seen_exact: str
    state: str


class PeersView(msgspec.Struct, frozen=True):
    """Everything that the page shows."""

    title: str
    headline: str
    subline: str
    invite: InviteView
    joining: CallView | None
    partner: str
    partner_code: str
    choice: ChoiceView
    ways: str
    asked: bool
    mailboxes: str
    mailbox_address: str
    talks: tuple[TalkView, ...]
    known: tuple[KnownView, ...]
    undo: str
    failed: LadderView | None
    guests: GuestsView
    name: str
    hidden: bool
    open_ports: bool
    reachable: bool | None
    folder: str
    cost: NetworkCostView = NetworkCostView()


def present(snapshot: Snapshot, wall_s: float) -> PeersView:
    """The page at `wall_s` (seconds since 1970)."""
    state = snapshot.peers
    report = snapshot.nat.report
    veil = of_report(report)
    wishes = {each.peer: each.prefers for each in state.known}
    title, head, sub = _headline(snapshot, state)
    calls = {call.peer: _call(call) for call in state.calls}
    connected = {each.peer for each in state.conversations if not each.ended}
    talks = tuple(
        msgspec.structs.replace(
            talk(each, snapshot.paths, veil, wishes.get(each.peer), snapshot.networks),
            again=bool(each.ended) and each.peer in wishes and each.peer not in connected,
            calling=calls[each.peer].says if each.ended and each.peer in calls else "",
        )
        for each in state.conversations
    )
    return PeersView(
        title=title,
        headline=head,
        subline=sub,
        invite=_invite(state.invitation, state),
        joining=None if state.joining is None else _call(state.joining),
        partner=state.partner,
        partner_code=state.partner_code,
        choice=choice(state.ways, state.brokers),
        ways="" if state.partner else summary(state.ways),
        asked=bool(state.ways or state.mailboxes),
        mailboxes=_mailboxes(state.mailboxes, veil),
        mailbox_address=_mailbox_address(state.mailboxes),
        talks=talks,
        known=tuple(
            KnownView(
                each.peer,
                each.name or "Peer",
                _seen(each, wall_s),
                f"Key {each.peer}" + ("" if each.seen_at_s is None else f"\n{moment(each.seen_at_s)}"),
                calls[each.peer].says
                if each.peer in calls
                else "connected"
                if each.peer in connected
                else "",
            )
            for each in state.known
        ),
        undo=f"{state.undo} is forgotten." if state.undo else "",
        failed=_failed(state, veil),
        guests=guests(state),
        name=state.name,
        hidden=state.hidden,
        open_ports=state.open_ports,
        reachable=None if state.partner else state.reachable,
        folder=state.folder,
        cost=NetworkCostView() if state.partner else network_cost(snapshot.networks),
    )


def _mailbox_address(kept: MailboxesState | None) -> str:
    """The one that reaches farthest."""
    return "" if kept is None else kept.outside or kept.places[0]


def _mailboxes(kept: MailboxesState | None, veil: Veil) -> str:
    """Where the mailboxes are that we keep; empty while we keep none."""
    if kept is None:
        return ""
    near = f"Mailboxes are here: {veil(kept.places[0])} in this network"
    if kept.outside:
        return f"{near}, {veil(kept.outside)} from the internet."
    return f"{near}; from the internet once your router forwards TCP {kept.port} to this computer."


def _seen(known: KnownPeer, wall_s: float) -> str:
    seen = "" if known.seen_at_s is None else f"seen {ago(max(0.0, wall_s - known.seen_at_s))}"
    wish = "" if known.prefers is None else f"by {TRANSPORTS[known.prefers.value]} first"
    return ", ".join(filter(None, (seen, wish)))


def _headline(snapshot: Snapshot, state: PeersState) -> tuple[str, str, str]:
    opened = [each for each in state.conversations if not each.ended]
    if opened:
        newest = opened[-1]
        report = next((path for path in snapshot.paths if path.key == newest.path), None)
        rtt_s = report.probes.p50_s if report is not None else None
        more = f"Compare the six digits with {newest.name}"
        if newest.guest is not None:
            rtt_s = newest.guest.probes.p50_s
            more = "A guest by browser: chat, measure, and send files"
        if len(opened) > 1:
            more = f"{len(opened)} peers are connected"
        offered = next(
            (each for each in opened for f in each.files if f.state is FileState.OFFERED and not f.mine), None
        )
        title = f"Peers: {newest.name}" if offered is None else f"Peers: {offered.name} offers a file"
        return title, f"{headline(newest, rtt_s)}.", more
    if state.guest_invitation is not None and state.guest_invitation.link:
        return (
            "Peers: inviting a guest",
            "Send the link to your friend.",
            "Any browser opens it; nothing is installed.",
        )
    if state.invitation is not None and state.invitation.paste:
        return (
            "Peers: inviting",
            "Give the invitation to your friend.",
            "By any messenger, mail or stick; no server is needed. The reply connects you.",
        )
    if state.joining is not None and state.joining.reply:
        return (
            "Peers: joining",
            "Send the reply back.",
            "No server is needed; the two programs find each other.",
        )
    if state.invitation is not None and state.invitation.code and not state.ways and state.mailboxes:
        return (
            "Peers: inviting",
            "Send the link to your friend.",
            "It leads to the mailboxes here, which a code read aloud cannot. It is good once, and for ten minutes.",
        )
    if state.invitation is not None and state.invitation.code:
        return "Peers: inviting", "Read the code to your friend.", "It is good once, and for ten minutes."
    if state.joining is not None or state.calls or state.invitation is not None:
        return "Peers: meeting", "Looking for each other…", ""
    if state.conversations:
        return "Peers", state.conversations[-1].ended, "Connect again without a code, or meet somebody else."
    return "Peers", f"{QUESTION}.", ANSWER


def _invite(invitation: InvitationState | None, state: PeersState) -> InviteView:
    if invitation is None:
        return InviteView(False, "", (), "", "", (), "", "", ())
    says = {
        Stage.PREPARING: "Making a code…",
        Stage.FINDING: "Waiting until somebody types it",
        Stage.CONNECTING: "The code is right. Looking for a path…",
    }[invitation.stage]
    if invitation.stage is Stage.FINDING and state.partner:
        says = f"{state.partner} hears you and types it"
    warning = ""
    if invitation.paste:
        says = "Give this invitation to your friend, and paste the reply."
        warning = "Whoever holds it can join in your friend's place."
        if invitation.stage is Stage.CONNECTING:
            says, warning = "The reply is right. Looking for a path…", ""
    if invitation.failures:
        tries = "A wrong code was" if invitation.failures == 1 else f"{invitation.failures} wrong codes were"
        warning = f"{tries} tried. After three the invitation ends."
    return InviteView(
        busy=True,
        says=says,
        parts=tuple(invitation.code.split("-")) if invitation.code else (),
        code=invitation.code,
        link=invitation.link,
        qr=_qr(invitation.link or invitation.paste) if invitation.link or invitation.paste else (),
        left=f"{invitation.left_s // 60}:{invitation.left_s % 60:02d}",
        warning=warning,
        paste=invitation.paste,
        ways=way_lines(invitation.ways),
    )


@lru_cache(maxsize=1)
def _qr(link: str) -> tuple[tuple[bool, ...], ...]:
    return qr_rows(link)


@lru_cache(maxsize=1)
def _reply_qr(reply: str) -> tuple[tuple[bool, ...], ...]:
    return qr_rows(reply)


def _call(call: CallState) -> CallView:
    who = call.name or "the other side"
    if call.reply:
        says = "Send this reply back. You are connected as soon as it was pasted there."
        return CallView(call.peer, says, way_lines(call.ways), call.reply, _reply_qr(call.reply))
    if call.stage is Stage.CONNECTING:
        says = "The code is right. Looking for a path…" if not call.peer else "Found. Looking for a path…"
    elif call.peer:
        says = f"Calling; {who} must have the window open"
    else:
        says = "Looking for whoever made the code…"
    return CallView(call.peer, says, way_lines(call.ways))


def _failed(state: PeersState, veil: Veil) -> LadderView | None:
    """Also without a single pair: a verdict says why."""
    if not state.failed_stories and state.failed_verdict is None:
        return None
    return ladder(
        "",
        state.failed_stories,
        veil,
        verdict=state.failed_verdict,
        theirs=state.failed_their_stories,
    )
