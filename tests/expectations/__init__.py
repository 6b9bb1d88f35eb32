"""What the diagnosis must say of every NAT kind, and which route every pair has: `nat.toml`, typed.

One file for the kernel's NATs and the lab's: `nat`, `chain` and `route` look it up.
"""

from collections.abc import Iterable
from enum import StrEnum
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from netstack.model.nat import Filtering, Label, Mapping, NatReport, Udp, Verdict

UNDECIDED = (None, "unknown")


class Route(StrEnum):
    """The best route of a pair; a relay is always possible."""

    DIRECT = "direct"
    PREDICTION = "prediction"
    BIRTHDAY = "birthday"
    TCP = "tcp"
    RELAY = "relay"


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a report must say. `hairpin` is (without, with) the router's help; None where it means nothing."""

    verdict: Verdict
    label: Label
    udp: Udp
    mapping: Mapping
    filtering: Filtering
    port_preservation: bool | None = None
    hairpin: tuple[bool, bool] | None = None

    def facts(self, *, hairpin: bool = False) -> dict[str, Any]:
        """The expected part of the JSON report, for a router that offers hairpinning or not."""
        seen = self.hairpin[hairpin] if self.hairpin else None
        return msgspec.to_builtins(self) | {"hairpin": seen}


class Expectations(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file. `route` has every unordered pair once."""

    nat: dict[str, Expected]
    chain: dict[str, Expected]
    route: dict[str, dict[str, Route]]


ALL = msgspec.toml.decode(Path(__file__).with_name("nat.toml").read_bytes(), type=Expectations)
KINDS = tuple(ALL.nat)
"""The ten kinds."""
CHAINS: tuple[tuple[str, str], ...] = tuple(
    (home, carrier) for home, _, carrier in (name.partition(" > ") for name in ALL.chain)
)
"""(home, carrier) of two NATs in a row."""
PAIRS = tuple(combinations_with_replacement(KINDS, 2))
"""Every unordered pair of kinds."""


def nat(kind: str) -> Expected:
    """What is true behind a NAT of that kind."""
    return ALL.nat[kind]


def chain(home: str, carrier: str) -> Expected:
    """What is true behind two NATs in a row."""
    return ALL.chain[f"{home} > {carrier}"]


def route(one: str, other: str) -> Route:
    """The best route between clients behind these two; the order does not matter."""
    row = ALL.route[one]
    return row[other] if other in row else ALL.route[other][one]


def said(report: NatReport, names: Iterable[str]) -> dict[str, Any]:
    """The part of the JSON report that has these names."""
    plain = msgspec.to_builtins(report)
    return {name: plain[name] for name in names}


class Judgement(NamedTuple):
    """How a report stands to the truth: names of the facts in each group."""

    right: tuple[str, ...]
    undecided: tuple[str, ...]
    wrong: tuple[str, ...]


def judge(report: NatReport, expected: Expected, *, hairpin: bool) -> Judgement:
    """A word is wrong when it is neither the truth nor "unknown".

    "At least Moderate" (verdict moderate, filtering unknown) is the exception: it claims no more than it knows.
    """
    facts = expected.facts(hairpin=hairpin)
    groups: dict[str, list[str]] = {"right": [], "undecided": [], "wrong": []}
    for name, value in said(report, facts).items():
        at_least = name == "verdict" and value == "moderate" and report.filtering == "unknown"
        if value == facts[name]:
            groups["right"].append(name)
        elif value in UNDECIDED or (at_least and facts[name] == "open"):
            groups["undecided"].append(name)
        else:
            groups["wrong"].append(f"{name} {value}, not {facts[name]}")
    return Judgement(*(tuple(group) for group in groups.values()))
