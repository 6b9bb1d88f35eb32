"""Who was turned away, with the end of it."""

import time

from app.presenters.guard import present_guard
from app.presenters.veil import Veil
from netstack.model.guard import GuardState, SuspectState

NOW_S = 1_700_000_000.0
PLAIN = Veil(())


def test_nothing_was_turned_away():
    assert present_guard(GuardState(dropped=(("forged", 0),)), PLAIN, NOW_S).empty


def test_a_suspect_stands_there_until_its_end_and_no_longer():
    state = GuardState(
        (SuspectState("203.0.113.9", 1200, NOW_S + 30),), (("peer-packets", 4321), ("forged", 2))
    )
    view = present_guard(state, PLAIN, NOW_S)
    end = time.strftime("%H:%M:%S", time.localtime(NOW_S + 30))
    assert view.suspects == (("203.0.113.9", f"until {end}", "went over its limit 1,200 times"),)
    assert view.dropped == (
        ("More packets than one address may bring", "4,321", "packets"),
        ("Forged", "2", "packets"),
    )
    later = present_guard(state, PLAIN, NOW_S + 31)
    assert later.suspects == ()
    assert "Nobody" in later.sentence


def test_what_a_network_repeats_is_listed_and_alarms_nobody():
    state = GuardState(dropped=(("replayed", 3), ("old-key", 1)))
    assert present_guard(state, PLAIN, NOW_S).empty
    worse = present_guard(GuardState(dropped=(*state.dropped, ("forged", 1))), PLAIN, NOW_S)
    assert not worse.empty
    assert len(worse.dropped) == 3
