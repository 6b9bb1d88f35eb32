"""The NAT check, second half: what the outcomes so far prove. Pure; a fact without proof stays "unknown"."""

from collections import Counter
from itertools import combinations

import msgspec

from netstack.core.nat_probe import (
    ENOUGH_SERVERS,
    PROVISIONAL_S,
    Kind,
    Outcome,
    Result,
    State,
    provers,
    unique_servers,
)
from netstack.model.address import Address, Family
from netstack.model.nat import Evidence, FamilyReport, Filtering, Mapping, Udp

NO_SECOND_ADDRESS = "no server that answered has a second address to answer from"
NOT_PROVED = "the server did not prove that it answers from its second address"
NO_ANSWER = "no server answered over UDP"
NOT_DONE = "not measured"
ENOUGH_REFUSALS = 2


class Lie(msgspec.Struct, frozen=True):
    """A server said what others, or its own deeds, disprove."""

    server: int
    text: str


class Facts(msgspec.Struct, frozen=True):
    """What is proved of one IP version.

    `dependent`: the mapping depends on the destination, whether or not it is known on what of it.
    `agreeing`: how many servers back the mapping. `mapping_s`: when the mapping was known.
    """

    report: FamilyReport
    dependent: bool = False
    agreeing: int = 0
    mapping_s: float | None = None
    tcp_lives: bool = False
    tcp_speaks: bool = False
    lies: tuple[Lie, ...] = ()
    evidence: tuple[Evidence, ...] = ()


def facts_of(state: State, family: Family, now_s: float = float("inf")) -> Facts:
    """Folds the outcomes of one IP version; a probe unanswered for `PROVISIONAL_S` at `now_s` counts as silent."""
    lies = _lies(state, family)
    liars = {lie.server for lie in lies}
    seen = _observations(state, family, liars)
    mapping, dependent, mapping_text, agreeing = _mapping(state, family, seen, liars)
    public = _public(seen)
    udp, tcp_lives, tcp_speaks, udp_text = _udp(state, family, now_s)
    filtering, reason = _filtering(state, family, liars)
    hairpin, hairpin_text = _hairpin(state, family, mapping, dependent)
    preserved, preserved_text = _port_preservation(seen, mapping)
    used = [o.end_s for o in state.answered(Kind.MAPPING, Kind.OTHER_PORT, Kind.RECHECK, family=family)]
    evidence = [Evidence("udp", udp_text), *(Evidence("mapping", text) for text in mapping_text)]
    evidence += [Evidence("filtering", reason)]
    evidence += [Evidence("hairpin", hairpin_text), Evidence("port_preservation", preserved_text)]
    evidence += [
        Evidence("public_addresses", f"{votes} of {sum(public.values())} answers say {host}")
        for host, votes in public.items()
    ]
    return Facts(
        report=FamilyReport(
            family=family,
            udp=udp,
            mapping=mapping,
            filtering=filtering,
            filtering_reason=reason,
            hairpin=hairpin,
            port_preservation=preserved,
            public_addresses=tuple(public),
            local_address=next((h for h in state.local_hosts if Address(h, 0).family is family), None),
        ),
        dependent=dependent,
        agreeing=agreeing,
        mapping_s=max(used) if used and (dependent or mapping is not Mapping.UNKNOWN) else None,
        tcp_lives=tcp_lives,
        tcp_speaks=tcp_speaks,
        lies=lies,
        evidence=tuple(item for item in evidence if item.text),
    )


def _name(state: State, outcome: Outcome) -> str:
    return (
        state.servers[outcome.probe.server].name if outcome.probe.server >= 0 else str(outcome.probe.target)
    )


def _lies(state: State, family: Family) -> tuple[Lie, ...]:
    found: dict[int, str] = {}
    for server, text in _dissenters(state, family):
        found.setdefault(server, text)
    for outcome in state.answered(Kind.MAPPING, family=family):
        if outcome.other is not None and outcome.other == outcome.probe.target:
            found.setdefault(outcome.probe.server, "it names its own address as its second one")
    for outcome in state.of(Kind.CHANGE_BOTH, Kind.CHANGE_PORT, Kind.CONTROL_BOTH, family=family):
        if outcome.result is Result.IGNORED:
            found.setdefault(
                outcome.probe.server, "asked to answer from its second address, it used the first"
            )
    return tuple(Lie(server, text) for server, text in sorted(found.items()))


def _dissenters(state: State, family: Family) -> list[tuple[int, str]]:
    """Servers that contradict a majority of the others twice, on two sockets."""
    rounds = [state.answered(kind, family=family) for kind in (Kind.MAPPING, Kind.RECHECK)]
    against: list[dict[int, str]] = []
    for answers in rounds:
        if len(answers) < 3:
            return []
        (value, count), *others = Counter(outcome.mapped for outcome in answers).most_common()
        if count < 2 or (others and others[0][1] == count):
            return []
        against.append(
            {
                o.probe.server: f"it saw {o.mapped} where {count} others saw {value}"
                for o in answers
                if o.mapped != value
            }
        )
    return [(server, text) for server, text in against[0].items() if server in against[1]]


def _observations(state: State, family: Family, liars: set[int]) -> dict[str, dict[Address, Outcome]]:
    """What honest servers saw: for each of our sockets, destination -> answer."""
    seen: dict[str, dict[Address, Outcome]] = {}
    for outcome in state.answered(Kind.MAPPING, Kind.OTHER_PORT, Kind.HOLE, Kind.RECHECK, family=family):
        if outcome.mapped is not None and outcome.probe.server not in liars:
            seen.setdefault(outcome.probe.socket, {})[outcome.probe.target] = outcome
    return seen


def _public(seen: dict[str, dict[Address, Outcome]]) -> dict[str, int]:
    """Public hosts with the number of answers behind each; one seen only once beside a majority is noise."""
    votes = Counter(o.mapped.host for answers in seen.values() for o in answers.values() if o.mapped)
    return {host: count for host, count in votes.most_common() if count > 1 or len(votes) == 1}


def _mapping(
    state: State, family: Family, seen: dict[str, dict[Address, Outcome]], liars: set[int]
) -> tuple[Mapping, bool, list[str], int]:
    """Mapping, whether it depends on the destination, why, and how many servers back it.

    A contradiction (some agree and some do not) is a lie or, behind a dependent mapping, an unlikely chance: it
    settles nothing, unless three servers or more, asked together, all saw something else. No single liar can
    make that of an endpoint-independent mapping.
    """
    answers = [(place, outcome) for by_place in seen.values() for place, outcome in by_place.items()]
    text = [
        f"{_name(state, outcome)} saw port {outcome.local_port} as {outcome.mapped}"
        for outcome in state.answered(Kind.MAPPING, family=family)
        if outcome.probe.server not in liars
    ]
    untranslated = [
        o
        for _, o in answers
        if o.mapped and o.mapped.host in state.local_hosts and o.mapped.port == o.local_port
    ]
    servers = {outcome.probe.target.host for _, outcome in answers}
    if answers and len(untranslated) == len(answers):
        return Mapping.NONE, False, [*text, "the public address is this computer's own"], len(servers)
    apart, beside = _pairs(seen)
    if not apart:
        if answers:
            text.append("one address was asked; two are needed to tell")
        return Mapping.UNKNOWN, False, text, len(servers)
    if all(apart) and all(beside):
        return (
            Mapping.ENDPOINT_INDEPENDENT,
            False,
            [*text, "every server sees the same public port"],
            len(servers),
        )
    hosts = {outcome.mapped.host for _, outcome in answers if outcome.mapped}
    contradiction = any(apart) or (any(beside) and not all(beside))
    if contradiction and _all_differ(state, family):
        text.append("every server sees another public port; a lie or chance hides on what it depends")
        return Mapping.UNKNOWN, True, text, len(servers)
    if contradiction or (len(hosts) > 1 and len(servers) < ENOUGH_SERVERS):
        return Mapping.UNKNOWN, False, [*text, "the servers contradict each other"], 0
    text.append("every server sees another public port")
    if not beside:
        return (
            Mapping.UNKNOWN,
            True,
            [*text, "no server has a second port that would tell more"],
            len(servers),
        )
    if all(beside):
        return Mapping.ADDRESS_DEPENDENT, True, [*text, "two ports of one server see the same"], len(servers)
    return (
        Mapping.ADDRESS_AND_PORT_DEPENDENT,
        True,
        [*text, "so does another port of the same server"],
        len(servers),
    )


def _all_differ(state: State, family: Family) -> bool:
    """Whether in one round enough servers answered, and no two saw the same."""
    rounds = [state.answered(kind, family=family) for kind in (Kind.MAPPING, Kind.RECHECK)]
    return any(
        len(answers) >= ENOUGH_SERVERS and len({o.mapped for o in answers}) == len(answers)
        for answers in rounds
    )


def _pairs(seen: dict[str, dict[Address, Outcome]]) -> tuple[list[bool], list[bool]]:
    """For each two answers to one socket, whether they agree: of distinct hosts, of one host's two ports."""
    apart: list[bool] = []
    beside: list[bool] = []
    for answers in seen.values():
        for (one, first), (two, second) in combinations(answers.items(), 2):
            (beside if one.host == two.host else apart).append(first.mapped == second.mapped)
    return apart, beside


def _udp(state: State, family: Family, now_s: float) -> tuple[Udp, bool, bool, str]:
    asked = state.of(Kind.MAPPING, family=family)
    answers = [outcome for outcome in asked if outcome.result is Result.ANSWERED]
    if answers:
        return (
            Udp.OK,
            False,
            False,
            f"{len(answers)} of {len(unique_servers(state, family))} servers answered over UDP",
        )
    tcp = state.of(Kind.TCP, family=family)
    lives = any(outcome.result in {Result.CONNECTED, Result.ANSWERED} for outcome in tcp)
    speaks = any(outcome.result is Result.ANSWERED for outcome in tcp)
    if any(outcome.rubbish for outcome in asked):
        return Udp.OK, lives, speaks, "something answers over UDP, but it is no STUN server"
    if any(outcome.result is Result.ERROR for outcome in asked):
        return Udp.OK, lives, speaks, "a server answered over UDP, but with an error"
    silent = {o.probe.server for o in asked if o.result in {Result.SILENT, Result.UNREACHABLE}}
    silent |= {
        probe.server
        for probe, start_s in state.running()
        if probe.kind is Kind.MAPPING and probe.family is family and now_s - start_s >= PROVISIONAL_S
    }
    refused = {o.probe.server for o in asked if o.result is Result.REFUSED}
    connected = {o.probe.server for o in tcp if o.result in {Result.CONNECTED, Result.ANSWERED}}
    answered = {o.probe.server for o in tcp if o.result is Result.ANSWERED}
    if len(silent | refused) == len(unique_servers(state, family)):
        if silent & connected:
            return Udp.BLOCKED, lives, speaks, "servers that answer over TCP stay silent over UDP"
        # A firewall that rejects sends the ICMP of a server without UDP; several such servers are unlikely.
        if len(refused & answered) >= ENOUGH_REFUSALS:
            return Udp.BLOCKED, lives, speaks, "servers that answer over TCP are refused over UDP"
    if refused:
        return Udp.UNKNOWN, lives, speaks, "the computer that was asked has no STUN server on that port"
    return Udp.UNKNOWN, lives, speaks, NO_ANSWER if asked else ""


def _filtering(state: State, family: Family, liars: set[int]) -> tuple[Filtering, str]:
    """By the first server whose tests prove something."""
    reason = NO_ANSWER if not state.answered(Kind.MAPPING, family=family) else NO_SECOND_ADDRESS
    for prover in provers(state, family):
        if prover.probe.server in liars:
            reason = NOT_PROVED
            continue
        both, port, control_both, control_port = (
            next(
                (o.result for o in state.of(kind, family=family) if o.probe.server == prover.probe.server),
                None,
            )
            for kind in (Kind.CHANGE_BOTH, Kind.CHANGE_PORT, Kind.CONTROL_BOTH, Kind.CONTROL_PORT)
        )
        name = _name(state, prover)
        if both is Result.ANSWERED:
            return (
                Filtering.ENDPOINT_INDEPENDENT,
                f"{name} got through from its second address, never contacted before",
            )
        if both is not Result.SILENT or control_both is None:
            reason = NOT_DONE
            continue
        if control_both is not Result.ANSWERED:
            reason = NOT_PROVED
            continue
        if port is Result.ANSWERED:
            return (
                Filtering.ADDRESS_DEPENDENT,
                f"{name} got through from another port, but not from its second address",
            )
        if port is not Result.SILENT or control_port is None:
            reason = NOT_DONE
        elif control_port is Result.ANSWERED:
            return (
                Filtering.ADDRESS_AND_PORT_DEPENDENT,
                f"{name} got through neither from another port nor from its second address",
            )
        else:
            reason = NOT_PROVED
    return Filtering.UNKNOWN, reason


def _hairpin(state: State, family: Family, mapping: Mapping, dependent: bool) -> tuple[bool | None, str]:
    if mapping is Mapping.NONE:
        return None, "there is no translation to turn back at"
    tests = state.of(Kind.HAIRPIN, family=family)
    if any(outcome.result is Result.ANSWERED for outcome in tests):
        return True, "a packet to the own public address came back in"
    if dependent:
        return None, "cannot be told while every destination gets its own port"
    ended = [
        outcome for outcome in tests if outcome.result in {Result.SILENT, Result.UNREACHABLE, Result.REFUSED}
    ]
    if mapping is Mapping.ENDPOINT_INDEPENDENT and len(ended) == 2:
        return False, "packets to the own public address do not come back in"
    return None, NOT_DONE


def _port_preservation(seen: dict[str, dict[Address, Outcome]], mapping: Mapping) -> tuple[bool | None, str]:
    if mapping is Mapping.NONE:
        return None, "there is no translation"
    kept = [o.mapped.port == o.local_port for answers in seen.values() for o in answers.values() if o.mapped]
    if not kept:
        return None, NOT_DONE
    return all(kept), f"{sum(kept)} of {len(kept)} public ports equal the local one"
