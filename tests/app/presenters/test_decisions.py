"""What carries what, in words."""

import pytest

from app.presenters.decisions import SHOWN, moves_text, present_decisions
from netstack.model.coordinator import CoordinatorState, Decision, PathHealth, PeerPaths, Reason
from netstack.model.session import Priority, TransportKind

UDP = PathHealth(path=0, transport="udp")
TURN = PathHealth(path=2, transport="turn")
SENTENCE = "UDP p99 41 ms > TURN p99 35 ms + 5 ms: moved to TURN"


def move(at_s=10.0, priority=Priority.REALTIME, sentence=SENTENCE):
    return Decision(
        at_s=at_s,
        priority=priority,
        source=0,
        source_transport="udp",
        target=2,
        target_transport="turn",
        reason=Reason.LATENCY,
        left=0.041,
        right=0.035,
        margin=0.005,
        unit="s",
        sentence=sentence,
        peer="Ben",
    )


def peer(**changes):
    return PeerPaths(**{"peer": "Ben", "connection": 1, "health": (UDP, TURN), **changes})


def test_nobody_is_connected():
    view = present_decisions(CoordinatorState(), lambda at_s: at_s)
    assert view.headline == "No peer is connected: nothing to choose between."
    assert (view.routes, view.moves) == ((), ())


def test_everything_by_one_path_without_a_backup():
    view = present_decisions(CoordinatorState(peers=(peer(),)), lambda at_s: at_s)
    assert view.routes == (("Ben", "everything by UDP", "no backup"),)
    assert "Everything rides" in view.headline


def test_each_priority_by_its_own_and_two_paths_at_once():
    state = CoordinatorState(peers=(peer(routes=(0, 2, 0), reserve=0, doubled=True),))
    view = present_decisions(state, lambda at_s: at_s)
    assert view.routes == (
        ("Ben", "Critical by UDP, Realtime by TURN, Bulk by UDP", "backup UDP; on two paths now"),
    )
    assert view.headline == "A path is in doubt: what matters travels on two at once."


@pytest.mark.parametrize(
    ("routes", "preferred", "words"),
    [
        ((2, 2, 2), TransportKind.TURN, "everything by TURN; as you prefer TURN"),
        ((0, 0, 0), TransportKind.TURN, "everything by UDP; you prefer TURN, which is being measured"),
        ((0, 0, 0), TransportKind.TCP, "everything by UDP; you prefer TCP, which is not open"),
        ((2, 2, 2), TransportKind.UDP, "everything by TURN; you prefer UDP, which is not healthy enough now"),
    ],
)
def test_the_wish_and_what_became_of_it(routes, preferred, words):
    udp = PathHealth(path=0, transport="udp", n=50)
    state = CoordinatorState(peers=(peer(routes=routes, preferred=preferred, health=(udp, TURN)),))
    assert present_decisions(state, lambda at_s: at_s).routes[0][1] == words


def test_moves_for_one_reason_are_one_line():
    dead = "UDP has delivered nothing for 1.1 s > 1 s: moved to TURN"
    decisions = (*tuple(move(20.0, priority, dead) for priority in reversed(Priority)), move())
    view = present_decisions(CoordinatorState(decisions=decisions), lambda at_s: at_s)
    assert [(row.what, row.reason) for row in view.moves] == [
        ("Critical, Realtime, Bulk", dead),
        ("Realtime", SENTENCE),
    ]
    assert view.headline.startswith("Critical, Realtime, Bulk last moved at ")
    assert moves_text(view).count("\n") == 1


def test_only_the_newest_are_shown():
    decisions = tuple(move(float(at_s)) for at_s in range(100, 0, -1))
    assert len(present_decisions(CoordinatorState(decisions=decisions), lambda at_s: at_s).moves) == SHOWN


def test_a_path_that_is_gone():
    state = CoordinatorState(peers=(peer(routes=(7, 7, 7)),))
    assert present_decisions(state, lambda at_s: at_s).routes[0][1] == "everything by a path that is gone"
