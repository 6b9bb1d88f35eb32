"""Every row of the decision table is reached, and says what it must."""

import pytest

from netstack.core.nat_fold import Facts, Lie
from netstack.core.nat_verdict import advise, judge
from netstack.model.address import Family
from netstack.model.nat import FamilyReport, Filtering, Label, Mapping, Udp, Verdict
from netstack.service.nat import read_verdict_table

TABLE = read_verdict_table()
EI, AD, APD, UNKNOWN = Filtering
_NONE, EIM, ADM, APDM, NO_IDEA = Mapping


def _facts(
    mapping: Mapping, filtering: Filtering, udp: Udp = Udp.OK, *, dependent: bool = False, **more: object
) -> Facts:
    report = FamilyReport(family=Family.IPV4, udp=udp, mapping=mapping, filtering=filtering)
    return Facts(report, dependent=dependent or mapping in {ADM, APDM}, agreeing=3, **more)  # type: ignore[arg-type]


ROWS = {
    "blocked": (_facts(NO_IDEA, UNKNOWN, Udp.BLOCKED, tcp_speaks=True), None, Verdict.BLOCKED, Label.BLOCKED),
    "no-answer": (_facts(NO_IDEA, UNKNOWN, Udp.UNKNOWN), None, Verdict.UNKNOWN, Label.UNKNOWN),
    "open": (_facts(_NONE, EI), None, Verdict.OPEN, Label.OPEN),
    "mapped-port-symmetric": (_facts(APDM, APD), True, Verdict.OPEN, Label.SYMMETRIC),
    "mapped-port-full-cone": (_facts(EIM, EI), True, Verdict.OPEN, Label.FULL_CONE),
    "mapped-port-restricted": (_facts(EIM, AD), True, Verdict.OPEN, Label.RESTRICTED_CONE),
    "mapped-port-port-restricted": (_facts(EIM, APD), True, Verdict.OPEN, Label.PORT_RESTRICTED_CONE),
    "mapped-port": (_facts(EIM, UNKNOWN), True, Verdict.OPEN, Label.UNKNOWN),
    "firewall": (_facts(_NONE, APD), None, Verdict.MODERATE, Label.FIREWALL),
    "public-unknown-filtering": (_facts(_NONE, UNKNOWN), None, Verdict.MODERATE, Label.UNKNOWN),
    "full-cone": (_facts(EIM, EI), None, Verdict.OPEN, Label.FULL_CONE),
    "restricted-cone": (_facts(EIM, AD), None, Verdict.MODERATE, Label.RESTRICTED_CONE),
    "port-restricted-cone": (_facts(EIM, APD), None, Verdict.MODERATE, Label.PORT_RESTRICTED_CONE),
    "cone-unknown-filtering": (_facts(EIM, UNKNOWN), None, Verdict.MODERATE, Label.UNKNOWN),
    "symmetric-address": (_facts(ADM, APD), None, Verdict.STRICT, Label.SYMMETRIC),
    "symmetric": (_facts(APDM, UNKNOWN), None, Verdict.STRICT, Label.SYMMETRIC),
    "symmetric-somehow": (_facts(NO_IDEA, UNKNOWN, dependent=True), None, Verdict.STRICT, Label.SYMMETRIC),
    "mapping-unknown": (_facts(NO_IDEA, UNKNOWN), None, Verdict.UNKNOWN, Label.UNKNOWN),
}


@pytest.mark.parametrize("row", [row.id for row in TABLE.verdict])
def test_every_row(row: str) -> None:
    facts, port_mapping, verdict, label = ROWS[row]
    decided, confidence = judge(TABLE, facts, port_mapping=port_mapping)
    assert (decided.id, decided.verdict, decided.label) == (row, verdict, label)
    assert 0 <= confidence <= 1


def test_every_combination_has_a_row() -> None:
    for udp in Udp:
        for mapping in Mapping:
            for filtering in Filtering:
                for port_mapping in (None, False, True):
                    judge(TABLE, _facts(mapping, filtering, udp), port_mapping=port_mapping)


def test_open_is_never_said_without_proof() -> None:
    for mapping in Mapping:
        for filtering in Filtering:
            row, _ = judge(TABLE, _facts(mapping, filtering))
            assert row.verdict is not Verdict.OPEN or filtering is EI


def test_at_least_moderate_says_so_with_little_confidence() -> None:
    row, confidence = judge(TABLE, _facts(EIM, UNKNOWN))
    assert row.headline.startswith("At least Moderate")
    assert confidence <= 0.6
    assert any("RFC 5780" in text for text in _advice(EIM, UNKNOWN))


def test_lies_and_few_servers_lower_the_confidence() -> None:
    _, sure = judge(TABLE, _facts(EIM, APD))
    _, lied = judge(TABLE, _facts(EIM, APD, lies=(Lie(0, "x"),)))
    assert lied < sure


def test_blocked_needs_more_than_an_open_tcp_port_to_be_sure() -> None:
    _, spoke = judge(TABLE, _facts(NO_IDEA, UNKNOWN, Udp.BLOCKED, tcp_lives=True, tcp_speaks=True))
    _, lived = judge(TABLE, _facts(NO_IDEA, UNKNOWN, Udp.BLOCKED, tcp_lives=True))
    assert lived < spoke


def test_every_advice_can_be_given_and_at_most_three() -> None:
    for row in TABLE.advice:
        plain = {name: values[0] for name, values in row.when.items()}
        others = {"vpn": False, "cgnat": False, "double_nat": False} | plain
        assert row.text in advise(TABLE, others, most=len(TABLE.advice))
    assert len(_advice(APDM, APD)) <= 3


def _advice(mapping: Mapping, filtering: Filtering) -> tuple[str, ...]:
    row, _ = judge(TABLE, _facts(mapping, filtering))
    plain = {
        "verdict": row.verdict.value,
        "label": row.label.value,
        "udp": "ok",
        "mapping": mapping.value,
        "filtering": filtering.value,
        "cgnat": False,
        "double_nat": False,
        "vpn": False,
    }
    return advise(TABLE, plain)


def test_every_advice_says_who_can_do_it() -> None:
    doers = {row.text.partition(": ")[0] for row in TABLE.advice}
    assert doers == {"This PC", "This PC or the router", "The router", "The network", "The provider", "You"}


def test_who_has_nothing_to_change_reads_that_first() -> None:
    facts = {"verdict": "open", "label": "full-cone", "udp": "ok", "hairpin": False}
    first, *_ = advise(TABLE, facts)
    assert "nothing to change" in first
