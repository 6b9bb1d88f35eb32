"""The drill in words."""

from app.presenters.drill import drill_headline, drill_lines, drill_row, within
from netstack.model.coordinator import PUBLISHED, DrillCause, DrillResult


def result(cause=DrillCause.DEAD, warm=True, blackout_s=0.163, lost=0, duplicated=0):
    return DrillResult(
        cause=cause,
        warm=warm,
        blackout_s=blackout_s,
        lost=lost,
        duplicated=duplicated,
        late=4,
        n=600,
        switches=2,
    )


def test_before_and_after():
    assert drill_headline(()) == "What happens to a game when its path fails?"
    text = drill_headline((result(), result(DrillCause.LATENCY_JUMP, blackout_s=0.4, lost=2)))
    assert text == (
        "The longest silence lasted 400 ms (400 ms more each way); 2 messages lost, none delivered twice."
    )
    assert drill_row(result()) == ("the path dies", "open", "163 ms", "0", "0", "4", "600")
    assert drill_row(result(warm=False))[1] == "only known"


def test_what_is_good_enough():
    assert within(result(blackout_s=0.25))
    assert not within(result(blackout_s=0.251))
    assert within(result(warm=False, blackout_s=1.0))
    assert not within(result(lost=1))
    assert not within(result(duplicated=1))


def test_others_figures_are_marked_as_theirs():
    lines = drill_lines((result(),), PUBLISHED)
    assert lines[-1].startswith("Published by others, not measured here: iroh 15.1 s")
