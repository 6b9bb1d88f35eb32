"""From the stages of a TURN check to one sentence, advice, and the failure that the caller is told. Pure."""

import msgspec

from netstack.model.turn import ServerTransport, Stage, StageName, TurnError, TurnReport

UNTESTED = {StageName.DNS, StageName.REACH}
_UNTESTED_NAMES = {"closed", "no-credentials"}


def conclude(report: TurnReport) -> TurnReport:
    """The same report with its headline, advice, failure and whose side it is."""
    failed = [stage for stage in report.stages if stage.ok is False]
    first = failed[0] if failed else None
    advice = [stage.next_step for stage in failed if stage.next_step]
    if (
        report.transport in {ServerTransport.TCP, ServerTransport.TLS}
        and "UDP" in _detail(report, StageName.REACH)
        and report.relayed_address
    ):
        advice.append(
            "UDP does not reach the server from here, TCP does: calls work, with more delay when packets are lost."
        )
    error = _error(first)
    return msgspec.structs.replace(
        report,
        headline=_headline(report, first),
        advice=tuple(dict.fromkeys(advice)),
        failure=first.failure if first else None,
        failure_text=first.detail if first else None,
        fault=error.fault if error else None,
    )


def exit_code(report: TurnReport) -> int:
    """0: it works; 1: a problem was found; 2: it could not be tested."""
    failed = [stage for stage in report.stages if stage.ok is False]
    if not failed:
        return 0
    return 2 if failed[0].name in UNTESTED or failed[0].failure in _UNTESTED_NAMES else 1


def _error(stage: Stage | None) -> TurnError | None:
    if stage is None or stage.failure not in set(TurnError.Reason):
        return None
    return TurnError(TurnError.Reason(stage.failure))


def _detail(report: TurnReport, name: StageName) -> str:
    return next((stage.detail for stage in report.stages if stage.name is name), "")


def _headline(report: TurnReport, failed: Stage | None) -> str:
    if failed is not None and failed.name is StageName.QUOTA:
        return "The relay works, but only one at a time."
    if failed is not None:
        error = _error(failed)
        return error.sentence if error is not None else failed.detail
    if len(report.stages) < len(StageName):
        return "Checking ..."
    if report.rtt_relay_p50_s is None:
        return "The relay can be allocated; what passes through it could not be tried."
    return f"The relay works: {report.rtt_relay_p50_s * 1000:.1f} ms there and back over {str(report.transport).upper()}."
