"""`peerscope doctor`: what is wrong, whose side is it, what to change?"""

import asyncio
import contextlib
import sys
from collections.abc import Sequence
from typing import Annotated

import msgspec
import typer

from app.cli.meeting import Lines, Printer, drivers_of, peers
from app.cli.options import ConfigOption, Format, FormatOption, LabOption
from app.cli.terminal import console, fail, print_json
from app.presenters.doctor_text import doctor_text
from netstack.config import history_path, load_config
from netstack.core.game_ports import ports_of
from netstack.core.session_code import SessionCode, parse_session_code
from netstack.errors import InputError, PeerscopeError
from netstack.lab.lab import open_scenario
from netstack.model.config import Config, TurnServer
from netstack.model.doctor import Check, DoctorReport, Outcome
from netstack.model.port_mapping import Carried
from netstack.net.system import SystemNet
from netstack.radio.system import open_system_radio
from netstack.service.doctor import Doctor, Progress, exit_code
from netstack.service.game_port import read_games
from netstack.service.history_desk import keep_one
from netstack.service.peer_exam import examine_peer


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
    peer: Annotated[
        str | None,
        typer.Option(
            "--peer",
            metavar="CODE",
            help="Meet whoever made this session code, and judge both networks as a pair.",
        ),
    ] = None,
    via: Annotated[
        list[str] | None,
        typer.Option(help="With --peer: a way to find the other side: lan, ws://HOST:PORT, mqtt://HOST."),
    ] = None,
    config: ConfigOption = None,
) -> int:
    """Checks this computer's connection and says whose side each problem is on."""
    as_json = output is Format.JSON
    try:
        asked = ports_of(port, read_games()) if port else None
        code = parse_session_code(peer) if peer else None
        if code is not None and lab is not None:
            raise InputError(
                InputError.Reason.USAGE,
                "a code leads to somebody real; in the lab open the window: peerscope --lab",
            )
        if lab is not None:
            scene = open_scenario(lab, real_time=real_time)
            report = scene.run(
                lambda here: _examine(
                    Doctor(here.net(here.patient), network=here.scenario.name, radio=here.open_radio),
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

                async def on_system() -> DoctorReport:
                    net = SystemNet()
                    doctor = Doctor(net, radio=open_system_radio)
                    report = await _examine(
                        doctor,
                        settings.stun,
                        settings.turn,
                        settings.web_checks,
                        asked,
                        tell,
                        open_port=open_port,
                    )
                    if code is None:
                        return report
                    if status is not None:
                        status.update("Meeting the other side")
                    return await _with_peer(net, doctor, code, via or (), settings)

                report = asyncio.run(on_system())
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


class _Aside(Printer):
    """Notes go to the side: what is printed is the report."""

    def __init__(self) -> None:
        super().__init__(Lines.TEXT)

    def event(self, name: str, words: str, **_fields: object) -> None:
        """Only words for people."""
        if words:
            print(words, file=sys.stderr, flush=True)


async def _with_peer(
    net: SystemNet, doctor: Doctor, code: SessionCode, via: Sequence[str], settings: Config
) -> DoctorReport:
    """Whatever becomes of the meeting, what is known of our own side is kept."""
    try:
        hidden = settings.hide_address
        drivers = drivers_of(net, via, settings, hidden=hidden)
        async with peers(net, settings, _Aside(), None) as here:
            return await examine_peer(net, doctor, here, code, drivers, hidden=hidden)
    except PeerscopeError as error:
        print(error.sentence, file=sys.stderr, flush=True)
        return msgspec.structs.replace(
            doctor.known(), failure=error.reason.value, failure_text=error.sentence
        )
