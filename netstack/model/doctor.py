"""What the doctor found: checks with their outcome, and findings with whose side it is (`peerscope.report/1`)."""

from enum import StrEnum

import msgspec

from netstack.model.nat import NatReport
from netstack.model.path import PathReport


class Side(StrEnum):
    """Who can put it right."""

    PC = "pc"
    NETWORK = "network"
    ROUTER = "router"
    PROVIDER = "provider"
    PEER = "peer"
    SERVER = "server"


class Severity(StrEnum):
    """A problem keeps people apart or spoils the game; a hint is worth knowing."""

    PROBLEM = "problem"
    HINT = "hint"


class Outcome(StrEnum):
    """What became of a check, or of a rule."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"
    RUNNING = "running"


class Check(msgspec.Struct, frozen=True):
    """One row of the checklist: `text` is the figure in words, or why it is unknown."""

    name: str
    title: str
    outcome: Outcome
    text: str
    duration_s: float | None = None


class Finding(msgspec.Struct, frozen=True):
    """One card: what, whose side, why (evidence), and what to do."""

    rule: str
    severity: Severity
    side: Side
    title: str
    evidence: tuple[str, ...]
    remedy: str


class Quality(msgspec.Struct, frozen=True):
    """The way to a server, measured by many small requests: seconds and shares; None is "not measured"."""

    server: str
    sent: int
    answered: int
    rtt_p50_s: float | None = None
    rtt_p99_s: float | None = None
    jitter_s: float | None = None
    longest_loss: int = 0
    mtu_bytes: int | None = None
    mtu_sent_bytes: int | None = None

    @property
    def loss(self) -> float | None:
        """Share of requests without an answer."""
        return 1 - self.answered / self.sent if self.sent else None


class DoctorReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer. `verdict` is one sentence; `unknown` names the rules that could not be judged."""

    schema: str = "peerscope.report/1"
    verdict: str = ""
    findings: tuple[Finding, ...] = ()
    unknown: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    nat: NatReport | None = None
    turn: None = None
    quality: Quality | None = None
    paths: tuple[PathReport, ...] = ()
    started_at_s: float = 0.0
    duration_s: float = 0.0
    failure: str | None = None
    failure_text: str | None = None
    network: str = "real"
