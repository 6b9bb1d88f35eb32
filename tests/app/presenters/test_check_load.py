"""Latency under load as a card, and a peer's wish for it as a question."""

import msgspec

from app.presenters.check_load import NOBODY, load_view
from app.presenters.peer_load import load_question
from app.presenters.quantity import THIN
from app.presenters.tone import Tone
from netstack.model.load import LoadPhase, LoadPlan, LoadReport, LoadStage, LoadState, RoundTrips
from netstack.model.peers import Conversation, PeersState

BEN = Conversation(
    number=3,
    peer="k",
    name="Ben",
    transport="udp",
    kind="direct",
    remote="",
    path="",
    digits="",
    connect_s=0.0,
    since_s=0.0,
)


def phase(p50_s, goodput=None):
    return LoadPhase(
        seconds=5.0, goodput=goodput, path=RoundTrips(n=40, p50_s=p50_s, p99_s=2 * p50_s), rpm=290.0
    )


REPORT = LoadReport(
    at_s=1.0, peer="Ben", transport="udp", idle=phase(0.02), up=phase(0.03, 1e6), down=phase(0.2, 5e6)
)


def with_load(**changes):
    return PeersState(conversations=(msgspec.structs.replace(BEN, load=LoadState(**changes)),))


def test_without_anybody_it_says_what_is_needed():
    view = load_view(PeersState())
    assert (view.text, view.peers, view.rows) == (NOBODY, (), ())
    ended = msgspec.structs.replace(BEN, ended="gone")
    assert load_view(PeersState(conversations=(ended,))).peers == ()


def test_it_names_the_bound_before_it_is_started_and_the_step_while_it_runs():
    assert f"at most 134{THIN}MB" in load_view(PeersState(conversations=(BEN,))).text
    running = load_view(with_load(stage=LoadStage.DOWN, progress=0.75))
    assert (running.running, running.step, running.progress) == (True, "Receiving from Ben…", 0.75)


def test_the_worse_direction_counts_and_every_figure_has_its_n():
    rows = {row.name: row for row in load_view(with_load(report=REPORT)).rows}
    assert rows["While receiving"].text == f"200{THIN}ms at 40 Mbit/s"
    assert "n = 40" in rows["At rest"].hint
    assert (rows["added"].text, rows["added"].tone) == (f"180{THIN}ms", Tone.BAD)
    assert rows["rpm"].text == "290 round trips a minute"


def test_what_was_not_measured_is_said():
    silent = msgspec.structs.replace(REPORT, down=LoadPhase(), up=LoadPhase())
    rows = {row.name: row for row in load_view(with_load(report=silent)).rows}
    assert (rows["added"].text, rows["added"].tone) == ("not measured", Tone.UNKNOWN)
    assert rows["While sending"].text == "not measured"


def test_a_peers_wish_is_a_question_then_something_to_stop_then_nothing():
    (asked,) = with_load(asked=LoadPlan(max_s=10, max_bytes=50_000_000)).conversations
    assert load_question(asked).sentence == (
        f"Ben wants to measure latency under load with you: at most 100{THIN}MB and 20 seconds. "
        "On a metered line that may cost money."
    )
    (serving,) = with_load(stage=LoadStage.SERVING).conversations
    assert load_question(serving).serving
    assert load_question(BEN) is None
    assert load_question(msgspec.structs.replace(asked, ended="gone")) is None
