"""The doctor's rules: a readable table, applied to facts. Pure.

A rule fires when every fact that it names has one of the values listed and lies above or below its bounds. When a fact
that it needs is not known, and none that is known contradicts it, its outcome is unknown.
"""

import string
from typing import Any

import msgspec

from netstack.model.doctor import Finding, Outcome, Severity, Side, Steps

Facts = dict[str, str | bool | float | None]


class Variant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What else a rule says when more is known: the first variant whose `when` holds."""

    when: dict[str, tuple[str | bool, ...]]
    side: Side
    remedy: str
    evidence: tuple[str, ...] = ()


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row. `check` is the row of the checklist that it judges.

    `evidence`, `steps` and `letter` hold `{fact}` places; a line whose fact is not known is left out. `above` and
    `below` are bounds of numbers.
    """

    id: str
    check: str
    severity: Severity
    side: Side
    title: str
    remedy: str
    evidence: tuple[str, ...]
    when: dict[str, tuple[str | bool, ...]] = {}
    above: dict[str, float] = {}
    below: dict[str, float] = {}
    variants: tuple[Variant, ...] = ()
    steps: tuple[Steps, ...] = ()
    letter_to: str = ""
    letter: str = ""

    @property
    def needs(self) -> set[str]:
        """The facts that decide it."""
        return {*self.when, *self.above, *self.below}


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table as read from `resources/rules/doctor.toml`."""

    rule: tuple[Rule, ...]

    def named(self, name: str) -> Rule:
        """Raises KeyError for a name that is in no row."""
        return {rule.id: rule for rule in self.rule}[name]


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
            fired.append(_finding(rule, facts))
    fired.sort(key=lambda finding: finding.severity is not Severity.PROBLEM)
    return tuple(fired), tuple(unknown)


def _finding(rule: Rule, facts: Facts) -> Finding:
    shown = _Shown(facts)
    known = next((v for v in rule.variants if all(facts[n] in values for n, values in v.when.items())), None)
    side = known.side if known else rule.side
    to_write = rule.letter_to != "provider" or side is Side.PROVIDER
    return Finding(
        rule=rule.id,
        severity=rule.severity,
        side=side,
        title=rule.title,
        evidence=shown.lines((*rule.evidence, *(known.evidence if known else ()))),
        remedy=" ".join(shown.lines((known.remedy if known else rule.remedy,))),
        steps=tuple(Steps(each.system, shown.lines(each.lines)) for each in rule.steps),
        letter_to=rule.letter_to if to_write else "",
        letter="\n".join(shown.lines(tuple(rule.letter.strip().split("\n")))) if to_write else "",
    )


def duration_words(seconds: float) -> str:
    """Three digits and the unit that suits: 12.3 ms, 4.5 s, 3 h."""
    for unit_s, unit in ((86_400.0, "days"), (3600.0, "h"), (60.0, "min"), (1.0, "s")):
        if seconds >= 2 * unit_s or (unit_s == 1.0 and seconds >= 1.0):
            return f"{seconds / unit_s:.3g} {unit}"
    return f"{seconds * 1000:.3g} ms"


class _Shown(dict[str, Any]):
    """Facts as they stand in a sentence: times in the unit that suits, shares in per cent."""

    def __init__(self, facts: Facts) -> None:
        super().__init__()
        for name, fact in facts.items():
            if isinstance(fact, float) and name.endswith("_s"):
                self[name] = duration_words(fact)
            elif isinstance(fact, float):
                self[name] = f"{fact * 100:.2g} %"
            elif fact is not None:
                self[name] = fact

    def lines(self, texts: tuple[str, ...]) -> tuple[str, ...]:
        """The lines with their facts; those that need one which is not known are left out."""
        return tuple(text.format_map(self) for text in texts if _places(text) <= self.keys())


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}
