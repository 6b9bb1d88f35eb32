"""The NAT check, first half: which probes to send next, given what is known (RFC 4787, RFC 5780).

Drive it with three calls, two of them pure: `plan(state, now_s)` says which probes to start and which to
drop, the service runs them and appends each `Outcome` to the state, `nat_fold.facts_of(state, family)` says
what is known. Times count from the start of the check.

How each fact is proved:
- mapping: one socket asks servers on distinct addresses; equal answers mean endpoint-independent.
- filtering: a fresh socket asks a server to answer from another address (CHANGE-REQUEST). An answer proves
  that it passes. Silence proves something only if the same server, asked by a socket that has contacted its
  second address before (the control), does answer from there.
- hairpin: two sockets send to each other's public address.
- UDP blocked: no server answers over UDP, and one does over TCP.
"""

from enum import StrEnum

import msgspec

from netstack.model.address import Address, Family, Scope, scope

ANSWER_SENDS_S = (
    0.0,
    0.1,
    0.2,
    0.4,
    0.8,
    1.3,
)  # three before a straggler is dropped: it may be the only prover
ANSWER_END_S = 1.9
TCP_AFTER_S = 0.4
PROVISIONAL_S = 1.2
TCP_END_S = 1.9
NEGATIVE_SENDS = 5
NEGATIVE_SPAN_S = 0.3
NEGATIVE_RTTS = 3.0
GUESS_SENDS_S = (0.0, 0.15, 0.4)
GUESS_END_S = 0.7
GATEWAY_SENDS_S = (0.0, 0.25, 0.75)
GATEWAY_END_S = 1.2
NAT_PMP_PORT = 5351
GUESSED_PORTS = (3478, 3479, 19302)
MAX_SERVERS = 8
MAX_PROVERS = 2
ENOUGH_SERVERS = 3


class Kind(StrEnum):
    """What a probe asks."""

    MAPPING = "mapping"
    RECHECK = "recheck"
    OTHER_PORT = "other-port"
    CHANGE_BOTH = "filtering-both"
    CHANGE_PORT = "filtering-port"
    HOLE = "hole"
    CONTROL_BOTH = "control-both"
    CONTROL_PORT = "control-port"
    HAIRPIN_OPEN = "hairpin-open"
    HAIRPIN = "hairpin"
    TCP = "tcp"
    GATEWAY = "gateway"


class Result(StrEnum):
    """How a probe ended. IGNORED: an answer, but from the address that should not have been used."""

    ANSWERED = "answered"
    SILENT = "silent"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    IGNORED = "ignored"
    ERROR = "error"
    CONNECTED = "connected"
    DROPPED = "dropped"


class Probe(msgspec.Struct, frozen=True):
    """One question, asked at `sends_s` (after the probe's start) until answered or `end_s`.

    `socket` names the socket to ask from; the service opens one for each name. `server` is an index into
    `State.servers`, -1 for none.
    """

    kind: Kind
    family: Family
    socket: str
    target: Address
    server: int = -1
    sends_s: tuple[float, ...] = ANSWER_SENDS_S
    end_s: float = ANSWER_END_S
    change_ip: bool = False
    change_port: bool = False
    response_port: int | None = None
    awaited_on: str = ""

    @property
    def name(self) -> str:
        """Distinct within a check."""
        return f"{self.kind} {self.socket}>{self.target}"


class Outcome(msgspec.Struct, frozen=True):
    """How one probe went. `rtt_s` belongs to the try that was answered; `code` is a STUN error code."""

    probe: Probe
    result: Result
    start_s: float
    end_s: float
    sends: int = 1
    rtt_s: float | None = None
    mapped: Address | None = None
    source: Address | None = None
    other: Address | None = None
    local_port: int = 0
    rubbish: int = 0
    code: int | None = None


class Server(msgspec.Struct, frozen=True):
    """A STUN server that was named: `hosts` None while its name is looked up, empty when that failed."""

    name: str
    port: int
    hosts: tuple[str, ...] | None = None
    failure: str | None = None

    def address(self, family: Family) -> Address | None:
        """Its first address of that family."""
        for host in self.hosts or ():
            if Address(host, 0).family is family:
                return Address(host, self.port)
        return None


class State(msgspec.Struct, frozen=True):
    """All that a check knows: what this computer has, the servers, what was started and how it ended.

    `other_hosts` are addresses of this computer that are not on its way out: a VPN's, a second interface's.
    """

    servers: tuple[Server, ...]
    local_hosts: tuple[str, ...] = ()
    vpn: str | None = None
    other_hosts: tuple[str, ...] = ()
    gateway: str | None = None
    gateway_wan: str | None = None
    port_mapping: bool | None = None
    families: tuple[Family, ...] = (Family.IPV4,)
    started: tuple[tuple[Probe, float], ...] = ()
    outcomes: tuple[Outcome, ...] = ()

    def of(self, *kinds: Kind, family: Family | None = None) -> tuple[Outcome, ...]:
        """Outcomes of these kinds, in the order in which they came."""
        return tuple(
            outcome
            for outcome in self.outcomes
            if outcome.probe.kind in kinds and (family is None or outcome.probe.family is family)
        )

    def answered(self, *kinds: Kind, family: Family) -> tuple[Outcome, ...]:
        """Those of them that were answered."""
        return tuple(
            outcome for outcome in self.of(*kinds, family=family) if outcome.result is Result.ANSWERED
        )

    def running(self) -> tuple[tuple[Probe, float], ...]:
        """Probes that were started and have not ended, with their start."""
        ended = {outcome.probe.name for outcome in self.outcomes}
        return tuple((probe, start_s) for probe, start_s in self.started if probe.name not in ended)


class Plan(msgspec.Struct, frozen=True):
    """What to do now: probes to start, names of probes to drop, when to ask again (None: on news only)."""

    start: tuple[Probe, ...] = ()
    drop: tuple[str, ...] = ()
    wake_s: float | None = None


def families_of(local_hosts: tuple[str, ...]) -> tuple[Family, ...]:
    """IPv4, unless there is only IPv6; IPv6 where this computer has an address beyond its link."""
    reaching = {Scope.PUBLIC, Scope.PRIVATE}
    has6 = any(":" in host and scope(host) in reaching for host in local_hosts)
    has4 = any(":" not in host for host in local_hosts)
    return ((Family.IPV4,) if has4 or not has6 else ()) + ((Family.IPV6,) if has6 else ())


def plan(state: State, now_s: float) -> Plan:
    """What to start, drop and wait for. Pure: the same state gives the same plan."""
    wanted: list[Probe] = []
    wakes: list[float] = []
    drop: list[str] = []
    if state.gateway and ":" not in state.gateway and _leaves_this_computer(state):
        target = Address(state.gateway, NAT_PMP_PORT)
        wanted.append(
            Probe(Kind.GATEWAY, Family.IPV4, "gateway", target, sends_s=GATEWAY_SENDS_S, end_s=GATEWAY_END_S)
        )
    for family in state.families:
        wanted += _first_wave(state, family)
        wanted += _filtering(state, family)
        wanted += _mapping_details(state, family)
        wanted += _hairpin(state, family)
        wanted += _tcp(state, family, now_s, wakes)
        drop += _stragglers(state, family, now_s, wakes)
    known = {probe.name for probe, _ in state.started}
    start = {probe.name: probe for probe in wanted if probe.name not in known}
    later = [at_s for at_s in wakes if at_s > now_s]
    return Plan(tuple(start.values()), tuple(drop), min(later, default=None))


def unique_servers(state: State, family: Family) -> tuple[tuple[int, Address], ...]:
    """Servers with an address of that family, one for each IP address, as (index, address)."""
    seen: dict[str, tuple[int, Address]] = {}
    for index, server in enumerate(state.servers[:MAX_SERVERS]):
        address = server.address(family)
        if address is not None:
            seen.setdefault(address.host, (index, address))
    return tuple(seen.values())


def _leaves_this_computer(state: State) -> bool:
    """Whether a server is elsewhere: for servers of this computer the router is not asked anything."""
    return any(scope(host) is not Scope.LOOPBACK for server in state.servers for host in server.hosts or ())


def _socket(family: Family, name: str) -> str:
    return f"{family}/{name}"


def _first_wave(state: State, family: Family) -> list[Probe]:
    return [
        Probe(Kind.MAPPING, family, _socket(family, "mapping"), address, index)
        for index, address in unique_servers(state, family)
    ]


def provers(state: State, family: Family) -> tuple[Outcome, ...]:
    """Servers that say they have a second address and port, both other than the one we asked."""
    return tuple(
        outcome
        for outcome in state.answered(Kind.MAPPING, family=family)
        if outcome.other is not None
        and outcome.other.family is family
        and outcome.other.host != outcome.probe.target.host
        and outcome.other.port != outcome.probe.target.port
    )[:MAX_PROVERS]


def negative_schedule(rtt_s: float) -> tuple[tuple[float, ...], float]:
    """Send times and end of a probe whose silence is to mean something.

    Five sends over max(300 ms, 3 RTT), so that 4 % loss of a round trip deceives once in 10 million.
    """
    span_s = max(NEGATIVE_SPAN_S, NEGATIVE_RTTS * rtt_s)
    gap_s = span_s / NEGATIVE_SENDS
    return tuple(gap_s * send for send in range(NEGATIVE_SENDS)), span_s + max(0.1, 1.5 * rtt_s)


def _filtering(state: State, family: Family) -> list[Probe]:
    """Filtering by the first server that proves itself; the next one only after the first has failed to."""
    wanted: list[Probe] = []
    for number, first in enumerate(provers(state, family)):
        index, target, other = first.probe.server, first.probe.target, first.other or first.probe.target
        sends_s, end_s = negative_schedule(first.rtt_s or 0.0)
        beside = Address(target.host, other.port)
        tests = [
            Probe(
                kind,
                family,
                _socket(family, f"{kind}-{number}"),
                target,
                index,
                sends_s,
                end_s,
                kind is Kind.CHANGE_BOTH,
                True,
            )
            for kind in (Kind.CHANGE_BOTH, Kind.CHANGE_PORT)
        ]
        control = _socket(family, f"control-{number}")
        holes = [Probe(Kind.HOLE, family, control, address, index) for address in (target, other, beside)]
        wanted += tests + holes
        opened = {
            o.probe.target: o for o in state.answered(Kind.HOLE, family=family) if o.probe.socket == control
        }
        for kind, place in ((Kind.CONTROL_BOTH, other), (Kind.CONTROL_PORT, beside)):
            if target in opened and place in opened:
                ours, theirs = opened[target].mapped, opened[place].mapped
                port = theirs.port if ours and theirs and ours != theirs else None
                wanted.append(
                    Probe(
                        kind,
                        family,
                        control,
                        target,
                        index,
                        change_ip=kind is Kind.CONTROL_BOTH,
                        change_port=True,
                        response_port=port,
                    )
                )
        if not _failed_to_prove(state, family, number):
            break
    return wanted


def _failed_to_prove(state: State, family: Family, number: int) -> bool:
    control = _socket(family, f"control-{number}")
    ended = [o for o in state.of(Kind.HOLE, Kind.CONTROL_BOTH, family=family) if o.probe.socket == control]
    return any(outcome.result is not Result.ANSWERED for outcome in ended)


def agreed(state: State, family: Family) -> Outcome | None:
    """An answer that another server confirms; the only answer there is, when all others have failed."""
    first = state.answered(Kind.MAPPING, family=family)
    for outcome in first:
        if sum(other.mapped == outcome.mapped for other in first) > 1:
            return outcome
    ended = len(state.of(Kind.MAPPING, family=family)) == len(unique_servers(state, family))
    return first[0] if len(first) == 1 and ended else None


def _mapping_details(state: State, family: Family) -> list[Probe]:
    """Settles contradictions between servers, and address-dependent against address-and-port-dependent."""
    first = state.answered(Kind.MAPPING, family=family)
    distinct = {outcome.mapped for outcome in first}
    wanted: list[Probe] = []
    if len(distinct) > 1 or (len(first) == 1 and agreed(state, family)):
        wanted += _other_ports(state, family, first)
    if len(first) >= ENOUGH_SERVERS and 1 < len(distinct) < len(first):
        again = _socket(family, "recheck")
        # The other way round: behind a NAT that counts, a lie may meet an honest port, but not in both orders.
        backwards = sorted(first, key=lambda outcome: -outcome.probe.server)
        wanted += [Probe(Kind.RECHECK, family, again, o.probe.target, o.probe.server) for o in backwards]
    return wanted


def _other_ports(state: State, family: Family, first: tuple[Outcome, ...]) -> list[Probe]:
    """The same socket asks other ports of servers it has asked: their second one, else the usual ones."""
    socket = _socket(family, "mapping")
    wanted: list[Probe] = []
    for outcome in provers(state, family):
        index, target, other = (
            outcome.probe.server,
            outcome.probe.target,
            outcome.other or outcome.probe.target,
        )
        places = (Address(target.host, other.port), Address(other.host, target.port), other)
        wanted += [Probe(Kind.OTHER_PORT, family, socket, place, index) for place in places]
    if wanted:
        return wanted
    return [
        Probe(
            Kind.OTHER_PORT,
            family,
            socket,
            Address(o.probe.target.host, port),
            o.probe.server,
            GUESS_SENDS_S,
            GUESS_END_S,
        )
        for o in first
        for port in GUESSED_PORTS
        if port != o.probe.target.port
    ]


def _hairpin(state: State, family: Family) -> list[Probe]:
    """Two fresh sockets learn their public addresses, then send to each other's, which opens both filters."""
    first = agreed(state, family)
    if first is None or first.mapped is None or first.mapped.host in state.local_hosts:
        return []
    names = (_socket(family, "hairpin-a"), _socket(family, "hairpin-b"))
    wanted = [
        Probe(Kind.HAIRPIN_OPEN, family, name, first.probe.target, first.probe.server) for name in names
    ]
    public = {
        o.probe.socket: o.mapped
        for o in state.answered(Kind.HAIRPIN_OPEN, family=family)
        if o.mapped is not None
    }
    if len(public) == len(names):
        sends_s, end_s = negative_schedule(first.rtt_s or 0.0)
        for name, peer in (names, names[::-1]):
            wanted.append(
                Probe(Kind.HAIRPIN, family, name, public[peer], sends_s=sends_s, end_s=end_s, awaited_on=peer)
            )
    return wanted


def _tcp(state: State, family: Family, now_s: float, wakes: list[float]) -> list[Probe]:
    """TCP to the same servers, once UDP has been silent for a while or refused: the proof that they live."""
    asked = [
        start_s for probe, start_s in state.started if probe.kind is Kind.MAPPING and probe.family is family
    ]
    if not asked or state.answered(Kind.MAPPING, family=family):
        return []
    ended = state.of(Kind.MAPPING, family=family)
    if len(ended) < len(asked):
        due_s = min(asked) + TCP_AFTER_S
        wakes += [due_s, min(asked) + PROVISIONAL_S]
        if now_s < due_s:
            return []
    return [
        Probe(
            Kind.TCP,
            family,
            _socket(family, f"tcp-{index}"),
            address,
            index,
            sends_s=(0.0,),
            end_s=TCP_END_S - TCP_AFTER_S,
        )
        for index, address in unique_servers(state, family)[:ENOUGH_SERVERS]
    ]


def _stragglers(state: State, family: Family, now_s: float, wakes: list[float]) -> list[str]:
    """Servers that keep everybody waiting: dropped 3 RTTs after enough others have answered."""
    late = [p.name for p, _ in state.running() if p.kind is Kind.MAPPING and p.family is family]
    answers = state.answered(Kind.MAPPING, family=family)
    if not late or len(answers) < min(ENOUGH_SERVERS, len(unique_servers(state, family)) - 1) or not answers:
        return []
    slowest_s = max(outcome.rtt_s or 0.0 for outcome in answers)
    last_s = max(outcome.end_s for outcome in answers)
    due_s = last_s + max(NEGATIVE_SPAN_S, NEGATIVE_RTTS * slowest_s)
    wakes.append(due_s)
    return late if now_s >= due_s else []
