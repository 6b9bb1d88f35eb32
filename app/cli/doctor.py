"""`peerscope doctor`: what is wrong, whose side is it, what to change?"""

import asyncio
import contextlib
from typing import Annotated

import msgspec
import typer

from app.cli.options import ConfigOption, Format, FormatOption, LabOption
from app.cli.terminal import console, fail, print_json
from app.presenters.doctor_text import doctor_text
from netstack.config import TurnServer, history_path, load_config
from netstack.core.game_ports import ports_of
from netstack.errors import PeerscopeError
from netstack.lab.lab import open_scenario
from netstack.model.doctor import Check, DoctorReport, Outcome
from netstack.model.port_mapping import Carried
from netstack.net.system import SystemNet
from netstack.service.doctor import Doctor, Progress, exit_code
from netstack.service.game_port import read_games
from netstack.service.history_desk import keep_one


def doctor(
    output: FormatOption = Format.TEXT,
    lab: LabOption = None,
    real_time: Annotated[
        bool, typer.Option("--real-time", help="Let the lab's clock run as fast as a real one.")
    ] = False,
    port: Annotated[
        str | None,
        typer.Option(
            "--port", metavar="udp/N|GAME", help="Look at a game's port too: here, and in the router."
        ),
    ] = None,
    open_port: Annotated[
        bool,
        typer.Option(
            "--open-port", help="Let the router open a port for some seconds, and prove it from outside."
        ),
    ] = False,
    config: ConfigOption = None,
) -> int:
    """Checks this computer's connection and says whose side each problem is on."""
    as_json = output is Format.JSON
    try:
        asked = ports_of(port, read_games()) if port else None
        if lab is not None:
            scene = open_scenario(lab, real_time=real_time)
            report = scene.run(
                lambda here: _examine(
                    Doctor(here.net(here.patient), network=here.scenario.name),
                    here.stun_servers,
                    here.turn_servers,
                    here.web_checks,
                    asked,
                    open_port=open_port,
                )
            )
        else:
            settings = load_config(config)
            with contextlib.ExitStack() as stack:
                out = console(stderr=True)
                shown = out.is_terminal and not as_json
                status = stack.enter_context(out.status("Looking at the network")) if shown else None

                def tell(checks: tuple[Check, ...]) -> None:
                    running = [check.title for check in checks if check.outcome is Outcome.RUNNING]
                    if status is not None and running:
                        status.update(f"Checking: {', '.join(running)}")

                report = asyncio.run(
                    _examine(
                        Doctor(SystemNet()),
                        settings.stun,
                        settings.turn,
                        settings.web_checks,
                        asked,
                        tell,
                        open_port=open_port,
                    )
                )
    except PeerscopeError as error:
        fail(error, DoctorReport(network=lab or "real") if as_json else None)
    except KeyboardInterrupt:
        return 130
    keep_one(history_path(lab=lab is not None), report)
    if as_json:
        print_json(msgspec.to_builtins(report))
    else:
        console().print(doctor_text(report), highlight=False, markup=False)
    return exit_code(report)


async def _examine(
    doctor: Doctor,
    stun: tuple[str, ...],
    turn: tuple[TurnServer, ...],
    web: tuple[str, ...],
    asked: tuple[str, tuple[tuple[Carried, int], ...]] | None,
    tell: Progress | None = None,
    *,
    open_port: bool = False,
) -> DoctorReport:
    await doctor.examine(stun, turn, web, progress=tell)
    if open_port:
        await doctor.open_port()
    if asked is not None:
        game, ports = asked
        await doctor.look_at_ports(ports, game)
    return doctor.known()
