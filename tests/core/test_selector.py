"""Which path carries what: a table of cases, then what only time shows."""

import itertools
import math

import pytest

from netstack.core.selector import DWELL_S, QUARANTINE_S, TRIAL_S, Selector
from netstack.model.coordinator import PathHealth, Reason
from netstack.model.session import Priority

CRITICAL, REALTIME, BULK = Priority


def health(path, transport, p99_ms=30.0, *, n=100, loss=0.0, back=0.0, **more):
    values = {
        "n": n,
        "p50_s": None if p99_ms is None else p99_ms / 2000,
        "p99_s": None if p99_ms is None else p99_ms / 1000,
        "probes": n,
        "loss_out": loss if n else None,
        "loss_back": back if n else None,
    }
    return PathHealth(path=path, transport=transport, **{**values, **more})


def udp(p99_ms=30.0, **more):
    return health(0, "udp", p99_ms, **more)


def turn(p99_ms=30.0, **more):
    return health(1, "turn", p99_ms, **more)


# The session begins on path 0. What each priority is carried by after one decision, and the reason of the moves.
CASES = [
    ("one path", [udp()], (0, 0, 0), {}),
    ("nothing is better", [udp(), turn()], (0, 0, 0), {}),
    ("exactly 5 ms are not enough", [udp(40), turn(35)], (0, 0, 0), {}),
    ("41 > 35 + 5", [udp(41), turn(35)], (0, 1, 0), {REALTIME: Reason.LATENCY}),
    ("quicker but loses a fifth", [udp(41), turn(20, loss=0.2)], (0, 0, 0), {}),
    ("too few samples", [udp(100), turn(20, n=7)], (0, 0, 0), {}),
    ("no sample is fresh", [udp(100), turn(None, n=0)], (0, 0, 0), {}),
    ("12 % lost", [udp(loss=0.12), turn()], (1, 0, 0), {CRITICAL: Reason.RELIABILITY}),
    ("lost on the way back", [udp(back=0.12), turn()], (1, 0, 0), {CRITICAL: Reason.RELIABILITY}),
    ("3 of 100 may be chance", [udp(loss=0.03), turn()], (0, 0, 0), {}),
    (
        "30 of 1,000 are not",
        [udp(n=1000, loss=0.03), turn(n=1000)],
        (1, 0, 0),
        {CRITICAL: Reason.RELIABILITY},
    ),
    (
        "data is lost, probes are not",
        [udp(packets=600, success=0.7), turn()],
        (1, 0, 0),
        {CRITICAL: Reason.RELIABILITY},
    ),
    (
        "nothing delivered, pongs fine",
        [udp(10, stalled_s=1.1), turn(60)],
        (1, 1, 1),
        {CRITICAL: Reason.STALLED, REALTIME: Reason.STALLED, BULK: Reason.STALLED},
    ),
    ("stalled a moment", [udp(10, stalled_s=0.9), turn(60)], (0, 0, 0), {}),
    (
        "the quickest was not heard of for a second",
        [udp(10, stalled_s=1.1), turn(20, checked_s=1.0), health(2, "tcp", 60, checked_s=0.1)],
        (2, 2, 2),
        {CRITICAL: Reason.STALLED, REALTIME: Reason.STALLED, BULK: Reason.STALLED},
    ),
    ("both stalled", [udp(10, stalled_s=2.0), turn(60, stalled_s=2.0)], (0, 0, 0), {}),
    (
        "no probe answered",
        [udp(None, n=0, probes=100, loss_out=1.0), turn(60)],
        (1, 1, 1),
        {CRITICAL: Reason.SILENT, REALTIME: Reason.SILENT, BULK: Reason.SILENT},
    ),
    (
        "the path is gone",
        [turn()],
        (1, 1, 1),
        {CRITICAL: Reason.CLOSED, REALTIME: Reason.CLOSED, BULK: Reason.CLOSED},
    ),
    (
        "the other brings more",
        [udp(throughput=1e6), health(1, "tcp", throughput=1.3e6)],
        (0, 0, 1),
        {BULK: Reason.THROUGHPUT},
    ),
    ("not a quarter more", [udp(throughput=1e6), health(1, "tcp", throughput=1.2e6)], (0, 0, 0), {}),
    ("what the other brings is not known", [udp(throughput=1e5), health(1, "tcp")], (0, 0, 0), {}),
    (
        "away from Bluetooth",
        [health(0, "ble", 32, throughput=3e4), health(1, "udp", 30)],
        (0, 0, 1),
        {BULK: Reason.UPGRADE},
    ),
    ("metered, 10 ms quicker", [udp(41), turn(31, metered=True)], (0, 0, 0), {}),
    ("metered, 30 ms quicker", [udp(61), turn(31, metered=True)], (0, 1, 0), {REALTIME: Reason.LATENCY}),
    (
        "bulk leaves what is metered",
        [udp(metered=True), health(1, "tcp", 33)],
        (1, 0, 1),
        {CRITICAL: Reason.UNMETERED, BULK: Reason.UNMETERED},
    ),
    (
        "of three the quickest",
        [udp(90), turn(60), health(2, "webrtc", 30)],
        (0, 2, 0),
        {REALTIME: Reason.LATENCY},
    ),
]


@pytest.mark.parametrize(("what", "paths", "routes", "reasons"), CASES, ids=[case[0] for case in CASES])
def test_selection(what, paths, routes, reasons):
    choice = Selector(0).decide(paths, 100.0)
    assert choice.routes == routes
    assert {move.priority: move.reason for move in choice.moves} == reasons
    for move in choice.moves:
        assert move.sentence.endswith(f"moved to {move.target_transport.upper()}")
        if move.left is not None and move.right is not None:
            assert move.left > move.right + move.margin or math.isclose(move.left, move.right + move.margin)


def test_the_inequality_is_written_down():
    [move] = Selector(0).decide([udp(41), turn(35)], 100.0).moves
    assert move.sentence == "UDP p99 41 ms > TURN p99 35 ms + 5 ms: moved to TURN"
    assert (move.left, move.right, move.margin, move.unit) == (0.041, 0.035, 0.005, "s")


@pytest.mark.parametrize(
    ("loss", "routes"), [(0.0, (1, 1, 1)), (0.05, (1, 1, 1)), (0.06, (0, 0, 0))], ids=["fine", "5 %", "6 %"]
)
def test_the_preferred_transport_first_while_it_is_healthy(loss, routes):
    ble = health(1, "ble", 90, loss=loss)
    assert Selector(0).decide([udp(20), ble], 100.0, preferred="ble").routes == routes


def test_the_preferred_transport_is_left_when_it_fails_and_not_for_a_quicker_one():
    selector = Selector(0)
    paths = [udp(90), turn(20)]
    assert selector.decide(paths, 100.0, preferred="udp").routes == (0, 0, 0)
    assert selector.decide([udp(90, stalled_s=1.5), turn(20)], 200.0, preferred="udp").routes == (1, 1, 1)


def test_another_choice_of_the_user_counts_at_once():
    selector = Selector(0)
    paths = [udp(41), turn(31)]
    assert selector.decide(paths, 100.0).routes[Priority.REALTIME] == 1
    assert selector.decide(paths, 101.0, preferred="udp").routes == (0, 0, 0)
    assert selector.decide(paths, 102.0, preferred="turn").routes == (1, 1, 1)
    [critical, realtime, bulk] = selector.decide(paths, 103.0, preferred="udp").moves
    assert {critical.reason, realtime.reason, bulk.reason} == {Reason.PREFERRED}


def test_nothing_moves_back_within_the_dwell_time_which_grows():
    selector = Selector(0)
    moves, now, better = [], 100.0, True
    while now < 100.0 + 3600:
        choice = selector.decide([udp(60 if better else 20), turn(20 if better else 60)], now)
        moves += [now for move in choice.moves if move.priority is REALTIME]
        better = not better  # each second the other one is far better
        now += 1.0
    gaps = [b - a for a, b in itertools.pairwise(moves)]
    assert len(moves) <= 4
    assert all(gap >= DWELL_S for gap in gaps)
    assert gaps == sorted(gaps)


def test_another_hand_is_followed_but_not_within_the_dwell_time():
    selector = Selector(0)
    selector.take(1, 50.0)
    assert selector.decide([udp(), health(1, "tcp")], 51.0).routes == (1, 1, 1)
    selector.decide([udp(), health(1, "tcp", stalled_s=1.5)], 100.0)
    selector.take(1, 100.0 + DWELL_S - 1)
    assert selector.routes == (0, 0, 0)
    selector.take(1, 100.0 + DWELL_S)
    assert selector.routes == (1, 1, 1)


def test_what_failed_comes_back_only_by_what_it_delivers():
    selector = Selector(0)
    selector.decide([udp(10, stalled_s=1.5), turn(60)], 100.0)
    fine = [udp(10), turn(60)]
    for now in (101.0, 100.0 + QUARANTINE_S - 1):
        choice = selector.decide(fine, now)
        assert (choice.routes, choice.trial, choice.moves) == ((1, 1, 1), -1, ())
        assert selector.resting(0, now) is not None
    now = 100.0 + QUARANTINE_S
    assert selector.decide(fine, now).trial == 0
    now += TRIAL_S
    pongs_only = [udp(10, packets=50, success=0.0, stalled_s=4.0), turn(60)]
    assert selector.decide(pongs_only, now).trial == -1
    assert selector.resting(0, now) == pytest.approx(2 * QUARANTINE_S)
    now += 2 * QUARANTINE_S
    assert selector.decide(fine, now).trial == 0
    now += TRIAL_S
    delivers = [udp(10, packets=50, success=1.0), turn(60)]
    selector.decide(delivers, now)
    assert selector.resting(0, now) is None
    assert selector.decide(delivers, 100.0 + DWELL_S).routes[REALTIME] == 0


def test_the_reserve_is_the_best_of_another_kind():
    other_address = health(2, "udp", 20)
    choice = Selector(0).decide([udp(20), turn(60), other_address], 1.0)
    assert choice.reserve == 1
    assert Selector(0).decide([udp(20), other_address], 1.0).reserve == 2
    assert Selector(0).decide([udp(20)], 1.0).reserve == -1
    assert Selector(0).decide([udp(20), turn(60, stalled_s=0.1)], 1.0).reserve == -1
