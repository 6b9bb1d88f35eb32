"""The doctor's rules: a readable table, applied to facts. Pure.

A rule fires when every fact that it names has one of the values listed and lies above or below its bounds. When a fact
that it needs is not known, and none that is known contradicts it, its outcome is unknown.
"""

from typing import Any

import msgspec

from netstack.model.doctor import Finding, Outcome, Severity, Side


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row. `evidence` are sentences with `{fact}` places; `above` and `below` are bounds of numbers."""

    id: str
    severity: Severity
    side: Side
    title: str
    remedy: str
    evidence: tuple[str, ...]
    when: dict[str, tuple[str | bool, ...]] = {}
    above: dict[str, float] = {}
    below: dict[str, float] = {}


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table as read from `resources/rules/doctor.toml`."""

    rule: tuple[Rule, ...]


Facts = dict[str, str | bool | float | None]


def evaluate(rule: Rule, facts: Facts) -> Outcome:
    """BAD: it fires. GOOD: it does not. UNKNOWN: a fact is missing. Raises KeyError for a fact that nobody gathers."""
    missing = False
    for name, values in rule.when.items():
        fact = facts[name]
        if fact is None:
            missing = True
        elif fact not in values:
            return Outcome.GOOD
    for bounds, sign in ((rule.above, 1.0), (rule.below, -1.0)):
        for name, bound in bounds.items():
            fact = facts[name]
            if fact is None:
                missing = True
            elif sign * (float(fact) - bound) <= 0:
                return Outcome.GOOD
    return Outcome.UNKNOWN if missing else Outcome.BAD


def findings(rules: Rules, facts: Facts) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """What fires, problems first, and the ids of rules whose outcome is unknown."""
    fired, unknown = [], []
    for rule in rules.rule:
        outcome = evaluate(rule, facts)
        if outcome is Outcome.UNKNOWN:
            unknown.append(rule.id)
        elif outcome is Outcome.BAD:
            fired.append(
                Finding(
                    rule=rule.id,
                    severity=rule.severity,
                    side=rule.side,
                    title=rule.title,
                    evidence=tuple(text.format_map(_Shown(facts)) for text in rule.evidence),
                    remedy=rule.remedy,
                )
            )
    fired.sort(key=lambda finding: finding.severity is not Severity.PROBLEM)
    return tuple(fired), tuple(unknown)


class _Shown(dict[str, Any]):
    """Facts as they stand in a sentence: times in ms, shares in per cent."""

    def __init__(self, facts: Facts) -> None:
        super().__init__()
        for name, fact in facts.items():
            if isinstance(fact, float) and name.endswith("_s"):
                self[name] = f"{fact * 1000:.3g} ms"
            elif isinstance(fact, float):
                self[name] = f"{fact * 100:.2g} %"
            else:
                self[name] = fact
