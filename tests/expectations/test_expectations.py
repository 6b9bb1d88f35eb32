"""The table of routes is held against the theory of hole punching (RFC 5128), so that no cell is a slip."""

import pytest

from netstack.model.nat import Filtering, Mapping
from tests.expectations import ALL, CHAINS, KINDS, PAIRS, Route, chain, nat, route

DEPENDENT = (Mapping.ADDRESS_DEPENDENT, Mapping.ADDRESS_AND_PORT_DEPENDENT)


def in_theory(one: str, other: str) -> Route:
    if "udp-blocked" in (one, other):
        return Route.TCP if "open" in (one, other) else Route.RELAY
    hidden = [kind for kind in (one, other) if nat(kind).mapping in DEPENDENT]
    if not hidden:
        return Route.DIRECT
    sequential = all(kind == "symmetric-seq" for kind in hidden)
    if len(hidden) == 2:
        return Route.PREDICTION if sequential else Route.RELAY
    known = nat(other if one in hidden else one)
    if known.filtering is not Filtering.ADDRESS_AND_PORT_DEPENDENT:
        return Route.DIRECT  # it lets the other side's unknown port in
    return Route.PREDICTION if sequential else Route.BIRTHDAY


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_every_pair_has_the_route_of_theory(one: str, other: str) -> None:
    assert route(one, other) is route(other, one) is in_theory(one, other)


def test_each_pair_is_written_once() -> None:
    written = [frozenset((one, other)) for one, row in ALL.route.items() for other in row]
    assert len(written) == len(set(written)) == len(PAIRS) == 55


def test_a_chain_is_as_strict_as_its_stricter_nat() -> None:
    order = list(Filtering)
    for home, carrier in CHAINS:
        both = [nat(home), nat(carrier)]
        assert chain(home, carrier).filtering is max((n.filtering for n in both), key=order.index)
        assert chain(home, carrier).mapping is max((n.mapping for n in both), key=list(Mapping).index)


def test_facts_are_the_words_of_the_report() -> None:
    assert len(KINDS) == 10
    assert nat("full-cone").facts(hairpin=True) == {
        "verdict": "open",
        "label": "full-cone",
        "udp": "ok",
        "mapping": "endpoint-independent",
        "filtering": "endpoint-independent",
        "port_preservation": True,
        "hairpin": True,
    }
    assert nat("open").facts(hairpin=True)["hairpin"] is None
