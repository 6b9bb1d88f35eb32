"""`peerscope bench`: how fast sealed sessions are here, between two processes or on a virtual link."""

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from app.cli.options import ConfigOption, Format, FormatOption
from app.cli.terminal import console, fail, print_json
from app.presenters.bench_text import bench_text
from netstack.config import load_config
from netstack.errors import PeerscopeError
from netstack.model.bench import BenchError, BenchReport, BenchResult
from netstack.model.session import TransportKind
from netstack.model.webrtc import WebRtcError
from netstack.service.bench_relay import bench_relay, relay_server
from netstack.service.throughput import Plan
from netstack.service.throughput_pair import measure_beside

MEASURED = (TransportKind.UDP, TransportKind.TCP)
DEFAULT_RTT_S = 0.02


def bench(
    transport: Annotated[
        list[TransportKind] | None,
        typer.Option(
            help="What to measure; may be given more than once. [udp, tcp; ble, turn, webrtc when named]"
        ),
    ] = None,
    loss: Annotated[
        float | None, typer.Option(min=0.0, max=0.9, help="Lose this share of packets, on a virtual link.")
    ] = None,
    rtt: Annotated[
        float | None, typer.Option(min=0.0, max=5.0, help="Round trip of the virtual link, in seconds.")
    ] = None,
    bandwidth: Annotated[
        float, typer.Option(min=1e4, max=1e9, help="Bits a second of the virtual link.")
    ] = 100e6,
    megabytes: Annotated[int, typer.Option(min=1, max=65_536, help="MiB to send for the throughput.")] = 256,
    exchanges: Annotated[int, typer.Option(min=1, max=1_000_000, help="Echoes for the latency.")] = 1000,
    sessions: Annotated[
        int, typer.Option(min=1, max=16_000, help="So many sessions at once, in one process (UDP).")
    ] = 1,
    race: Annotated[
        float | None,
        typer.Option(
            min=1.0,
            max=600.0,
            help="Instead: the traffic of a game over every transport at once, so many seconds.",
        ),
    ] = None,
    everything: Annotated[
        bool,
        typer.Option("--all", help="Instead: every figure there is, into docs/figures.md; some minutes."),
    ] = False,
    scale: Annotated[
        float, typer.Option(min=0.01, max=1.0, help="With --all: less work, fewer samples.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(help="What the virtual link loses comes from it.")] = 0,
    output: FormatOption = Format.TEXT,
    config: ConfigOption = None,
) -> int:
    """Measures sealed sessions: latency, throughput, connection time, processor and memory."""
    if everything or race is not None:
        try:
            load_config(config)
            return _write_figures(scale) if everything else _race(race or 0.0, output)
        except PeerscopeError as error:
            fail(error, BenchReport() if output is Format.JSON else None)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
    virtual = loss is not None or rtt is not None
    report = BenchReport(
        network="lab" if virtual else "loopback",
        loss=(loss or 0.0) if virtual else None,
        rtt_s=(DEFAULT_RTT_S if rtt is None else rtt) if virtual else None,
        link_bps=bandwidth if virtual else None,
        sessions=sessions,
        relay=relay_server() if TransportKind.TURN in (transport or ()) else None,
    )
    out = console(stderr=True)
    watched = out.is_terminal and output is Format.TEXT
    results: list[BenchResult] = []
    try:
        load_config(config)
        with out.status("Measuring") if watched else nullcontext() as status:
            for each in transport or MEASURED:

                def tell(what: str, name: str = each.value) -> None:
                    if status is not None:
                        status.update(f"{name.upper()}: {what}")

                plan = Plan(transport=each, megabytes=megabytes, exchanges=exchanges)
                results += _run(plan, report, seed, tell)
            if sessions > 1:
                results += _many(sessions, virtual=virtual)
    except PeerscopeError as error:
        fail(error, report if output is Format.JSON else None)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    report = msgspec.structs.replace(report, results=tuple(results))
    if output is Format.JSON:
        print_json(msgspec.to_builtins(report))
    else:
        console().print(bench_text(report), highlight=False, markup=False)
    return 0


def _race(seconds: float, output: Format) -> int:
    from app.presenters.race import race_lines
    from netstack.net.system import SystemNet
    from netstack.service.race import race

    net = SystemNet()
    state = asyncio.run(race(net, net, "127.0.0.1", seconds=seconds, where="this computer"))
    if output is Format.JSON:
        print_json(msgspec.to_builtins(BenchReport(race=state)))
    else:
        console().print("\n".join(race_lines(state)), highlight=False, markup=False)
    return 0


def _write_figures(scale: float) -> int:
    from app.presenters.figures_text import figures_markdown
    from netstack.lab.figures import measure_figures

    place = Path("docs/figures.md")
    if not place.parent.is_dir():
        raise BenchError(
            BenchError.Reason.WRONG_USE, "there is no folder docs here: run it in the project's folder"
        )
    figures = measure_figures(scale, lambda what: console(stderr=True).print(f"{what}…", highlight=False))
    place.write_text(figures_markdown(figures), "utf-8")
    console().print(f"{len(figures.rows)} figures are in {place}.", highlight=False)
    return 0


def _run(plan: Plan, report: BenchReport, seed: int, tell: Callable[[str], None]) -> tuple[BenchResult, ...]:
    if plan.transport is TransportKind.BLE:
        from netstack.lab.bluetooth_bench import measure_over_bluetooth

        return measure_over_bluetooth(plan, loss=report.loss or 0.0, seed=seed, tell=tell)
    if plan.transport is TransportKind.WEBRTC:
        return asyncio.run(_webrtc(plan, report, tell))
    if plan.transport is TransportKind.TURN:
        return asyncio.run(_relayed(plan, report, tell))
    if report.rtt_s is None or report.loss is None or report.link_bps is None:
        return asyncio.run(measure_beside(plan, tell))
    from netstack.lab.throughput import measure_on_a_link

    return measure_on_a_link(
        plan, loss=report.loss, rtt_s=report.rtt_s, link_bps=report.link_bps, seed=seed, tell=tell
    )


async def _relayed(plan: Plan, report: BenchReport, tell: Callable[[str], None]) -> tuple[BenchResult, ...]:
    """Through coturn where it is installed, else through our own server, in this process."""
    if report.network != "loopback":
        raise BenchError(BenchError.Reason.WRONG_USE, "a relay is measured on loopback alone")
    from netstack.net.system import SystemNet

    tell("starting the relay")
    async with bench_relay(SystemNet()) as relay:
        return await measure_beside(msgspec.structs.replace(plan, relay=relay), tell)


async def _webrtc(plan: Plan, report: BenchReport, tell: Callable[[str], None]) -> tuple[BenchResult, ...]:
    """Sessions, and aiortc by itself."""
    if report.network != "loopback":
        raise BenchError(
            BenchError.Reason.WRONG_USE, "WebRTC opens sockets of its own, which a virtual link has not"
        )
    from netstack.service.webrtc_plain import measure_plain

    try:
        results = await measure_beside(plan, tell)
        tell("plain aiortc")
        return (*results, *await measure_plain(plan.megabytes, plan.exchanges))
    except WebRtcError as error:
        raise BenchError(BenchError.Reason.WRONG_USE, error.sentence) from error


def _many(count: int, *, virtual: bool) -> tuple[BenchResult, ...]:
    if virtual:
        raise BenchError(
            BenchError.Reason.WRONG_USE, "--sessions counts memory, which a virtual link has not"
        )
    from netstack.service.many_sessions import measure_many

    return asyncio.run(measure_many(count))
