"""How fast is a relay? Asked for by itself, after a check: it sends up to 5 MB, for 3 s at most."""

import ssl
from collections.abc import Callable
from typing import Final

import msgspec

from netstack.core.turn_events import TurnOptions
from netstack.core.turn_uri import parse_turn_uri
from netstack.core.turn_verdict import conclude
from netstack.errors import NetError
from netstack.model.turn import Stage, StageName, TurnError, TurnReport
from netstack.net.protocol import Net
from netstack.service.turn_far import Inbox, NotApplicable, find_far
from netstack.service.turn_login import TurnLogin
from netstack.service.turn_measure import PAYLOAD_BYTES, Measure
from netstack.transport.turn_dial import open_relay
from netstack.transport.turn_relay import Relay

UNKNOWN_RTT_S: Final = 0.1


async def measure_speed(
    measure: Measure, report: TurnReport, progress: Callable[[float], None]
) -> tuple[TurnReport, str]:
    """The report with its speed, and what was found in words. Raises TurnError."""
    found = await measure.throughput(report.rtt_relay_p50_s or UNKNOWN_RTT_S, progress)
    if found.bits_per_s is None:
        raise TurnError(TurnError.Reason.NO_ECHO, "nothing came through")
    report = msgspec.structs.replace(
        report,
        throughput_relay_bps=found.bits_per_s,
        throughput_relay_n=found.n,
        throughput_relay_loss=found.loss,
    )
    return report, (
        f"{found.bits_per_s / 1e6:.1f} Mbit/s (n={found.n} packets of {PAYLOAD_BYTES:,} B), loss {found.loss:.1%}"
    )


async def measure_again(
    net: Net,
    report: TurnReport,
    login: TurnLogin,
    progress: Callable[[float], None],
    *,
    tls: ssl.SSLContext | None = None,
) -> TurnReport:
    """Allocates anew at the server of a report, over what it was reached by, and gives the report with its speed.

    What goes wrong is told in the stage. Cancelling gives back what was allocated.
    """
    began_s = net.now()
    try:
        report, detail = await _measure(net, report, login, progress, tls)
        stage = Stage(StageName.THROUGHPUT, True, detail=detail, duration_s=net.now() - began_s)
    except NotApplicable as why:
        stage = Stage(StageName.THROUGHPUT, None, detail=str(why))
    except TurnError as error:
        stage = Stage(
            StageName.THROUGHPUT, False, error.reason.value, error.sentence, error.remedy, net.now() - began_s
        )
    except NetError as error:
        stage = Stage(
            StageName.THROUGHPUT, False, error.reason.value, error.sentence, None, net.now() - began_s
        )
    stages = tuple(stage if each.name is stage.name else each for each in report.stages)
    return conclude(msgspec.structs.replace(report, stages=stages))


async def _measure(
    net: Net,
    report: TurnReport,
    login: TurnLogin,
    progress: Callable[[float], None],
    tls: ssl.SSLContext | None,
) -> tuple[TurnReport, str]:
    uri = parse_turn_uri(report.uri)
    transports = (report.transport,) if report.transport is not None else None

    async def another() -> Relay:
        minter, options = login.minter(net.wall_time), TurnOptions(recover=False)
        return await open_relay(net, uri, minter, transports=transports, tls=tls, options=options)

    relay = await another()
    relay.receiver = inbox = Inbox(net)
    try:
        found = await find_far(net, relay, inbox, another)
        try:
            await relay.bind(found.far.address)
            return await measure_speed(Measure(net, relay, inbox, found.far), report, progress)
        finally:
            await found.far.close()
    finally:
        await relay.release()
