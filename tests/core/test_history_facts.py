"""What of two days is compared, and what counts as fine."""

import msgspec

from netstack.core.history_facts import compare, facts_of, kind_of, since_fine, standing_of, title_of
from netstack.model.doctor import DoctorReport
from netstack.model.history import Change, Run, RunKind, Standing
from netstack.model.load import LoadPhase, LoadReport, RoundTrips
from netstack.model.nat import Filtering, Mapping, NatReport, Udp, Verdict
from netstack.model.turn import TurnReport

NAT = NatReport(
    verdict=Verdict.MODERATE,
    headline="Moderate",
    udp=Udp.OK,
    mapping=Mapping.ENDPOINT_INDEPENDENT,
    filtering=Filtering.ADDRESS_DEPENDENT,
    public_addresses=("203.0.113.7",),
    started_at_s=5.0,
    duration_s=3.0,
)


def run(number: int, report: NatReport) -> Run:
    return Run(
        id=number,
        at_s=float(number),
        kind=kind_of(report),
        network="real",
        title=title_of(report),
        standing=standing_of(report),
        facts=facts_of(report),
    )


def test_only_what_changed_is_told() -> None:
    strict = msgspec.structs.replace(
        NAT,
        verdict=Verdict.STRICT,
        mapping=Mapping.ADDRESS_AND_PORT_DEPENDENT,
        started_at_s=99.0,
        duration_s=7.0,
    )
    result = compare(run(1, NAT), run(2, strict))
    assert result.changes == (
        Change("Verdict", "moderate", "strict"),
        Change("Mapping", "endpoint-independent", "address-and-port-dependent"),
    )
    assert "UDP" in result.same
    assert "VPN" not in result.same  # not measured on either day: neither changed nor the same


def test_it_was_fine_the_last_time_that_it_was() -> None:
    strict = msgspec.structs.replace(NAT, verdict=Verdict.STRICT)
    runs = [run(5, strict), run(4, strict), run(3, NAT), run(2, strict), run(1, NAT)]
    result = since_fine(runs)
    assert result is not None
    assert (result.before.id, result.after.id) == (3, 5)
    assert since_fine([run(2, strict), run(1, strict)]) is None
    assert since_fine([run(1, NAT)]) is None
    assert since_fine([]) is None


def test_a_check_that_failed_is_neither_fine_nor_a_problem() -> None:
    assert standing_of(NatReport(failure="no-answer")) is Standing.UNKNOWN
    assert standing_of(msgspec.structs.replace(NAT, provisional=True)) is Standing.UNKNOWN
    assert standing_of(DoctorReport(failure="offline")) is Standing.UNKNOWN
    assert standing_of(DoctorReport()) is Standing.FINE
    assert standing_of(TurnReport(failure="unauthorized")) is Standing.PROBLEM


def test_figures_that_wobble_are_no_change() -> None:
    def load(p50_s: float) -> LoadReport:
        phase = LoadPhase(path=RoundTrips(n=9, p50_s=p50_s), rpm=900.0)
        return LoadReport(at_s=0.0, peer="Ana", transport="udp", idle=phase, up=phase, down=phase)

    assert facts_of(load(0.0301)) == facts_of(load(0.0319))
    assert facts_of(load(0.030)) != facts_of(load(0.090))
    assert kind_of(load(0.03)) is RunKind.LOAD
    assert title_of(load(0.03)) == "Under load to Ana: 900 round trips a minute"
