"""The report as a whole: hints of a second translation, servers, failures."""

import msgspec
import pytest

from netstack.core.nat_probe import Kind, Outcome, Probe, Result, Server, State
from netstack.core.nat_report import build_report, exit_code
from netstack.core.server_track import ServerTracks
from netstack.model.address import Address, Family
from netstack.model.nat import NatReport, Verdict
from netstack.service.nat import read_verdict_table
from tests.core.nat_world import World, three

TABLE = read_verdict_table()


def _report(state: State, **more: bool) -> NatReport:
    return build_report(state, 1.0, TABLE, ServerTracks(), **({"final": True} | more))


def _behind(wan: str | None, **more: object) -> NatReport:
    return _report(World(three(), "ei", "apd").run(gateway="10.0.1.1", gateway_wan=wan, **more))


def test_a_router_that_has_the_public_address_settles_it() -> None:
    report = _behind("203.0.113.101")
    assert (report.cgnat, report.double_nat) == (False, False)


def test_a_private_outside_address_is_double_nat() -> None:
    assert _behind("192.168.1.7").double_nat is True


def test_a_shared_outside_address_is_cgnat() -> None:
    report = _behind("100.64.1.2")
    assert report.cgnat is True
    assert any("provider" in text for text in report.advice)


def test_an_unknown_outside_address_says_nothing() -> None:
    report = _behind(None)
    assert (report.cgnat, report.double_nat) == (None, None)


def test_a_vpn_of_the_shared_range_is_no_cgnat() -> None:
    state = World(three(), "ei", "apd").run(vpn="tailscale0", other_hosts=("100.101.1.1",))
    state = msgspec.structs.replace(state, local_hosts=(*state.local_hosts, "100.101.1.1"))
    report = _report(state)
    assert report.cgnat is None
    assert report.vpn == "tailscale0"


def test_a_liar_is_struck_in_the_list_of_servers() -> None:
    servers = three()
    servers[1].says = Address("198.51.100.66", 6666)
    report = _report(World(servers, "ei", "apd").run())
    assert [server.struck_for is not None for server in report.servers] == [False, True, False]
    assert report.verdict is Verdict.MODERATE


@pytest.mark.parametrize(
    ("result", "rubbish", "hosts", "failure"),
    [
        (Result.SILENT, 0, ("10.0.1.2",), "no-answer"),
        (Result.SILENT, 3, ("10.0.1.2",), "rubbish"),
        (Result.REFUSED, 0, ("10.0.1.2",), "refused"),
        (Result.ERROR, 0, ("10.0.1.2",), "server-error"),
        (Result.UNREACHABLE, 0, ("10.0.1.2",), "no-network"),
        (Result.UNREACHABLE, 0, ("127.0.0.1",), "no-network"),
    ],
)
def test_each_failure_has_its_name_and_sentence(
    result: Result, rubbish: int, hosts: tuple[str, ...], failure: str
) -> None:
    probe = Probe(Kind.MAPPING, Family.IPV4, "s", Address("203.0.113.10", 3478), 0)
    outcome = Outcome(probe, result, 0.0, 1.0, rubbish=rubbish)
    server = Server("203.0.113.10:3478", 3478, ("203.0.113.10",))
    report = _report(State((server,), hosts, started=((probe, 0.0),), outcomes=(outcome,)))
    assert report.failure == failure
    assert report.failure_text
    assert exit_code(report) == 2


def test_names_that_cannot_be_looked_up() -> None:
    report = _report(
        State((Server("stun.example:3478", 3478, (), "no computer has that name"),), ("10.0.1.2",))
    )
    assert report.failure == "unknown-host"
    assert report.servers[0].failure == "no computer has that name"


def test_a_provisional_report_gives_no_advice_and_a_cancelled_one_says_so() -> None:
    state = World(three(), "apd", "apd").run()
    assert _report(state, final=False).advice == ()
    assert _report(state, cancelled=True).failure == "cancelled"


def test_a_router_that_speaks_no_nat_pmp_has_done_nothing_wrong() -> None:
    state = World(three(), "ei", "apd").run(gateway="10.0.1.1")
    refused = tuple(
        msgspec.structs.replace(o, result=Result.REFUSED) if o.probe.kind is Kind.GATEWAY else o
        for o in state.outcomes
    )
    timeline = _report(msgspec.structs.replace(state, outcomes=refused)).timeline
    assert [entry.outcome for entry in timeline if entry.name.startswith("Router")] == ["does not tell"]


def test_exit_codes() -> None:
    codes = {verdict: exit_code(NatReport(verdict=verdict)) for verdict in Verdict}
    assert codes == {
        Verdict.OPEN: 0,
        Verdict.MODERATE: 0,
        Verdict.STRICT: 1,
        Verdict.BLOCKED: 1,
        Verdict.UNKNOWN: 2,
    }
