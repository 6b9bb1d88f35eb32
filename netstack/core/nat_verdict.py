"""From facts to a word that people know, by the decision table of `resources/nat_verdicts.toml`. Pure."""

from typing import Any

import msgspec

from netstack.core.nat_fold import Facts
from netstack.model.nat import Filtering, Label, Mapping, Udp, Verdict

FEWER_SERVERS = {0: 0.5, 1: 0.7, 2: 0.9}
LIED_TO = 0.95
CONNECTED_ONLY = 0.7


class VerdictRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row: empty conditions match everything; the first row that matches decides."""

    id: str
    verdict: Verdict
    label: Label
    confidence: float
    headline: str
    udp: tuple[Udp, ...] = ()
    mapping: tuple[str, ...] = ()
    filtering: tuple[Filtering, ...] = ()
    port_mapping: bool | None = None


class AdviceRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Advice that is given when every fact named in `when` has one of the values listed."""

    id: str
    text: str
    when: dict[str, tuple[str | bool, ...]]


class VerdictTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole table, as read from the resource."""

    verdict: tuple[VerdictRow, ...]
    advice: tuple[AdviceRow, ...]


def judge(table: VerdictTable, facts: Facts, *, port_mapping: bool | None = None) -> tuple[VerdictRow, float]:
    """The row that fits and the confidence (0 to 1) in it. Raises LookupError when the table has a hole."""
    report = facts.report
    mapping = "dependent" if facts.dependent and report.mapping is Mapping.UNKNOWN else report.mapping.value
    for row in table.verdict:
        if (
            (not row.udp or report.udp in row.udp)
            and (not row.mapping or mapping in row.mapping)
            and (not row.filtering or report.filtering in row.filtering)
            and (row.port_mapping is None or row.port_mapping == port_mapping)
        ):
            return row, round(row.confidence * _trust(facts), 2)
    raise LookupError(f"no row for {report.udp}, {mapping}, {report.filtering}")


def advise(table: VerdictTable, facts: dict[str, Any], most: int = 3) -> tuple[str, ...]:
    """The sentences that apply, most important first (the table's order)."""
    return tuple(
        row.text
        for row in table.advice
        if all(facts.get(name) in values for name, values in row.when.items())
    )[:most]


def _trust(facts: Facts) -> float:
    if facts.report.udp is Udp.BLOCKED:
        return 1.0 if facts.tcp_speaks else CONNECTED_ONLY
    trust = FEWER_SERVERS.get(facts.agreeing, 1.0) if facts.report.udp is Udp.OK else 1.0
    return trust * (LIED_TO if facts.lies else 1.0)
