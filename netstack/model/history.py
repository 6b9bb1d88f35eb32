"""What is remembered of earlier days: diagnoses, sessions, changes of their paths, and thinned-out series."""

from enum import StrEnum

import msgspec


class RunKind(StrEnum):
    """What was found out."""

    DOCTOR = "doctor"
    NAT = "nat"
    TURN = "turn"
    LOAD = "load"


class Standing(StrEnum):
    """How it looked then: fine, a problem, or not to be tested."""

    FINE = "fine"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One diagnosis. `at_s` counts from 1970. `facts` are what two runs of a kind are compared by: name and value,
    None for "not measured"; times and counts that differ from run to run are not among them.
    """

    id: int
    at_s: float
    kind: RunKind
    network: str
    title: str
    standing: Standing
    facts: dict[str, str | None]


class PathChange(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to a session's paths, and why where that is known."""

    at_s: float
    what: str
    transport: str = ""
    remote: str = ""
    text: str = ""


class PastSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session with somebody. `ended_s` None: it is open, or the program ended without a word."""

    id: int
    began_s: float
    ended_s: float | None
    peer: str
    transports: tuple[str, ...] = ()
    changes: tuple[PathChange, ...] = ()


class Point(msgspec.Struct, frozen=True):
    """One span of a series: it begins at `at_s` (1970) and lasts `step_s`; SI units; `n` measurements."""

    at_s: int
    step_s: int
    least: float
    mean: float
    most: float
    p99: float
    n: float


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """One path's series of one metric (a field of `PathSeries`)."""

    peer: str
    transport: str
    metric: str
    points: tuple[Point, ...]


class Change(msgspec.Struct, frozen=True):
    """A fact that differs between two runs; None is "not measured"."""

    fact: str
    before: str | None
    after: str | None


class Comparison(msgspec.Struct, frozen=True):
    """Two runs of one kind: what changed, and what stayed."""

    before: Run
    after: Run
    changes: tuple[Change, ...]
    same: tuple[str, ...]


class HistoryReport(msgspec.Struct, frozen=True, kw_only=True):
    """`peerscope history` (`peerscope.history/1`), newest first."""

    schema: str = "peerscope.history/1"
    network: str = "real"
    runs: tuple[Run, ...] = ()
    sessions: tuple[PastSession, ...] = ()
    size_bytes: int = 0
    failure: str | None = None
    failure_text: str | None = None


class ComparisonReport(msgspec.Struct, frozen=True, kw_only=True):
    """`peerscope history --compare` (`peerscope.comparison/1`)."""

    schema: str = "peerscope.comparison/1"
    comparison: Comparison | None = None
    failure: str | None = None
    failure_text: str | None = None


class HistoryState(msgspec.Struct, frozen=True):
    """History in the snapshot. `revision` rises when there is something new to read; `problem` is a sentence while
    nothing can be kept; `undo_s` is how long what was forgotten can still be brought back.
    """

    kept: bool = False
    revision: int = 0
    size_bytes: int = 0
    problem: str = ""
    undo_s: float = 0.0
