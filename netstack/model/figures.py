"""Figures beside those that Peerscope means to beat."""

from enum import StrEnum

import msgspec


class Place(StrEnum):
    """Where a figure was measured."""

    LAB = "lab, virtual time"
    LOOPBACK = "this computer's loopback"
    RADIO = "the lab's radio, real time"
    PROCESS = "one process"
    NOWHERE = "cannot be measured here"


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `goal` is what is to be beaten, `value` ours as people read it, `definition` what both mean.

    `n` is how many samples ours stands on; None where it is not a sample.
    """

    group: str
    name: str
    goal: str
    value: str
    definition: str
    place: Place
    n: int | None = None


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """All of them, and the machine (processor, cores, system, Python)."""

    machine: str
    taken: str
    rows: tuple[Figure, ...]


def mbit_text(bits_per_s: float) -> str:
    """A throughput in three digits: "0.46 Mbit/s", "1,320 Mbit/s"."""
    return f"{float(f'{bits_per_s / 1e6:.3g}'):,g} Mbit/s"
