"""What the doctor found: checks with their outcome, and findings with whose side it is (`peerscope.report/1`)."""

from enum import StrEnum

import msgspec

from netstack.model.nat import NatReport
from netstack.model.pair import PairVerdict
from netstack.model.path import PathReport, ProbeSummary


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
    """One row of the checklist: `text` is the figure in words, or why it is unknown; `detail` says more."""

    name: str
    title: str
    outcome: Outcome
    text: str
    duration_s: float | None = None
    detail: str = ""


class Steps(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to do it on one system, or one maker's router, in order."""

    system: str
    lines: tuple[str, ...]


class Finding(msgspec.Struct, frozen=True):
    """One card: what, whose side, why (evidence), and what to do.

    `letter` is a text ready to be sent to `letter_to`: provider, network, server or friend.
    """

    rule: str
    severity: Severity
    side: Side
    title: str
    evidence: tuple[str, ...]
    remedy: str
    steps: tuple[Steps, ...] = ()
    letter_to: str = ""
    letter: str = ""


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


class Rung(StrEnum):
    """Where a segment ends; each begins at this computer."""

    ROUTER = "router"
    INTERNET = "internet"
    SERVER = "server"
    PEER = "peer"


class Segment(msgspec.Struct, frozen=True):
    """The way from this computer to one station, asked `sent` times; None is "not measured"."""

    rung: Rung
    host: str | None
    hop: int | None
    sent: int
    answered: int
    rtt_p50_s: float | None = None


class PortReport(msgspec.Struct, frozen=True):
    """One port of a game: has a program here, does the router forward it, can it be reached? None: not known."""

    port: str
    game: str
    bound: bool | None
    bound_text: str
    mapped: bool | None
    mapped_text: str
    reachable: bool | None = None
    reachable_text: str = "not measured: nobody outside has knocked"


class RelayState(StrEnum):
    """Does a relay take us? UNTRUSTED: its certificate proves nothing."""

    OK = "ok"
    UNAUTHORIZED = "unauthorized"
    UNTRUSTED = "untrusted"
    UNREACHABLE = "unreachable"


class RelayWay(msgspec.Struct, frozen=True):
    """One way to a relay: udp, tcp or tls. `text` says what is wrong; `allocate_s` None: no relay was given."""

    transport: str
    state: RelayState
    allocate_s: float | None = None
    text: str = ""


class RelayReach(msgspec.Struct, frozen=True):
    """A TURN server of the configuration, by the best of its ways; `tls_url`: it answers TLS there, which nobody named."""

    url: str
    state: RelayState
    ways: tuple[RelayWay, ...] = ()
    tls_url: str | None = None


class PeerReport(msgspec.Struct, frozen=True, kw_only=True):
    """A live peer: by which way the session goes (`kind` direct, local or relay), both networks as a pair, the way to it."""

    name: str
    transport: str
    kind: str
    remote: str
    connect_s: float
    pair: PairVerdict
    probes: ProbeSummary = ProbeSummary()


class DoctorReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer. `verdict` is one sentence; `unknown` names the rules that could not be judged.

    `bad_from`: the first stretch of `segments` that is bad, and stays so to the end: home, line or beyond.
    """

    schema: str = "peerscope.report/1"
    verdict: str = ""
    findings: tuple[Finding, ...] = ()
    unknown: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    nat: NatReport | None = None
    turn: tuple[RelayReach, ...] = ()
    quality: Quality | None = None
    segments: tuple[Segment, ...] = ()
    bad_from: str | None = None
    ports: tuple[PortReport, ...] = ()
    paths: tuple[PathReport, ...] = ()
    peer: PeerReport | None = None
    started_at_s: float = 0.0
    duration_s: float = 0.0
    failure: str | None = None
    failure_text: str | None = None
    network: str = "real"


class DoctorState(msgspec.Struct, frozen=True):
    """The doctor at work: the rows so far, and the newest report, kept when a run is cancelled.

    `nat` is what the run found out about the NAT so far, `ports` what was asked of a game, one of `games`. `retesting` is the rule that is looked at again, empty in a whole run.
    """

    running: bool = False
    checks: tuple[Check, ...] = ()
    nat: NatReport | None = None
    report: DoctorReport | None = None
    retesting: str = ""
    games: tuple[str, ...] = ()
    ports: tuple[PortReport, ...] = ()
