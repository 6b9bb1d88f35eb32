"""Who opens ports and who guesses, how likely they meet, and the pace."""

import random

import pytest

from netstack.core.port_guessing import (
    AT_ONCE,
    FIRST_PORT,
    GUESSES,
    GUESSES_PER_S,
    Part,
    PortGuesses,
    chance,
    part_of,
)
from netstack.model.nat import Filtering, Mapping, Udp, Verdict
from netstack.model.pair import NatFacts

_PORTS = Filtering.ADDRESS_AND_PORT_DEPENDENT
STRICT = NatFacts(
    verdict=Verdict.STRICT, mapping=Mapping.ADDRESS_AND_PORT_DEPENDENT, filtering=_PORTS, guesses=True
)
MODERATE = NatFacts(
    verdict=Verdict.MODERATE, mapping=Mapping.ENDPOINT_INDEPENDENT, filtering=_PORTS, guesses=True
)


def but(facts: NatFacts, **changes: object) -> NatFacts:
    return NatFacts(**({name: getattr(facts, name) for name in facts.__struct_fields__} | changes))  # type: ignore[arg-type]


def test_each_side_has_its_part() -> None:
    assert part_of(STRICT, MODERATE) is Part.OPENS
    assert part_of(MODERATE, STRICT) is Part.GUESSES


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (STRICT, STRICT),  # hopeless
        (MODERATE, MODERATE),  # direct anyway
        (but(STRICT, guesses=False), MODERATE),
        (STRICT, but(MODERATE, guesses=False)),
        (but(STRICT, sequential=True), MODERATE),  # foretold
        (but(STRICT, port_mapping=True), MODERATE),
        (but(STRICT, hidden=True), MODERATE),
        (STRICT, but(MODERATE, udp=Udp.BLOCKED, verdict=Verdict.BLOCKED)),
        (STRICT, NatFacts(guesses=True)),  # nobody knows
    ],
)
def test_it_is_left_alone(ours: NatFacts, theirs: NatFacts) -> None:
    assert part_of(ours, theirs) is None
    assert part_of(theirs, ours) is None


def test_how_likely_it_is() -> None:
    assert chance() == pytest.approx(0.983, abs=0.001)
    assert chance(64, 256) == pytest.approx(0.22, abs=0.005)
    assert chance(256, 1024) == pytest.approx(0.98, abs=0.005)
    assert chance(64, 64, ports=64) == 1.0


def test_every_port_is_tried_once_at_a_steady_pace() -> None:
    guesses, now, seen = PortGuesses(random.Random(1).randbytes, 100.0), 100.0, []
    while (due := guesses.deadline()) is not None:
        now = max(now, due)
        ports = guesses.due(now)
        assert len(ports) <= AT_ONCE
        seen += ports
    assert len(seen) == len(set(seen)) == GUESSES
    assert min(seen) >= FIRST_PORT
    assert now == pytest.approx(100.0 + GUESSES / GUESSES_PER_S, abs=0.05)


def test_a_pause_is_not_made_up_for_at_once() -> None:
    guesses = PortGuesses(random.Random(1).randbytes, 0.0)
    assert len(guesses.due(60.0)) == AT_ONCE
