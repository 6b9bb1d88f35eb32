"""A conversation in words: marks, sizes, files."""

import pytest

from app.presenters.peer_talk import FileView, LineView, headline, size, talk
from app.presenters.quantity import moment
from app.presenters.tone import Tone
from app.presenters.veil import Veil
from netstack.model.chat import ChatLine, FileReport, FileState, LineKind, Mark
from netstack.model.path import PathReport, PathState, ProbeSummary
from netstack.model.peers import Conversation

THIN = "\u202f"
PATH = PathReport(
    key="1/0",
    peer="Ana",
    transport="udp",
    remote="203.0.113.7:4000",
    state=PathState.UP,
    probes=ProbeSummary(n=10, p50_s=0.023, sent=10, answered=9, lost_out=1),
)


def conversation(**changes: object) -> Conversation:
    values: dict[str, object] = {
        "number": 1,
        "peer": "0123 4567 89ab cdef",
        "name": "Ana",
        "transport": "udp",
        "kind": "direct",
        "remote": "203.0.113.7:4000",
        "path": "1/0",
        "digits": "482193",
        "connect_s": 0.25,
        "since_s": 0.0,
    }
    return Conversation(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "rtt_s", "words"),
    [
        ({}, 0.023, f"You ↔ Ana: direct (UDP), 23.0{THIN}ms"),
        ({}, None, "You ↔ Ana: direct (UDP)"),
        ({"kind": "relay", "transport": "turn"}, 0.1, f"You ↔ Ana: by a relay (TURN), 100{THIN}ms"),
        ({"kind": "relay"}, None, "You ↔ Ana: by Ana's relay (UDP)"),
        ({"kind": "local"}, None, "You ↔ Ana: direct in this network (UDP)"),
        ({"ended": "Ana has left."}, 0.023, "Ana has left."),
    ],
)
def test_the_headline(changes: dict[str, object], rtt_s: float | None, words: str) -> None:
    assert headline(conversation(**changes), rtt_s) == words


def test_the_whole() -> None:
    view = talk(conversation(), (PATH,), Veil(()))
    assert view.path == f"Connected in 250{THIN}ms, 10.0{THIN}% lost, to 203.0.113.7:4000"
    assert (view.digits, view.color, view.way) == ("482 193", "udp", "Ana, direct (UDP)")
    gone = talk(conversation(ended="Ana has left."), (), Veil(["203.0.113.7"]))
    assert gone.color == "muted"
    assert "203.0.113.7" not in gone.path


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (999_900, "1.00 MB"), (1_234_567_890, "1.23 GB")],
)
def test_sizes(count: int, words: str) -> None:
    assert size(count) == words.replace(" ", THIN)


def line(**changes: object) -> ChatLine:
    values: dict[str, object] = {
        "number": 3,
        "at_s": 0.0,
        "kind": LineKind.TEXT,
        "mine": True,
        "text": "hello",
        "mark": Mark.WAITING,
        "transport": "udp",
    }
    return ChatLine(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "side", "text", "mark", "tone"),
    [
        (line(), "mine", "hello", "on its way…", Tone.UNKNOWN),
        (
            line(mark=Mark.DELIVERED, took_s=0.023, packets=1),
            "mine",
            "hello",
            f"delivered in 23.0{THIN}ms by UDP, 1 packet",
            Tone.GOOD,
        ),
        (line(mark=Mark.LOST), "mine", "hello", "not delivered: the connection ended first", Tone.BAD),
        (line(mine=False, mark=Mark.RECEIVED), "theirs", "hello", "by UDP", Tone.PLAIN),
        (line(kind=LineKind.NOTE, mark=Mark.RECEIVED), "note", "hello", "", Tone.PLAIN),
        (
            line(kind=LineKind.PAYLOAD, text="random", size_bytes=64_000, mark=Mark.SENT),
            "mine",
            f"64.0{THIN}kB of data (random)",
            "sent by UDP; nobody confirms this kind",
            Tone.UNKNOWN,
        ),
        (
            line(
                kind=LineKind.PAYLOAD, text="zeros", size_bytes=10, mark=Mark.RETURNED, took_s=1.5, packets=47
            ),
            "mine",
            f"10{THIN}B of data (zeros)",
            f"came back whole in 1.50{THIN}s by UDP, 47 packets",
            Tone.GOOD,
        ),
        (
            line(
                kind=LineKind.PAYLOAD, mine=False, text="", size_bytes=10, moved_bytes=4, mark=Mark.RECEIVED
            ),
            "theirs",
            f"10{THIN}B of data",
            f"4{THIN}B so far",
            Tone.PLAIN,
        ),
    ],
)
def test_lines(said: ChatLine, side: str, text: str, mark: str, tone: Tone) -> None:
    view = talk(conversation(lines=(said,)), (), Veil(()))
    assert view.lines == (LineView(3, side, text, mark, tone, moment(0.0)),)


def file(**changes: object) -> FileReport:
    values: dict[str, object] = {
        "number": 2,
        "name": "a.pdf",
        "size_bytes": 2_000_000,
        "mine": True,
        "state": FileState.MOVING,
        "moved_bytes": 500_000,
    }
    return FileReport(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("report", "view"),
    [
        (
            file(rate=100_000.0),
            FileView(
                2,
                "a.pdf",
                f"500{THIN}kB of 2.00{THIN}MB, 100{THIN}kB/s, 15{THIN}s left",
                Tone.UNKNOWN,
                0.25,
                can_pause=True,
                can_cancel=True,
            ),
        ),
        (
            file(state=FileState.OFFERED, mine=False),
            FileView(2, "a.pdf", f"Ana wants to send it: 2.00{THIN}MB", Tone.UNKNOWN, None, asks=True),
        ),
        (
            file(state=FileState.OFFERED),
            FileView(
                2, "a.pdf", f"2.00{THIN}MB; waiting until Ana takes it", Tone.UNKNOWN, None, can_cancel=True
            ),
        ),
        (
            file(state=FileState.PAUSED),
            FileView(
                2,
                "a.pdf",
                f"500{THIN}kB of 2.00{THIN}MB; paused",
                Tone.UNKNOWN,
                0.25,
                can_resume=True,
                can_cancel=True,
            ),
        ),
        (
            file(state=FileState.PAUSED, paused_by_peer=True),
            FileView(
                2,
                "a.pdf",
                f"500{THIN}kB of 2.00{THIN}MB; Ana has paused it",
                Tone.UNKNOWN,
                0.25,
                can_cancel=True,
            ),
        ),
        (
            file(state=FileState.CHECKING, size_bytes=0, moved_bytes=0),
            FileView(2, "a.pdf", "reading it first, for its SHA-256", Tone.UNKNOWN, None, can_cancel=True),
        ),
        (
            file(state=FileState.DONE, place="/x/a.pdf"),
            FileView(
                2, "a.pdf", f"2.00{THIN}MB, arrived whole at Ana (SHA-256)", Tone.GOOD, None, place="/x/a.pdf"
            ),
        ),
        (
            file(state=FileState.FAILED, failure="There is no space left."),
            FileView(2, "a.pdf", "There is no space left.", Tone.BAD, None),
        ),
        (
            file(state=FileState.INTERRUPTED, failure="It was cut."),
            FileView(2, "a.pdf", f"500{THIN}kB of 2.00{THIN}MB. It was cut.", Tone.WARN, 0.25),
        ),
    ],
)
def test_files(report: FileReport, view: FileView) -> None:
    assert talk(conversation(files=(report,)), (), Veil(())).files == (view,)
