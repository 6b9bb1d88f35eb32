"""What is known of the NAT in front of this computer, in the words of RFC 4787."""

from enum import StrEnum

import msgspec

from netstack.model.address import Family


class Verdict(StrEnum):
    """The word that players know."""

    OPEN = "open"
    MODERATE = "moderate"
    STRICT = "strict"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


class Udp(StrEnum):
    """Whether UDP passes at all."""

    OK = "ok"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


class Mapping(StrEnum):
    """How the public port is chosen (RFC 4787 section 4.1); none: no translation."""

    NONE = "none"
    ENDPOINT_INDEPENDENT = "endpoint-independent"
    ADDRESS_DEPENDENT = "address-dependent"
    ADDRESS_AND_PORT_DEPENDENT = "address-and-port-dependent"
    UNKNOWN = "unknown"


class Filtering(StrEnum):
    """Who may send to the public port (RFC 4787 section 5)."""

    ENDPOINT_INDEPENDENT = "endpoint-independent"
    ADDRESS_DEPENDENT = "address-dependent"
    ADDRESS_AND_PORT_DEPENDENT = "address-and-port-dependent"
    UNKNOWN = "unknown"


class Label(StrEnum):
    """The RFC 3489 names, derived from mapping and filtering."""

    OPEN = "open"
    FULL_CONE = "full-cone"
    RESTRICTED_CONE = "restricted-cone"
    PORT_RESTRICTED_CONE = "port-restricted-cone"
    SYMMETRIC = "symmetric"
    FIREWALL = "firewall"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


class Evidence(msgspec.Struct, frozen=True):
    """One thing that was seen, and the fact that it speaks for. `fact` is a field name of the report."""

    fact: str
    text: str


class ServerReport(msgspec.Struct, frozen=True):
    """How one STUN server behaved in this check and before.

    `rtt_s` is this check's first answered try; `response_time_s` is the moving average over checks;
    `strikes` counts proved lies, `struck_for` says which in this check.
    """

    server: str
    address: str | None
    answered: bool
    rtt_s: float | None
    strikes: int
    struck_for: str | None = None
    failure: str | None = None
    mapped: str | None = None
    response_time_s: float | None = None
    success_rate: float | None = None
    last_used_s_ago: float | None = None
    consecutive_failures: int = 0


class Lifetime(msgspec.Struct, frozen=True):
    """How long an idle mapping lives: it was alive after `alive_s` and gone after `gone_s`."""

    alive_s: float | None
    gone_s: float | None


class TimelineEntry(msgspec.Struct, frozen=True):
    """One probe on the timeline: `start_s` and `end_s` count from the start of the check."""

    name: str
    target: str
    start_s: float
    end_s: float | None
    sends: int
    outcome: str


class FamilyReport(msgspec.Struct, frozen=True):
    """The facts of one IP version."""

    family: Family
    udp: Udp = Udp.UNKNOWN
    mapping: Mapping = Mapping.UNKNOWN
    filtering: Filtering = Filtering.UNKNOWN
    filtering_reason: str = "not measured"
    hairpin: bool | None = None
    port_preservation: bool | None = None
    public_addresses: tuple[str, ...] = ()
    local_address: str | None = None


class NatReport(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to "what does my NAT do?" (`peerscope.nat/1`). None is "not measured"."""

    schema: str = "peerscope.nat/1"
    verdict: Verdict = Verdict.UNKNOWN
    provisional: bool = False
    headline: str = ""
    udp: Udp = Udp.UNKNOWN
    mapping: Mapping = Mapping.UNKNOWN
    filtering: Filtering = Filtering.UNKNOWN
    filtering_reason: str = "not measured"
    label: Label = Label.UNKNOWN
    hairpin: bool | None = None
    port_preservation: bool | None = None
    lifetime: Lifetime | None = None
    public_addresses: tuple[str, ...] = ()
    local_addresses: tuple[str, ...] = ()
    cgnat: bool | None = None
    double_nat: bool | None = None
    vpn: str | None = None
    gateway: str | None = None
    gateway_wan: str | None = None
    port_mapping: bool | None = None
    confidence: float = 0.0
    servers: tuple[ServerReport, ...] = ()
    families: tuple[FamilyReport, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    advice: tuple[str, ...] = ()
    timeline: tuple[TimelineEntry, ...] = ()
    started_at_s: float = 0.0
    duration_s: float = 0.0
    cached: bool = False
    failure: str | None = None
    failure_text: str | None = None
    network: str = "real"
