"""The NAT check's answer: facts, verdict, hints and advice put together in one report. Pure."""

import msgspec

from netstack.core.nat_fold import Facts, facts_of
from netstack.core.nat_probe import Kind, Outcome, Result, State, unique_servers
from netstack.core.nat_verdict import VerdictTable, advise, judge
from netstack.core.server_track import ServerTracks
from netstack.model.address import Family, Scope, scope
from netstack.model.nat import (
    Evidence,
    Mapping,
    NatReport,
    ServerReport,
    TimelineEntry,
    Udp,
    Verdict,
)

FAILURES = {
    "no-network": "This computer has no network, or no route to the servers.",
    "unknown-host": "None of the servers' names could be looked up; are they spelled right, and does DNS work?",
    "rubbish": "Something answered that is not a STUN server.",
    "server-error": "The servers answered, but only with an error.",
    "refused": "The computers that were asked have no STUN server on that port.",
    "no-answer": "No STUN server answered, neither over UDP nor over TCP.",
    "cancelled": "The check was cancelled; what was known by then is shown.",
}
_OUTCOME_WORDS = {
    Result.SILENT: "no answer",
    Result.IGNORED: "answered from the wrong address",
    Result.DROPPED: "slower than the others, not waited for",
}
_MAY_REFUSE = {
    Kind.GATEWAY: "does not tell",
    Kind.OTHER_PORT: "nothing there",
}
_REFUSALS = frozenset({Result.REFUSED, Result.UNREACHABLE, Result.ERROR})
_TIMELINE_WORDS = {
    Kind.MAPPING: "What is my public address?",
    Kind.RECHECK: "Do the servers still disagree?",
    Kind.OTHER_PORT: "Does another port see the same?",
    Kind.CHANGE_BOTH: "May a stranger's address come in?",
    Kind.CHANGE_PORT: "May another port come in?",
    Kind.HOLE: "Contact the second address",
    Kind.CONTROL_BOTH: "Does the second address answer at all?",
    Kind.CONTROL_PORT: "Does the second port answer at all?",
    Kind.HAIRPIN_OPEN: "A second public address, to turn back at",
    Kind.HAIRPIN: "Does the router turn packets back?",
    Kind.TCP: "Is the server alive over TCP?",
    Kind.GATEWAY: "Router, what is your address outside?",
}


def build_report(
    state: State,
    now_s: float,
    table: VerdictTable,
    tracks: ServerTracks,
    *,
    final: bool,
    cancelled: bool = False,
    network: str = "real",
    started_at_s: float = 0.0,
    clock_s: float = 0.0,
) -> NatReport:
    """Everything that is known at `now_s` (seconds since the check began).

    `started_at_s` is the start in seconds since 1970; `clock_s` is now on the clock of `tracks`.
    """
    by_family = {family: facts_of(state, family, now_s) for family in state.families}
    main = _main(by_family)
    facts = by_family[main]
    row, confidence = judge(table, facts, port_mapping=state.port_mapping if main is Family.IPV4 else None)
    failure = "cancelled" if cancelled else (_failure(state, facts) if final else None)
    cgnat, double_nat, hints = _translation_twice(state, facts)
    report = NatReport(
        verdict=row.verdict,
        provisional=not final,
        headline=row.headline,
        udp=facts.report.udp,
        mapping=facts.report.mapping,
        filtering=facts.report.filtering,
        filtering_reason=facts.report.filtering_reason,
        label=row.label,
        hairpin=facts.report.hairpin,
        port_preservation=facts.report.port_preservation,
        public_addresses=tuple(host for f in by_family.values() for host in f.report.public_addresses),
        local_addresses=tuple(h for h in state.local_hosts if _reaches(h)),
        cgnat=cgnat,
        double_nat=double_nat,
        vpn=state.vpn,
        gateway=state.gateway,
        gateway_wan=state.gateway_wan,
        port_mapping=state.port_mapping,
        confidence=confidence,
        servers=_servers(state, by_family, tracks, clock_s),
        families=tuple(f.report for f in by_family.values()),
        evidence=_evidence(state, by_family, main, hints),
        timeline=_timeline(state),
        started_at_s=started_at_s,
        duration_s=now_s,
        failure=failure,
        failure_text=FAILURES.get(failure) if failure else None,
        network=network,
    )
    return msgspec.structs.replace(report, advice=_advice(table, report))


def _main(by_family: dict[Family, Facts]) -> Family:
    """The IP version that the headline speaks of: IPv4, unless only IPv6 works."""
    for udp in (Udp.OK, Udp.BLOCKED):
        for family, facts in by_family.items():
            if facts.report.udp is udp:
                return family
    return next(iter(by_family))


def _reaches(host: str) -> bool:
    return scope(host) not in {Scope.LOOPBACK, Scope.LINK_LOCAL, Scope.UNSPECIFIED}


def _failure(state: State, facts: Facts) -> str | None:
    if facts.report.udp is Udp.BLOCKED or state.answered(Kind.MAPPING, family=facts.report.family):
        return None
    resolved = [server for server in state.servers if server.hosts]
    ended = state.of(Kind.MAPPING, Kind.TCP)
    offline = not any(_reaches(host) for host in state.local_hosts)
    if offline and (not resolved or all(o.result is Result.UNREACHABLE for o in ended)):
        return "no-network"
    if not resolved:
        return "unknown-host"
    if ended and all(outcome.result is Result.UNREACHABLE for outcome in ended):
        return "no-network"
    if any(outcome.rubbish for outcome in ended):
        return "rubbish"
    if any(outcome.result is Result.ERROR for outcome in state.of(Kind.MAPPING)):
        return "server-error"
    if any(outcome.result is Result.REFUSED for outcome in state.of(Kind.MAPPING)):
        return "refused"
    return "no-answer"


def _translation_twice(state: State, facts: Facts) -> tuple[bool | None, bool | None, list[Evidence]]:
    """CGNAT and double NAT: whether they are there, and what says so."""
    public = facts.report.public_addresses
    own = tuple(host for host in state.local_hosts if host not in state.other_hosts)
    wan = state.gateway_wan
    evidence = []
    if wan is not None:
        evidence.append(
            Evidence("gateway_wan", f"the router {state.gateway} says its outside address is {wan}")
        )
    for host, whose in (*((h, "this computer") for h in own), *((h, "the servers' view") for h in public)):
        if scope(host) is Scope.SHARED:
            text = f"{whose} has {host}, from the range that providers share (100.64.0.0/10)"
            return True, wan is not None or None, [*evidence, Evidence("cgnat", text)]
    if facts.report.mapping is Mapping.NONE or (wan is not None and wan in public):
        text = "no second translation: the outside address is the one that servers see"
        return False, False, [*evidence, Evidence("double_nat", text)]
    if wan is not None and scope(wan) is Scope.SHARED:
        text = f"the router's outside address {wan} is from the range that providers share (100.64.0.0/10)"
        return True, True, [*evidence, Evidence("cgnat", text)]
    if wan is not None and scope(wan) is Scope.PRIVATE:
        text = f"the router's outside address {wan} is itself a private one"
        return None, True, [*evidence, Evidence("double_nat", text)]
    if wan is not None and public:
        text = f"the router's outside address {wan} is not the one that servers see"
        return None, True, [*evidence, Evidence("double_nat", text)]
    inside = [host for host in public if scope(host) is Scope.PRIVATE]
    evidence += [
        Evidence("double_nat", f"{host} is private: the servers are inside your network") for host in inside
    ]
    return None, None, evidence


def _servers(
    state: State, by_family: dict[Family, Facts], tracks: ServerTracks, clock_s: float
) -> tuple[ServerReport, ...]:
    lies = {lie.server: lie.text for facts in by_family.values() for lie in facts.lies}
    asked = {index for family in state.families for index, _ in unique_servers(state, family)}
    reports = []
    for index, server in enumerate(state.servers):
        outcomes = [o for o in state.of(Kind.MAPPING) if o.probe.server == index]
        best = next((o for o in outcomes if o.result is Result.ANSWERED), outcomes[0] if outcomes else None)
        answered = best is not None and best.result is Result.ANSWERED
        track = tracks.of(server.name)
        reports.append(
            ServerReport(
                server=f"stun:{server.name}",
                address=str(best.probe.target) if best else None,
                answered=answered,
                rtt_s=best.rtt_s if best else None,
                strikes=track.strikes,
                struck_for=lies.get(index),
                failure=None
                if answered
                else _server_failure(server.failure, best, index in asked, bool(server.hosts)),
                mapped=str(best.mapped) if best and best.mapped else None,
                response_time_s=track.response_time_s,
                success_rate=track.success_rate,
                last_used_s_ago=None if track.last_used_s is None else max(0.0, clock_s - track.last_used_s),
                consecutive_failures=track.consecutive_failures,
            )
        )
    return tuple(reports)


def _server_failure(failure: str | None, best: Outcome | None, asked: bool, resolved: bool) -> str | None:
    if failure:
        return failure
    if best is None:
        return "the same address as another server, or none that fits" if resolved and not asked else None
    if best.rubbish:
        return "answered, but not as a STUN server"
    if best.code is not None:
        return f"answered with STUN error {best.code}"
    return _OUTCOME_WORDS.get(best.result, best.result.value)


def _evidence(
    state: State, by_family: dict[Family, Facts], main: Family, hints: list[Evidence]
) -> tuple[Evidence, ...]:
    found = []
    for family, facts in by_family.items():
        if family is not main and not unique_servers(state, family):
            continue
        prefix = "" if family is main else f"{family}."
        found += [Evidence(f"{prefix}{item.fact}", item.text) for item in facts.evidence]
        found += [Evidence("servers", f"{state.servers[lie.server].name}: {lie.text}") for lie in facts.lies]
    if state.vpn:
        found.append(Evidence("vpn", f"the network interface {state.vpn} is a VPN's"))
    return (*found, *hints)


def _timeline(state: State) -> tuple[TimelineEntry, ...]:
    ended = {outcome.probe.name: outcome for outcome in state.outcomes}
    entries = []
    for probe, start_s in state.started:
        outcome = ended.get(probe.name)
        target = state.servers[probe.server].name if probe.server >= 0 else str(probe.target)
        entries.append(
            TimelineEntry(
                name=_TIMELINE_WORDS[probe.kind],
                target=target,
                start_s=start_s,
                end_s=outcome.end_s if outcome else None,
                sends=outcome.sends if outcome else 0,
                outcome=_outcome_words(outcome) if outcome else "running",
            )
        )
    return tuple(entries)


def _outcome_words(outcome: Outcome) -> str:
    """A router that speaks no NAT-PMP, or a guessed port with nothing on it, has done nothing wrong."""
    if outcome.result in _REFUSALS and outcome.probe.kind in _MAY_REFUSE:
        return _MAY_REFUSE[outcome.probe.kind]
    return _OUTCOME_WORDS.get(outcome.result, outcome.result.value)


def _advice(table: VerdictTable, report: NatReport) -> tuple[str, ...]:
    if report.provisional:
        return ()
    plain: dict[str, str | bool | None] = {
        "verdict": report.verdict.value,
        "label": report.label.value,
        "udp": report.udp.value,
        "mapping": report.mapping.value,
        "filtering": report.filtering.value,
        "hairpin": report.hairpin,
        "cgnat": report.cgnat is True,
        "double_nat": report.double_nat is True,
        "vpn": report.vpn is not None,
        "failure": report.failure,
    }
    return advise(table, plain)


def exit_code(report: NatReport) -> int:
    """0 fine, 1 a problem was found, 2 it could not be tested."""
    if report.verdict is Verdict.UNKNOWN:
        return 2
    return 1 if report.verdict in {Verdict.STRICT, Verdict.BLOCKED} else 0
