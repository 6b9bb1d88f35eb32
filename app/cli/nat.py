"""`peerscope nat`: what does my NAT do?"""

import asyncio
import contextlib
from typing import Annotated

import msgspec
import typer

from app.cli.options import ConfigOption, Format, FormatOption, LabOption
from app.cli.terminal import console, fail, print_json
from app.presenters.nat_text import report_text
from netstack.config import history_path, load_config
from netstack.core.nat_report import exit_code
from netstack.errors import PeerscopeError
from netstack.lab.lab import Lab, open_scenario
from netstack.model.nat import NatReport
from netstack.net.protocol import Net
from netstack.net.system import SystemNet
from netstack.service.history_desk import keep_one
from netstack.service.nat import NatService
from netstack.service.nat_port_mapping import try_out
from netstack.service.port_mapping import PortMappingService


def nat(
    server: Annotated[
        list[str] | None, typer.Option(help="A STUN server, stun:HOST[:PORT]; may be given several times.")
    ] = None,
    output: FormatOption = Format.TEXT,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Measure anew (a single command always does; kept for scripts).")
    ] = False,
    lifetime: Annotated[
        bool,
        typer.Option("--lifetime", help="Measure also how long an idle mapping lives (up to 5 minutes)."),
    ] = False,
    lab: LabOption = None,
    open_port: Annotated[
        bool,
        typer.Option(
            "--open-port", help="Let the router open a port for some seconds, and prove it from outside."
        ),
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Finds out what the NAT in front of this computer does, and what to change."""
    try:
        known = load_config(config).stun
        scenario = None if lab is None else open_scenario(lab)
        servers = known if scenario is None else scenario.stun_servers
        report = _run(
            tuple(server) if server else servers,
            fresh=fresh,
            lifetime=lifetime,
            open_port=open_port,
            quiet=output is Format.JSON,
            lab=scenario,
        )
    except PeerscopeError as error:
        fail(error, NatReport(network=lab or "real") if output is Format.JSON else None)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    keep_one(history_path(lab=lab is not None), report)
    if output is Format.JSON:
        print_json(msgspec.to_builtins(report))
    else:
        console().print(report_text(report), highlight=False, markup=False)
    raise typer.Exit(exit_code(report))


def _run(
    servers: tuple[str, ...], *, fresh: bool, lifetime: bool, open_port: bool, quiet: bool, lab: Lab | None
) -> NatReport:
    """Runs the check; on a terminal it shows the step it is at."""
    with contextlib.ExitStack() as stack:
        out = console(stderr=True)
        status = (
            stack.enter_context(out.status("Looking at the network"))
            if out.is_terminal and not quiet
            else None
        )

        def tell(_done: float, step: str, _report: NatReport) -> None:
            if status is not None and step:
                status.update(step)

        async def check(net: Net, network: str) -> NatReport:
            service = NatService(net, network=network)
            report = await service.check(
                servers, fresh=fresh, lifetime=lifetime, progress=tell if status else None
            )
            if open_port and report.failure is None:
                mappings = PortMappingService(net)
                try:
                    return service.judge_with_port_mapping(*(await try_out(net, mappings, report))[:2])
                finally:
                    await mappings.close()
            return report

        if lab is not None:
            return lab.run(lambda lab: check(lab.net(), lab.scenario.name))
        return asyncio.run(check(SystemNet(), "real"))
