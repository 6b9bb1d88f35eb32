"""MTU search against paths that pass, drop, shrink and lose."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.core.mtu_search import (
    BASE_BYTES,
    CACHE_S,
    RAISE_S,
    RESOLUTION_BYTES,
    MtuCache,
    MtuSearch,
    Phase,
)

TIMEOUT_S = 0.1


def _run(
    search: MtuSearch, path_bytes: int, now: float = 0.0, loss: float = 0.0, seed: int = 1
) -> tuple[float, int]:
    """Probes until the search is complete; returns the time and the number of probes."""
    rng = random.Random(seed)
    probes = 0
    while search.phase is Phase.SEARCHING:
        size = search.poll_probe(now, TIMEOUT_S)
        if size is None:
            if search.phase is not Phase.SEARCHING:
                break
            deadline = search.deadline()
            assert deadline is not None
            now = deadline
            continue
        probes += 1
        assert probes < 200
        if size <= path_bytes and rng.random() >= loss:
            search.acked(size, now)
    return now, probes


@given(st.integers(BASE_BYTES, 9000))
def test_it_finds_what_passes(path_bytes: int) -> None:
    search = MtuSearch(8972)
    _run(search, path_bytes)
    assert search.mtu_bytes <= max(path_bytes, BASE_BYTES)
    assert search.mtu_bytes > min(path_bytes, 8972) - RESOLUTION_BYTES - 1 or search.mtu_bytes == BASE_BYTES


def test_a_plain_path_takes_one_probe() -> None:
    search = MtuSearch(1472)
    assert _run(search, 1472) == (0.0, 1)
    assert search.mtu_bytes == 1472
    assert search.deadline() is None


def test_a_likely_size_is_found_exactly() -> None:
    for size in (1280, 1412, 1452):
        search = MtuSearch(1472)
        _run(search, size)
        assert search.mtu_bytes == size


def test_a_lost_probe_is_not_a_small_path() -> None:
    search = MtuSearch(1472)
    assert search.poll_probe(0.0, TIMEOUT_S) == 1472
    assert search.poll_probe(0.05, TIMEOUT_S) is None
    assert search.poll_probe(0.1, TIMEOUT_S) == 1472
    search.acked(1472, 0.12)
    assert search.mtu_bytes == 1472


def test_what_was_found_before_is_tried_first() -> None:
    search = MtuSearch(8972, cached_bytes=1452)
    assert search.poll_probe(0.0, TIMEOUT_S) == 1452


def test_the_search_begins_again_after_ten_minutes() -> None:
    search = MtuSearch(1472)
    now, _ = _run(search, 1400)
    before = search.mtu_bytes
    assert search.deadline() == pytest.approx(now + RAISE_S)
    assert search.poll_probe(now + RAISE_S, TIMEOUT_S) == 1472
    search.acked(1472, now + RAISE_S)
    assert search.mtu_bytes == 1472 > before


def test_a_black_hole_is_noticed_and_the_search_goes_on_below_it() -> None:
    search = MtuSearch(1472)
    _run(search, 1472)
    for _ in range(6):
        search.lost(1472, 1.0)
    assert search.black_holes == 1
    assert search.mtu_bytes == BASE_BYTES
    _run(search, 1400, now=1.0)
    assert 1392 <= search.mtu_bytes <= 1400


def test_losses_between_arrivals_are_no_black_hole() -> None:
    search = MtuSearch(1472)
    _run(search, 1472)
    for _ in range(50):
        search.lost(1472, 1.0)
        search.lost(1472, 1.0)
        search.acked(1472, 1.0)
    for _ in range(50):
        search.lost(1200, 1.0)
    assert (search.black_holes, search.mtu_bytes) == (0, 1472)


def test_a_refusal_by_the_system_needs_no_waiting() -> None:
    search = MtuSearch(8972)
    now = 0.0
    while (size := search.poll_probe(now, TIMEOUT_S)) is not None:
        if size > 1472:
            search.refused(size, now)
        else:
            search.acked(size, now)
    assert search.mtu_bytes == 1472
    search.refused(1472, now)
    assert search.mtu_bytes == BASE_BYTES
    assert search.phase is Phase.SEARCHING


def test_nothing_to_search() -> None:
    search = MtuSearch(247, base_bytes=247)
    assert search.poll_probe(0.0, TIMEOUT_S) is None
    assert search.deadline() is None
    assert search.mtu_bytes == 247


@pytest.mark.parametrize("seed", range(20))
def test_loss_never_makes_it_use_more_than_passes(seed: int) -> None:
    search = MtuSearch(1472)
    _run(search, 1432, loss=0.3, seed=seed)
    assert search.mtu_bytes <= 1432


def test_the_cache_forgets_after_an_hour_and_is_bounded() -> None:
    cache = MtuCache()
    cache.put("a", 1472, 0.0)
    assert cache.get("a", CACHE_S - 1) == 1472
    assert cache.get("a", CACHE_S) is None
    for number in range(MtuCache.CAPACITY + 1):
        cache.put(str(number), 1300, 0.0)
    assert cache.get("0", 1.0) is None
    assert cache.get("1", 1.0) == 1300
