"""`peerscope join CODE`: meets whoever made the code, sends, and waits until it has come back."""

import asyncio
import contextlib
from typing import Annotated

import typer

from app.cli.meeting import Lines, Printer, drivers_of, peers
from app.cli.options import ConfigOption
from netstack.config import load_config
from netstack.core.session_code import parse_session_code
from netstack.errors import PeerscopeError
from netstack.model.meeting import Role
from netstack.model.session import SessionError
from netstack.net.system import SystemNet
from netstack.service.connection import Connection

ECHO_S = 20.0
PROBES = 5


def join(
    code: Annotated[str, typer.Argument(help="The session code: a number and three words.")],
    via: Annotated[
        list[str] | None,
        typer.Option(help="A way to find the other side: lan, ws://HOST:PORT, mqtt://HOST."),
    ] = None,
    send: Annotated[str | None, typer.Option(help="A text to send.")] = None,
    send_bytes: Annotated[
        int | None, typer.Option(min=0, max=4_000_000, help="So many bytes to send.")
    ] = None,
    stay: Annotated[
        float, typer.Option(min=0, max=86_400, help="Stay connected so many seconds more.")
    ] = 0.0,
    name: Annotated[str | None, typer.Option(help="What the other side sees as your name.")] = None,
    output: Annotated[
        Lines, typer.Option("--format", help="Print text, or JSON lines for programs.")
    ] = Lines.TEXT,
    config: ConfigOption = None,
) -> int:
    """Joins the person who made the code; exit code 0 once all that was sent has come back."""
    printer = Printer(output)
    settings = load_config(config)
    wanted = parse_session_code(code)
    payloads = [text for text in (send.encode() if send is not None else None,) if text is not None]
    if send_bytes is not None:
        payloads.append(bytes(index % 251 for index in range(send_bytes)))

    async def run() -> None:
        net = SystemNet()
        drivers = drivers_of(net, via or (), settings)
        async with peers(net, settings, printer, name) as here:
            met = await here.meet(Role.GUEST, wanted, drivers, told=printer.candidate, moved=printer.moved)
            printer.connected(met, await _rtt_s(met.connection))
            for payload in payloads:
                began_s = net.now()
                await met.connection.send(payload, wait=True)
                async with asyncio.timeout(ECHO_S):
                    echo = await met.connection.receive()
                if echo.data != payload:
                    raise SessionError(SessionError.Reason.CLOSED, "what came back is not what was sent")
                took_s = net.now() - began_s
                text = f"pong from {met.name or 'peer'} via {met.reached.kind} in {took_s * 1000:.3g} ms ({len(payload)} bytes)"
                printer.event("message", text, bytes=len(payload), round_trip_s=took_s)
            await asyncio.sleep(stay)
            met.connection.close()
            printer.event("closed", "", reason="done")

    try:
        asyncio.run(run())
    except TimeoutError:
        printer.event("error", "What was sent did not come back in time.", failure="no-echo")
        return 1
    except PeerscopeError as error:
        printer.event("error", "", failure=error.reason.value, text=error.sentence)
        raise
    except KeyboardInterrupt:
        return 130
    return 0


async def _rtt_s(connection: Connection) -> float | None:
    """The fastest of a few probes; None when none was answered."""
    rtts_s: list[float] = []
    news = asyncio.Event()

    def heard(event: object) -> None:
        rtt_s = getattr(event, "rtt_s", None)
        if rtt_s is not None:
            rtts_s.append(rtt_s)
            news.set()

    connection.watch = heard
    session = connection.session
    for _ in range(PROBES):
        if session is None:
            break
        news.clear()
        connection.probe(session.paths.main)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await news.wait()
    connection.watch = None
    return min(rtts_s, default=None)
