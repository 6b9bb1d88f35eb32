"""`peerscope turn`: does this TURN server work, and if not, what is wrong with it?"""

import asyncio
import contextlib
import os
import sys
from typing import Annotated

import msgspec
import typer

from app.cli.options import ConfigOption, Format, FormatOption, LabOption
from app.cli.terminal import console, fail, print_json
from app.presenters.turn_text import turn_report_text
from netstack.config import history_path, load_config
from netstack.core.turn_uri import parse_turn_uri
from netstack.core.turn_verdict import exit_code
from netstack.errors import InputError, PeerscopeError
from netstack.lab.lab import Lab, open_scenario
from netstack.model.config import TurnServer
from netstack.model.turn import TurnReport
from netstack.net.protocol import Net
from netstack.net.system import SystemNet
from netstack.service.history_desk import keep_one
from netstack.service.turn import TurnService
from netstack.service.turn_login import TurnLogin, find_login, keep_login

PASSWORD, SECRET = "PEERSCOPE_TURN_PASSWORD", "PEERSCOPE_TURN_SECRET"


def turn(
    uri: Annotated[
        str | None,
        typer.Argument(
            metavar="[URI]",
            help="turn:HOST[:PORT][?transport=udp|tcp] or turns:HOST[:PORT]; else the first of the configuration.",
        ),
    ] = None,
    username: Annotated[
        str,
        typer.Option(
            help=f"The user. The password comes from {PASSWORD}, a shared secret from {SECRET}, else from the "
            "configuration, the keyring, or it is asked for; it is never an argument."
        ),
    ] = "",
    throughput: Annotated[
        bool, typer.Option("--throughput", help="Measure the throughput too: sends up to 5 MB in 3 s.")
    ] = False,
    remember: Annotated[
        bool, typer.Option("--remember", help="Keep the password in the system keyring when it is right.")
    ] = False,
    output: FormatOption = Format.TEXT,
    lab: LabOption = None,
    config: ConfigOption = None,
) -> int:
    """Checks a TURN server, stage by stage, and says what to change."""
    as_json = output is Format.JSON
    try:
        scenario = None if lab is None else open_scenario(lab)
        settings = load_config(config)
        known = settings.turn if scenario is None else scenario.turn_servers
        if uri is None and not known:
            raise InputError(InputError.Reason.USAGE, "name a server: peerscope turn turn:HOST")
        asked = uri or known[0].url
        login = _login(asked, username, known, quiet=as_json)
        report = _run(asked, login, throughput=throughput, quiet=as_json, lab=scenario)
        if remember and report.relayed_address is not None and login.password:
            _remember(asked, login)
    except PeerscopeError as error:
        fail(error, TurnReport(network=lab or "real") if as_json else None)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    keep_one(history_path(lab=lab is not None), report)
    if as_json:
        print_json(msgspec.to_builtins(report))
    else:
        console().print(turn_report_text(report), highlight=False, markup=False)
    return exit_code(report)


def _login(uri: str, username: str, known: tuple[TurnServer, ...], *, quiet: bool) -> TurnLogin:
    """From the environment, the configuration, the keyring, or the person at the terminal."""
    if secret := os.environ.get(SECRET, ""):
        return TurnLogin(username, secret=secret)
    if password := os.environ.get(PASSWORD, ""):
        return TurnLogin(username, password)
    login = asyncio.run(find_login(parse_turn_uri(uri), known, username))
    if login.username and not login.password and not quiet and sys.stdin.isatty():
        return TurnLogin(login.username, typer.prompt("Password", hide_input=True, default="", err=True))
    return login


def _remember(uri: str, login: TurnLogin) -> None:
    if not asyncio.run(keep_login(parse_turn_uri(uri), login)):
        console(stderr=True).print("The system keyring does not keep it.", highlight=False)


def _run(uri: str, login: TurnLogin, *, throughput: bool, quiet: bool, lab: Lab | None) -> TurnReport:
    """Runs the check; on a terminal it shows the step it is at."""
    with contextlib.ExitStack() as stack:
        out = console(stderr=True)
        status = None
        if out.is_terminal and not quiet:
            status = stack.enter_context(out.status("Looking the name up"))

        def tell(_done: float, step: str, _report: TurnReport) -> None:
            if status is not None and step:
                status.update(step)

        async def check(net: Net, network: str) -> TurnReport:
            service = TurnService(net, network=network)
            return await service.check(uri, login, throughput=throughput, progress=tell)

        if lab is not None:
            return lab.run(lambda lab: check(lab.net(), lab.scenario.name))
        return asyncio.run(check(SystemNet(), "real"))
