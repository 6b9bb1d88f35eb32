"""What the lab finds out: one pair's try, one scenario's run, the grid of all kinds of NAT."""

import msgspec

from netstack.model.coordinator import DrillResult, Published
from netstack.model.nat import NatReport

Interval = tuple[float, float]


class ScenarioLine(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario as a list shows it."""

    name: str
    title: str
    story: str


class ScenarioList(msgspec.Struct, frozen=True, kw_only=True):
    """Every scenario ("peerscope.lab-list/1")."""

    schema: str = "peerscope.lab-list/1"
    scenarios: tuple[ScenarioLine, ...]
    failure: str | None = None
    failure_text: str | None = None


class PairOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """One try of two people to connect; `method` is who punched the holes.

    `first_byte_s` counts from the moment both began until each had a byte of the other. `paths` are the
    kinds of path that each side settled on (they may differ), empty where it failed. `silence_s` is the
    longest time that either heard nothing, where they went on talking.
    """

    method: str
    connected: bool
    direct: bool
    first_byte_s: float | None = None
    paths: tuple[str, str] = ("", "")
    silence_s: float | None = None


class LabRun(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario from end to end ("peerscope.lab-run/1"). `nat` and `names` go by the host's name.

    `drill` is the failover drill, which belongs to one scenario; `published` are figures of others, not measured here.
    """

    schema: str = "peerscope.lab-run/1"
    scenario: str
    title: str
    story: str
    seed: int
    pair: tuple[str, str]
    names: dict[str, str]
    nat: dict[str, NatReport]
    connection: PairOutcome
    sentence: str
    as_expected: bool
    drill: tuple[DrillResult, ...] = ()
    published: tuple[Published, ...] = ()
    failure: str | None = None
    failure_text: str | None = None


class StoryState(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario being played: how far (0 to 1), what happens now, and what is known so far.

    `nat` goes by the host's name and may hold provisional reports; `run` is there at the end only.
    """

    running: bool = False
    progress: float = 0.0
    step: str = ""
    nat: dict[str, NatReport] = {}
    run: LabRun | None = None


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One pair of NAT kinds. `direct` and `connected` count tries; the intervals are those of their rates.

    `route` is what most tries took: "direct", "relay" or "none". `connect_p50_s` is the median of
    `first_byte_s`, in virtual time, over the tries that connected.
    """

    a: str
    b: str
    tries: int
    direct: int
    connected: int
    route: str
    direct_interval: Interval
    connected_interval: Interval
    connect_p50_s: float | None


class Matrix(msgspec.Struct, frozen=True, kw_only=True):
    """The NAT x NAT grid ("peerscope.lab-matrix/1"): every unordered pair once."""

    schema: str = "peerscope.lab-matrix/1"
    method: str
    note: str
    seed: int
    tries: int
    kinds: tuple[str, ...]
    cells: tuple[Cell, ...]
    failure: str | None = None
    failure_text: str | None = None


class GridState(msgspec.Struct, frozen=True, kw_only=True):
    """The grid while it is filled in: the cells so far of `total`; `matrix` once it is whole."""

    running: bool = False
    tries: int = 0
    total: int = 0
    cells: tuple[Cell, ...] = ()
    matrix: Matrix | None = None
