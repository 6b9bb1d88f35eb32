"""The NAT check over lines that lose packets: it may know less, it never says a wrong word."""

from collections.abc import Generator

import pytest

from tests import expectations
from tests.expectations import KINDS
from tests.kernel.bed import Bed
from tests.kernel.conftest import Place
from tests.kernel.diagnosis import Tally, diagnose_all

pytestmark = pytest.mark.kernel

LOSS = 0.02
ONE_WAY_S = 0.01


@pytest.fixture(scope="module")
def wired_places(bed: Bed) -> Generator[tuple[Place, ...], None, None]:
    """All ten kinds on lines of their own; every second one helps with hairpins."""
    found = []
    for number, kind in enumerate(KINDS):
        hairpin = number % 2 == 0
        site = bed.add_site(wire=True)
        site.set(kind, hairpin=hairpin)
        found.append(Place(kind, site, expectations.nat(kind), hairpin))
    yield tuple(found)
    for place in found:
        bed.remove_site(place.site)


def _run(places: tuple[Place, ...], title: str, *, rounds: int, loss: float, one_way_s: float) -> Tally:
    tally = Tally()
    for seed in range(rounds):
        for number, place in enumerate(places):
            assert place.site.wire
            place.site.wire.set(delay_s=one_way_s, loss=loss, seed=1000 * seed + number)
        reports = diagnose_all(places)
        for place in places:
            tally.add(place, reports[place.name])
    tally.print(title)
    return tally


def test_a_delay_of_20_ms_changes_no_word(wired_places: tuple[Place, ...]) -> None:
    tally = _run(wired_places, "20 ms RTT, no loss", rounds=1, loss=0, one_way_s=ONE_WAY_S)
    assert not tally.wrong
    assert not any(tally.undecided[name] for name in tally.undecided)


def test_loss_causes_no_wrong_word(wired_places: tuple[Place, ...]) -> None:
    tally = _run(wired_places, "2 % loss each way, 20 ms RTT", rounds=2, loss=LOSS, one_way_s=ONE_WAY_S)
    assert not tally.wrong


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("one_way_s", [0, ONE_WAY_S], ids=["0 ms", "20 ms"])
def test_loss_causes_no_wrong_word_in_200_runs(wired_places: tuple[Place, ...], one_way_s: float) -> None:
    title = f"2 % loss each way, {2000 * one_way_s:g} ms RTT"
    tally = _run(wired_places, title, rounds=20, loss=LOSS, one_way_s=one_way_s)
    assert not tally.wrong


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_heavy_loss_causes_no_wrong_word(wired_places: tuple[Place, ...]) -> None:
    tally = _run(wired_places, "10 % loss each way, 20 ms RTT", rounds=10, loss=0.1, one_way_s=ONE_WAY_S)
    assert not tally.wrong
