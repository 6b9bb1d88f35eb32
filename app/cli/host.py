"""`peerscope host`: makes a session code, waits for who has it, echoes what they send, takes files."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from app.cli.by_hand import host_by_hand
from app.cli.meeting import Lines, Printer, Transport, TransportOption, drivers_of, peers, require_bluetooth
from app.cli.options import ConfigOption
from app.cli.talk import talking
from netstack.config import load_config
from netstack.core.session_code import SessionCode
from netstack.errors import PeerscopeError
from netstack.model.meeting import Role
from netstack.model.session import Event, SessionClosed
from netstack.net.system import SystemNet
from netstack.service.attempt import Attempt, Met
from netstack.service.peers import Peers
from netstack.service.shelf import Shelf


def host(
    via: Annotated[
        list[str] | None,
        typer.Option(
            help="A way to be found: lan, ble, ws://HOST:PORT, mqtt://HOST, several times; or paste alone: no server at all."
        ),
    ] = None,
    accept: Annotated[
        Path | None,
        typer.Option(help="Take files into this folder; without it none are taken.", file_okay=False),
    ] = None,
    max_bytes: Annotated[
        int | None, typer.Option(min=0, help="At most so many bytes of files in all.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What the other side sees as your name.")] = None,
    hide_address: Annotated[
        bool, typer.Option(help="Keep your address from the other side: only a relay will do.")
    ] = False,
    transport: TransportOption = Transport.AUTO,
    output: Annotated[
        Lines, typer.Option("--format", help="Print text, or JSON lines for programs.")
    ] = Lines.TEXT,
    config: ConfigOption = None,
) -> int:
    """Invites one person: prints a code to read aloud, waits, then echoes what is said and takes files."""
    printer = Printer(output)
    settings = load_config(config)

    async def run() -> None:
        net = SystemNet()
        await require_bluetooth(via or (), transport)
        hidden = hide_address or settings.hide_address
        by_hand = list(via or ()) == ["paste"]
        drivers = [] if by_hand else drivers_of(net, via or (), settings, hidden=hidden)

        async def by_code(here: Peers) -> Met:
            code = SessionCode.make(net.random_bytes)
            printer.event(
                "code",
                f"Your code, good once and for ten minutes:\n\n    {code}\n\nThe other side runs: peerscope join {code}",
                code=str(code),
            )
            attempt = Attempt(told=printer.candidate, moved=printer.moved, hidden=hidden, only=transport.only)
            return await here.meet(
                Role.HOST,
                code,
                drivers,
                attempt,
                make_drivers=lambda: drivers_of(net, via or (), settings, hidden=hidden),
            )

        async with peers(net, settings, printer, name) as here:
            if by_hand:
                met = await host_by_hand(here, printer, hidden=hidden, only=transport.only)
            else:
                met = await by_code(here)
            printer.connected(met, None)
            shelf = None if accept is None else Shelf(accept, max_bytes)
            over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            reasons: list[str] = []

            def heard(event: Event) -> None:
                if isinstance(event, SessionClosed) and not over.done():
                    reasons.append(event.reason.name.lower())
                    over.set_result(None)

            met.connection.listeners.append(heard)
            async with talking(net, met, printer, shelf=shelf, echo=True, hidden=hidden):
                if not met.connection.closed:
                    await over
            printer.event("closed", "The other side has left.", reason=(reasons or ["closed"])[0])

    try:
        asyncio.run(run())
    except PeerscopeError as error:
        printer.event("error", "", failure=error.reason.value, text=error.sentence)
        raise
    except KeyboardInterrupt:
        return 130
    return 0
