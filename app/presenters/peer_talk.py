"""A conversation: its headline, its lines with delivery marks, its files."""

import msgspec

from app.presenters.guests import told_by
from app.presenters.peer_ladder import LadderView, ladder
from app.presenters.peer_load import LoadQuestionView, load_question
from app.presenters.quantity import THIN, digits, duration, moment, size
from app.presenters.tone import Tone
from app.presenters.veil import Veil
from netstack.model.chat import ChatLine, FileReport, FileState, LineKind, Mark
from netstack.model.network_cost import NetworkCost
from netstack.model.path import PathReport, ProbeSummary
from netstack.model.peers import Conversation
from netstack.model.session import TransportKind

TRANSPORTS = {"udp": "UDP", "tcp": "TCP", "turn": "TURN", "ble": "Bluetooth LE", "webrtc": "WebRTC"}


PREFERENCES = (("", "The best"), *TRANSPORTS.items())
"""What a user may prefer for a peer, and its words."""


class LineView(msgspec.Struct, frozen=True):
    """One line: whose, the words, and the mark beneath. `tone` colours the mark; `exact` is for the hover."""

    number: int
    side: str
    text: str
    mark: str
    tone: Tone
    exact: str


class FileView(msgspec.Struct, frozen=True):
    """One file. `share` is None where there is no bar; the rest says which buttons it has."""

    number: int
    name: str
    what: str
    tone: Tone
    share: float | None
    asks: bool = False
    can_pause: bool = False
    can_resume: bool = False
    can_cancel: bool = False
    place: str = ""


class TalkView(msgspec.Struct, frozen=True):
    """Everything of one conversation. `color` is the transport's, or muted once it is over.

    `peer` is the known peer's id, empty for a guest, who has one way only. `prefers` is one of PREFERENCES, `prefers_hint` says what
    has become of it. Once it is over, `again` says that the peer can be called, `calling` how that goes.
    """

    number: int
    name: str
    headline: str
    way: str
    path: str
    color: str
    digits: str
    ended: str
    lines: tuple[LineView, ...]
    files: tuple[FileView, ...]
    ladder: LadderView
    sure: str = ""
    load: LoadQuestionView | None = None
    peer: str = ""
    prefers: str = ""
    prefers_hint: str = ""
    again: bool = False
    calling: str = ""


def talk(
    conversation: Conversation,
    paths: tuple[PathReport, ...],
    veil: Veil,
    prefers: TransportKind | None = None,
    networks: tuple[NetworkCost, ...] = (),
) -> TalkView:
    """The whole conversation, as it stands. `prefers` is the user's choice for this peer."""
    report = next((path for path in paths if path.key == conversation.path), None)
    guest = conversation.guest
    probes = guest.probes if guest is not None else report.probes if report is not None else None
    rtt_s = probes.p50_s if probes is not None else None
    over = bool(conversation.ended)
    return TalkView(
        number=conversation.number,
        name=conversation.name,
        headline=headline(conversation, rtt_s),
        way=_way(conversation),
        path=_path(conversation, probes, veil),
        color="muted" if over else conversation.transport,
        digits=" ".join((conversation.digits[:3], conversation.digits[3:])).strip(),
        ended=conversation.ended,
        lines=tuple(map(_line, conversation.lines)),
        files=tuple(_file(each, conversation.name) for each in conversation.files),
        ladder=ladder(
            conversation.kind,
            conversation.stories,
            veil,
            used=conversation.remote,
            verdict=conversation.verdict,
            theirs=conversation.their_stories,
            name=conversation.name,
        ),
        sure=told_by(guest)
        if guest is not None
        else f"{conversation.name} must see the same six digits; read them to each other.",
        load=load_question(conversation, networks),
        peer="" if guest is not None else conversation.peer,
        prefers="" if prefers is None else prefers.value,
        prefers_hint=_preference(conversation, paths, prefers),
    )


def _preference(
    conversation: Conversation, paths: tuple[PathReport, ...], prefers: TransportKind | None
) -> str:
    """What has become of the user's choice."""
    if prefers is None:
        return "Whatever is measured to be better carries it; Metrics says why."
    word = TRANSPORTS[prefers.value]
    number = conversation.path.partition("/")[0]
    theirs = [each for each in paths if each.key.partition("/")[0] == number and each.transport == prefers]
    if conversation.ended:
        return f"{word} first, next time too."
    if not theirs:
        return f"{word} first, where it is open. It is not now; others carry it meanwhile."
    return f"{word} first for what you send, while at most 5{THIN}% is lost. {conversation.name} chooses for the other way."


def talk_text(view: TalkView) -> str:
    """The conversation for the clipboard, a line each."""
    who = {"mine": "You: ", "theirs": f"{view.name}: ", "note": ""}
    lines = [f"{who[line.side]}{line.text}" + (f" ({line.mark})" if line.mark else "") for line in view.lines]
    return "\n".join((view.headline, *lines))


def headline(conversation: Conversation, rtt_s: float | None) -> str:
    """`You ↔ Ana: direct (UDP), 23.0 ms`."""
    if conversation.ended:
        return conversation.ended
    if conversation.guest is not None and conversation.guest.silent:
        return f"{conversation.name} does not answer…"
    if conversation.looking:
        return f"{conversation.name} has fallen silent; looking for another way…"
    rtt = f", {duration(rtt_s)}" if rtt_s is not None else ""
    return f"You ↔ {conversation.name}: {_kind(conversation)}{rtt}"


def _kind(conversation: Conversation) -> str:
    whose = "a" if conversation.transport == TransportKind.TURN else f"{conversation.name}'s"
    words = {"local": "direct in this network", "relay": f"by {whose} relay"}
    transport = TRANSPORTS.get(conversation.transport, conversation.transport)
    return f"{words.get(conversation.kind, conversation.kind)} ({transport})"


def _way(conversation: Conversation) -> str:
    guest = "" if conversation.guest is None else ", guest"
    return f"{conversation.name}{guest}, {_kind(conversation)}"


def _path(conversation: Conversation, probes: ProbeSummary | None, veil: Veil) -> str:
    parts = [f"Connected in {duration(conversation.connect_s)}"]
    if probes is not None and probes.sent:
        lost = (probes.loss_out or 0.0) + (probes.loss_back or 0.0)
        parts.append(f"{digits(lost * 100)}{THIN}% lost" if lost else "nothing lost")
    if conversation.remote:
        parts.append(f"to {veil(conversation.remote)}")
    return ", ".join(parts)


def _line(line: ChatLine) -> LineView:
    if line.kind is LineKind.NOTE:
        return LineView(line.number, "note", line.text, "", Tone.PLAIN, moment(line.at_s))
    text = line.text
    if line.kind is LineKind.PAYLOAD:
        what = f" ({line.text})" if line.mine and line.text else ""
        text = f"{size(line.size_bytes)} of data{what}"
    tone, mark = _mark(line)
    return LineView(line.number, "mine" if line.mine else "theirs", text, mark, tone, moment(line.at_s))


def _mark(line: ChatLine) -> tuple[Tone, str]:
    via = f" by {TRANSPORTS.get(line.transport, line.transport)}" if line.transport else ""
    packets = "" if line.packets is None else f", {line.packets} packet{'s' * (line.packets != 1)}"
    took = "" if line.took_s is None else f" in {duration(line.took_s)}"
    match line.mark:
        case Mark.WAITING:
            return Tone.UNKNOWN, "on its way…"
        case Mark.SENT:
            return Tone.UNKNOWN, f"sent{via}; nobody confirms this kind"
        case Mark.DELIVERED:
            back = f"; {size(line.moved_bytes)} came back so far" if line.moved_bytes else ""
            return Tone.GOOD, f"delivered{took}{via}{packets}{back}"
        case Mark.RETURNED:
            return Tone.GOOD, f"came back whole{took}{via}{packets}"
        case Mark.LOST:
            return Tone.BAD, "not delivered: the connection ended first"
        case Mark.RECEIVED:
            partly = line.kind is LineKind.PAYLOAD and line.moved_bytes < line.size_bytes
            return Tone.PLAIN, f"{size(line.moved_bytes)} so far" if partly else via.strip()


def _file(report: FileReport, name: str) -> FileView:
    whole, done = (
        size(report.size_bytes),
        report.moved_bytes / report.size_bytes if report.size_bytes else 0.0,
    )
    tone, share = Tone.UNKNOWN, None
    match report.state:
        case FileState.OFFERED if not report.mine:
            return FileView(
                report.number, report.name, f"{name} wants to send it: {whole}", tone, None, asks=True
            )
        case FileState.OFFERED:
            what = f"{whole}; waiting until {name} takes it"
        case FileState.MOVING:
            rate = f", {size(round(report.rate))}/s" if report.rate else ""
            left = ""
            if report.rate:
                left = f", {_rest((report.size_bytes - report.moved_bytes) / report.rate)} left"
            what, share = f"{size(report.moved_bytes)} of {whole}{rate}{left}", done
        case FileState.PAUSED:
            who = f"{name} has paused it" if report.paused_by_peer else "paused"
            what, share = f"{size(report.moved_bytes)} of {whole}; {who}", done
        case FileState.CHECKING:
            fresh = report.mine and not report.size_bytes
            what = "reading it first, for its SHA-256" if fresh else f"{whole}; comparing the SHA-256"
            share = None if fresh else 1.0
        case FileState.DONE:
            where = f" at {name}" if report.mine else ""
            what, tone = f"{whole}, arrived whole{where} (SHA-256)", Tone.GOOD
        case FileState.INTERRUPTED:
            what, tone, share = f"{size(report.moved_bytes)} of {whole}. {report.failure}", Tone.WARN, done
        case FileState.FAILED:
            what, tone = report.failure, Tone.BAD
    moving = report.state in {FileState.MOVING, FileState.PAUSED}
    paused = report.state is FileState.PAUSED
    return FileView(
        report.number,
        report.name,
        what,
        tone,
        share,
        can_pause=report.state is FileState.MOVING,
        can_resume=paused and not report.paused_by_peer,
        can_cancel=moving or report.state in {FileState.OFFERED, FileState.CHECKING},
        place=report.place,
    )


def _rest(seconds: float) -> str:
    """Coarse, so that it does not flicker."""
    if seconds < 60:
        return f"{max(1, round(seconds))}{THIN}s"
    minutes = round(seconds / 60)
    return f"{minutes}{THIN}min" if minutes < 120 else f"{round(minutes / 60)}{THIN}h"
