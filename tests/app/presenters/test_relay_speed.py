"""What the speed card says, from states as they are."""

import msgspec

from app.presenters.relay_speed import OFFER, speed_view
from app.presenters.tone import Tone
from netstack.model.turn import Stage, StageName, TurnReport, TurnState

DONE = TurnReport(uri="turn:x", relayed_address="203.0.113.40:50000")


def test_it_is_offered_where_there_was_a_relay() -> None:
    assert speed_view(TurnState()) is None
    assert speed_view(TurnState(report=TurnReport(uri="turn:x"))) is None
    assert speed_view(TurnState(report=DONE, running=True)) is None
    view = speed_view(TurnState(report=DONE))
    assert (view.sentence, view.button, view.measuring) == (OFFER, "Measure the speed", None)
    assert "5 MB" in view.question


def test_its_course_and_its_result_with_n() -> None:
    assert speed_view(TurnState(report=DONE, measuring=0.5)).sentence == "Measuring, 50\u202f% done."
    good = msgspec.structs.replace(
        DONE, throughput_relay_bps=48e6, throughput_relay_n=4167, throughput_relay_loss=0.01
    )
    view = speed_view(TurnState(report=good))
    assert view.tone is Tone.GOOD
    assert (
        view.sentence == "48.0\u202fMbit/s of payload came through, n = 4\u202f167 packets, 1.00\u202f% lost."
    )
    assert view.button == "Measure again"


def test_a_failure_says_what_to_do() -> None:
    stage = Stage(StageName.THROUGHPUT, False, "quota", "The quota is used up.", "Release some.")
    view = speed_view(TurnState(report=msgspec.structs.replace(DONE, stages=(stage,))))
    assert (view.tone, view.sentence) == (Tone.BAD, "The quota is used up. Release some.")
