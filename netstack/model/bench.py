"""What a benchmark of this computer's own sessions found."""

from enum import StrEnum
from typing import ClassVar

import msgspec

from netstack.errors import Fault, PeerscopeError
from netstack.model.race import RaceState


class BenchResult(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of one transport; `value` None is "not measured", `n` how many samples it stands on."""

    transport: str
    metric: str
    value: float | None
    unit: str
    n: int


class BenchReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was measured ("peerscope.bench/1").

    `network` is `loopback` (two processes of this computer) or `lab` (a virtual link, in virtual time, with `loss`,
    `rtt_s` and `link_bps`). `sessions` were up at once. `relay` is the server that TURN was measured through ("coturn" or "peerscope").
    `race` is there where one was run.
    """

    schema: str = "peerscope.bench/1"
    network: str = "loopback"
    loss: float | None = None
    rtt_s: float | None = None
    link_bps: float | None = None
    sessions: int = 1
    relay: str | None = None
    results: tuple[BenchResult, ...] = ()
    race: RaceState | None = None
    failure: str | None = None
    failure_text: str | None = None


class BenchError(PeerscopeError):
    """A benchmark could not be run."""

    class Reason(StrEnum):
        """What went wrong."""

        DIED = "partner-died"
        SILENT = "partner-silent"
        WRONG_USE = "wrong-use"

    TABLE: ClassVar = {
        Reason.DIED: (Fault.PC, "The other process ended unexpectedly; is there enough memory?"),
        Reason.SILENT: (Fault.PC, "The other process does not answer; is this computer very busy?"),
        Reason.WRONG_USE: (Fault.USER, "That cannot be measured."),
    }
