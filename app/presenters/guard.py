"""The entrances of the open sessions in words: who is suspect and until when, and what was not let in and why."""

import time

import msgspec

from app.presenters.veil import Veil
from netstack.model.guard import GuardState

REASONS = {
    "peer-bytes": "more bytes than one address may bring",
    "peer-packets": "more packets than one address may bring",
    "all-bytes": "more bytes than everybody may bring",
    "all-packets": "more packets than everybody may bring",
}
HARMLESS = frozenset({"replayed", "old-key", "closed"})
"""A network repeats packets, and some come late; they are listed beside others, and no reason to show anything."""


class GuardView(msgspec.Struct, frozen=True):
    """`suspects` and `dropped` are (name, value, note) each; `empty`: nothing that anybody need look at."""

    sentence: str
    suspects: tuple[tuple[str, str, str], ...]
    dropped: tuple[tuple[str, str, str], ...]
    empty: bool


def present_guard(state: GuardState, veil: Veil, wall_s: float) -> GuardView:
    """At `wall_s` (seconds since 1970), with public addresses hidden as the veil says."""
    suspects = tuple(
        (veil(each.peer), f"until {_clock(each.until_s)}", f"went over its limit {each.over:,} times")
        for each in state.suspects
        if each.until_s > wall_s
    )
    dropped = tuple(
        (REASONS.get(reason, reason.replace("-", " ")).capitalize(), f"{count:,}", "packets")
        for reason, count in state.dropped
        if count
    )
    sentence = (
        "They brought far more than they may and get a tenth until then; Settings, Limits, says how much that is."
        if suspects
        else "Nobody is suspicious. These packets were counted and dropped, and did nothing."
    )
    harmless = all(reason in HARMLESS for reason, count in state.dropped if count)
    return GuardView(sentence, suspects, dropped, empty=not suspects and harmless)


def _clock(at_s: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at_s))
