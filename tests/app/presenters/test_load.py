"""Under load in words: what goes on, what came out, what it means."""

import msgspec

from app.presenters.load import present_load
from app.presenters.tone import Tone
from netstack.model.guest import GuestState
from netstack.model.load import LoadPhase, LoadReport, LoadStage, LoadState, RoundTrips
from netstack.model.peers import Conversation, PeersState

TALK = Conversation(
    number=3, peer="k", name="Ben", transport="udp", kind="direct", remote="203.0.113.9:1", path="3/0",
    digits="123456", connect_s=0.1, since_s=0.0,
)  # fmt: skip


NOTHING = LoadState()


def state(load: LoadState = NOTHING, **changes: object) -> PeersState:
    return PeersState(conversations=(msgspec.structs.replace(TALK, load=load, **changes),))


def phase(p50_s: float, moved: int = 1 << 20, rpm: float | None = 500.0) -> LoadPhase:
    return LoadPhase(
        seconds=5.0,
        bytes=moved,
        goodput=moved / 5 if moved else None,
        stable=True,
        path=RoundTrips(n=20, p50_s=p50_s, p99_s=p50_s * 2, mean_s=p50_s, worst_s=p50_s * 3),
        messages=50,
        lost=1,
        rpm=rpm,
    )


def report(rest_s: float, up_s: float, down_s: float) -> LoadReport:
    return LoadReport(
        at_s=0.0, peer="Ben", transport="udp", idle=phase(rest_s, 0), up=phase(up_s), down=phase(down_s)
    )


def test_without_a_peer_it_says_how_to_get_one() -> None:
    view = present_load(PeersState())
    assert view.number is None
    assert "Peers page" in view.sentence
    assert present_load(state(ended="Ben has left.")).number is None
    assert present_load(state(guest=GuestState())).number is None  # a browser loads no lines


def test_before_during_and_after() -> None:
    before = present_load(state())
    assert (before.number, before.tone, before.running) == (3, Tone.UNKNOWN, False)
    assert "64\u202fMB" in before.ask
    assert "Ben is asked, too" in before.ask
    during = present_load(state(LoadState(stage=LoadStage.UP, progress=0.4)))
    assert (during.running, during.progress, during.sentence) == (True, 0.4, "Sending as much as it carries…")
    serving = present_load(state(LoadState(stage=LoadStage.SERVING)))
    assert (serving.running, serving.progress) == (True, None)


def test_what_it_means() -> None:
    for added_s, tone, word in (
        (0.01, Tone.GOOD, "Steady"),
        (0.06, Tone.WARN, "notices"),
        (0.2, Tone.BAD, "Games lag"),
        (0.9, Tone.BAD, "Unplayable"),
    ):
        view = present_load(state(LoadState(report=report(0.02, 0.02 + added_s, 0.03))))
        assert view.tone is tone
        assert word in view.sentence
        assert "500 round trips a minute" in view.sentence
    bar = view.bars[1]
    assert (bar.name, bar.value) == ("Sending", "920\u202fms / 1.84\u202fs")
    assert "n 20" in bar.note
    assert "1 of 50 lost" in bar.note
    assert "Mbit/s" in bar.note
    assert [each.name for each in view.bars] == ["At rest", "Sending", "Receiving"]


def test_the_chosen_paths_conversation_is_measured() -> None:
    other = msgspec.structs.replace(TALK, number=4, name="Eve", path="4/1")
    both = PeersState(conversations=(TALK, other))
    assert present_load(both).number == 4
    assert present_load(both, "3/2").number == 3
