"""Fragments in any order, doubled, cut anew, contradictory, endless."""

import gc
import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netstack.core.reassembly import (
    EXPIRY_S,
    MAX_INTERVALS,
    MESSAGE_MAX_BYTES,
    PEER_MAX_FRAGMENTS,
    UNRELIABLE_INTERVALS,
    Budget,
    Reassembly,
)
from netstack.model.session import FragmentStats, Mode, Priority
from netstack.wire.fragment import UNIT_BYTES, lane_of, message_units

ORDERED = lane_of(Mode.ORDERED, Priority.BULK)
UNORDERED = lane_of(Mode.UNORDERED, Priority.BULK)
UNRELIABLE = lane_of(Mode.UNRELIABLE, Priority.BULK)


def reassembly(**kwargs):
    return Reassembly(Budget(), FragmentStats(), **kwargs)


def cut(data, offset, units):
    """(first, last, offset, payload) of a message cut every `units` units."""
    total, size, at = message_units(len(data)), units * UNIT_BYTES, 0
    pieces = []
    while at * UNIT_BYTES <= len(data):
        payload = data[at * UNIT_BYTES : at * UNIT_BYTES + size]
        last = at + len(payload) // UNIT_BYTES + 1 >= total and len(payload) == len(data) - at * UNIT_BYTES
        pieces.append((at == 0, last, offset + at, payload))
        if last:
            break
        at += units
    return pieces


def lay_out(messages, units):
    offset, pieces = 0, []
    for data in messages:
        pieces += cut(data, offset, units)
        offset += message_units(len(data))
    return pieces


MESSAGES = st.lists(st.binary(max_size=90), min_size=1, max_size=8)


@given(
    MESSAGES,
    st.integers(1, 6),
    st.sampled_from([ORDERED, UNORDERED, UNRELIABLE]),
    st.randoms(use_true_random=False),
)
def test_any_order_with_doubles(messages, units, lane, rng):
    pieces = lay_out(messages, units)
    pieces += rng.sample(pieces, len(pieces) // 2)
    rng.shuffle(pieces)
    side, whole = reassembly(), []
    for piece in pieces:
        whole += side.receive(lane, *piece, 0.0)
    assert whole == messages if lane == ORDERED else sorted(whole) == sorted(messages)
    assert side.used_bytes == 0
    assert side.stats.completed == len(messages)
    assert side.stats.inconsistencies == 0
    assert side.stats.received_fragments - side.stats.duplicates >= len(messages)


@given(MESSAGES, st.integers(1, 6), st.integers(1, 6), st.randoms(use_true_random=False))
def test_fragments_cut_anew_fill_the_same_gaps(messages, units, again, rng):
    """A path of another size takes over in the middle."""
    pieces = [piece for piece in lay_out(messages, units) if rng.random() < 0.6] + lay_out(messages, again)
    rng.shuffle(pieces)
    side, whole = reassembly(), []
    for piece in pieces:
        whole += side.receive(ORDERED, *piece, 0.0)
    assert whole == messages
    assert side.stats.inconsistencies == 0
    assert side.used_bytes == 0


@given(
    st.lists(
        st.tuples(st.booleans(), st.booleans(), st.integers(0, 40), st.integers(0, 9)),
        min_size=1,
        max_size=40,
    ),
    st.sampled_from([ORDERED, UNORDERED, UNRELIABLE]),
)
@settings(max_examples=300)
def test_nonsense_stays_bounded_and_is_accounted_for(fragments, lane):
    side = reassembly()
    for now, (first, last, offset, size) in enumerate(fragments):
        payload = bytes(size if last else max(size // 4, 1) * 4)
        messages = side.receive(lane, first, last, offset, payload, float(now))
        assert messages is not None
        state = side._lanes[lane]
        assert side.used_bytes == sum(piece.cost_bytes for piece in state.pieces.values())
        assert side._fragments == sum(len(piece.parts) for piece in state.pieces.values())
        assert state.starts == sorted(state.pieces)
        ends = [state.pieces[start].end for start in state.starts]
        assert all(end <= start for end, start in zip(ends, state.starts[1:], strict=False))
        for piece in state.pieces.values():
            covered = sum(map(len, piece.parts)) // UNIT_BYTES + piece.last
            assert covered == piece.end - piece.start
    side.clear()
    assert side.used_bytes == side._budget.used_bytes == 0


@pytest.mark.parametrize(
    "contradiction",
    [
        (True, False, 4, b"bbbb"),  # begins in the middle of it
        (False, True, 4, b"bbbb"),  # ends in the middle of it
        (True, False, 12, b"bbbb"),  # begins where it must go on
        (False, False, 6, b"b" * 32),  # reaches over its end
    ],
)
def test_contradictions_are_counted_and_change_nothing(contradiction):
    side = reassembly()
    pieces = cut(b"a" * 60, 2, 5)
    side.receive(UNORDERED, *pieces[0], 0.0)
    side.receive(UNORDERED, *pieces[1], 0.0)
    if contradiction[3] == b"b" * 32:
        side = reassembly()
        side.receive(UNORDERED, False, True, 7, b"aaaa", 0.0)
        side.receive(UNORDERED, *contradiction, 0.0)
        assert side.stats.inconsistencies == 1
        return
    assert side.receive(UNORDERED, *contradiction, 0.0) == []
    assert side.stats.inconsistencies == 1
    whole = []
    for piece in pieces[2:]:
        whole += side.receive(UNORDERED, *piece, 0.0)
    assert whole == [b"a" * 60]


def test_a_run_is_the_same_as_its_fragments():
    data = bytes(range(256)) * 10
    pieces = cut(data, 0, 32)
    side = reassembly()
    count = len(pieces) - 2
    middle = b"".join(piece[3] for piece in pieces[1:-1])
    assert not side.receive_run(ORDERED, 32, middle, count, 0.0)
    side.receive(ORDERED, *pieces[0], 0.0)
    assert side.receive_run(ORDERED, 32, middle, count, 0.0)
    assert side.contiguous(ORDERED) == 32 * (count + 1)
    assert not side.receive_run(ORDERED, 32, middle, count, 0.0)
    assert side.receive(ORDERED, *pieces[-1], 0.0) == [data]
    assert side.stats.received_fragments == len(pieces)
    assert side.contiguous(ORDERED) == message_units(len(data))


def test_unreliable_messages_expire_from_their_first_fragment():
    side = reassembly()
    pieces = cut(b"a" * 100, 0, 5)
    side.receive(UNRELIABLE, *pieces[1], 1.0)
    side.receive(UNRELIABLE, *pieces[3], 4.0)
    side.receive(UNRELIABLE, *pieces[2], 5.5)
    assert side.deadline() == 1.0 + EXPIRY_S
    side.expire(5.9)
    assert side.stats.timeouts == 0
    side.expire(side.deadline())
    assert side.stats.timeouts == 1
    assert side.stats.lost_fragments == 3
    assert side.used_bytes == 0
    assert side.deadline() is None
    assert side.receive(UNRELIABLE, *pieces[2], 6.0) == []
    assert side.stats.duplicates == 1


def test_reliable_ones_do_not():
    side = reassembly()
    side.receive(ORDERED, *cut(b"a" * 100, 0, 5)[0], 0.0)
    assert side.deadline() is None


def test_an_abandoned_message_frees_its_memory():
    side = reassembly()
    for piece in cut(b"a" * 100, 7, 5)[:3]:
        side.receive(UNRELIABLE, *piece, 0.0)
    side.abandon(UNRELIABLE, 7, message_units(100))
    assert side.used_bytes == 0
    assert side.receive(UNRELIABLE, *cut(b"a" * 100, 7, 5)[3], 0.0) == []
    assert side.receive(UNRELIABLE, *cut(b"b", 7 + message_units(100), 5)[0], 0.0) == [b"b"]


def test_what_does_not_fit_is_refused_for_one_and_for_all():
    budget, stats = Budget(200_000), FragmentStats()
    greedy = Reassembly(budget, stats, limit_bytes=100_000)
    refused = 0
    for at in range(200):
        refused += greedy.receive(UNORDERED, True, False, at * 1000, bytes(1000), 0.0) is None
    assert refused > 100
    assert refused == stats.refused
    assert greedy.used_bytes <= 100_000
    others = [Reassembly(budget, FragmentStats(), limit_bytes=100_000) for _ in range(5)]
    for other in others:
        for at in range(100):
            other.receive(UNORDERED, True, False, at * 1000, bytes(1000), 0.0)
    assert budget.used_bytes <= 200_000
    for side in (greedy, *others):
        side.clear()
    assert budget.used_bytes == 0


def test_counts_are_bounded_too():
    side = reassembly()
    for at in range(PEER_MAX_FRAGMENTS + 10):
        side.receive(UNORDERED, True, False, at * 2, b"aaaa", 0.0)
    assert side._fragments <= PEER_MAX_FRAGMENTS
    scattered = reassembly()
    for at in range(MAX_INTERVALS + 100):
        scattered.receive(UNORDERED, True, True, 1 + at * 2, b"", 0.0)
    assert len(scattered._lanes[UNORDERED].done) <= MAX_INTERVALS
    assert scattered.receive(UNORDERED, True, True, 0, b"", 0.0) == [b""]
    gappy = reassembly()
    for at in range(UNRELIABLE_INTERVALS * 3):
        assert gappy.receive(UNRELIABLE, True, True, 1 + at * 2, b"", 0.0) == [b""]
    assert len(gappy._lanes[UNRELIABLE].done) <= UNRELIABLE_INTERVALS


def test_a_message_too_large_is_never_whole():
    side = reassembly()
    piece = bytes(1 << 16)
    for at in range(MESSAGE_MAX_BYTES // len(piece) + 2):
        side.receive(UNORDERED, at == 0, False, at * len(piece) // 4, piece, 0.0)
    assert side.stats.inconsistencies == 1
    assert side.used_bytes < MESSAGE_MAX_BYTES + (1 << 18)


def shuffled_run(total):
    """`total` fragments shuffled within a window, 1 % lost at first and sent again, 1 % doubled.

    The window is such that what waits for its rest stays below `PEER_MAX_FRAGMENTS`.
    """
    rng = random.Random(8)
    units, per_message = 8, 40
    side, waiting, whole, given_away, offset = reassembly(), [], 0, 0, 0
    expected = message_units(units * 4 * per_message - 4)
    body = bytes(units * 4 * per_message - 4)
    while given_away < total or waiting:
        while given_away < total and len(waiting) < 10_000:
            waiting += cut(body, offset, units)
            offset += expected
            given_away += per_message
        at = rng.randrange(len(waiting))
        waiting[at], waiting[-1] = waiting[-1], waiting[at]
        piece = waiting.pop()
        chance = rng.random()
        if chance < 0.01:
            waiting.append(piece)  # lost, and sent again
            continue
        for _ in range(2 if chance < 0.02 else 1):
            messages = side.receive(UNORDERED, *piece, 0.0)
            assert messages is not None
            assert all(message == body for message in messages)
            whole += len(messages)
    return side, whole, given_away // per_message


def test_a_hundred_thousand_fragments_arrive_whole():
    side, whole, sent = shuffled_run(100_000)
    assert whole == sent
    assert side.used_bytes == 0
    assert side.stats.duplicates > 500
    assert side.stats.inconsistencies == 0


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_ten_million_fragments_arrive_whole():
    side, whole, sent = shuffled_run(10_000_000)
    assert whole == sent
    assert side.used_bytes == 0


def test_stated_memory_covers_what_is_used():
    """1,000 scattered fragments: the worst case of bookkeeping."""
    payloads = [bytes((at & 255,)) * 1024 for at in range(1000)]
    side = reassembly()
    gc.collect()
    tracemalloc.start()
    for at, payload in enumerate(payloads):
        side.receive(UNORDERED, True, False, at * 1000, payload, 0.0)
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    stated = side.used_bytes - sum(map(len, payloads))
    assert used <= stated
    assert stated <= 400_000
