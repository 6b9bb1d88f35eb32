"""`peerscope host`: makes a session code, waits for who has it, and echoes what they send."""

import asyncio
from typing import Annotated

import typer

from app.cli.meeting import Lines, Printer, drivers_of, peers
from app.cli.options import ConfigOption
from netstack.config import load_config
from netstack.core.session_code import SessionCode
from netstack.errors import PeerscopeError
from netstack.model.meeting import Role
from netstack.model.session import SessionError
from netstack.net.system import SystemNet


def host(
    via: Annotated[
        list[str] | None,
        typer.Option(help="A way to be found: lan, ws://HOST:PORT, mqtt://HOST; may be given several times."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="What the other side sees as your name.")] = None,
    output: Annotated[
        Lines, typer.Option("--format", help="Print text, or JSON lines for programs.")
    ] = Lines.TEXT,
    config: ConfigOption = None,
) -> int:
    """Invites one person: prints a code to read aloud, waits, then echoes every message."""
    printer = Printer(output)
    settings = load_config(config)

    async def run() -> None:
        net = SystemNet()
        drivers = drivers_of(net, via or (), settings)
        async with peers(net, settings, printer, name) as here:
            code = SessionCode.make(net.random_bytes)
            printer.event(
                "code",
                f"Your code, good once and for ten minutes:\n\n    {code}\n\nThe other side runs: peerscope join {code}",
                code=str(code),
            )
            met = await here.meet(Role.HOST, code, drivers, told=printer.candidate, moved=printer.moved)
            printer.connected(met, None)
            try:
                while True:
                    message = await met.connection.receive()
                    printer.event(
                        "message",
                        f"{met.name or 'peer'}: {len(message.data)} bytes, echoed",
                        bytes=len(message.data),
                    )
                    await met.connection.send(message.data, message.priority, message.mode)
            except SessionError as error:
                printer.event("closed", error.sentence, reason=error.reason.value)

    try:
        asyncio.run(run())
    except PeerscopeError as error:
        printer.event("error", "", failure=error.reason.value, text=error.sentence)
        raise
    except KeyboardInterrupt:
        return 130
    return 0
