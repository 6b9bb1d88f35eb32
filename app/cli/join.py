"""`peerscope join CODE`: meets whoever made the code, sends, and waits until it has come back."""

import asyncio
import contextlib
from pathlib import Path
from typing import Annotated

import typer

from app.cli.by_hand import join_by_hand
from app.cli.meeting import Lines, Printer, Transport, TransportOption, drivers_of, peers, require_bluetooth
from app.cli.options import ConfigOption
from app.cli.talk import OVER, talking
from netstack.config import load_config
from netstack.core.paste_invitation import INVITATION
from netstack.core.session_code import parse_session_code
from netstack.errors import InputError, PeerscopeError
from netstack.model.chat import FileError, FileState, Mark, Payload
from netstack.model.meeting import Role
from netstack.model.session import SessionError
from netstack.net.system import SystemNet
from netstack.rendezvous.driver import Driver
from netstack.service.attempt import Attempt, Met
from netstack.service.chat import Chat
from netstack.service.connection import Connection
from netstack.wire.chat import MAX_PAYLOAD_BYTES

ECHO_S = 20.0
ECHO_BYTES_PER_S = 100_000
LOOK_S = 0.01
PROBES = 5


def join(
    code: Annotated[
        str,
        typer.Argument(
            help="The session code: a number and three words; or a whole invitation, which needs no server."
        ),
    ],
    via: Annotated[
        list[str] | None,
        typer.Option(help="A way to find the other side: lan, ble, ws://HOST:PORT, mqtt://HOST."),
    ] = None,
    send: Annotated[str | None, typer.Option(help="A text to send.")] = None,
    send_bytes: Annotated[
        int | None, typer.Option(min=0, max=MAX_PAYLOAD_BYTES, help="So many bytes to send.")
    ] = None,
    send_file: Annotated[
        Path | None,
        typer.Option(help="A file to send; one that was cut goes on where it was.", dir_okay=False),
    ] = None,
    stay: Annotated[
        float, typer.Option(min=0, max=86_400, help="Stay connected so many seconds more.")
    ] = 0.0,
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
    """Joins the person who made the code; exit code 0 once all that was sent has come back."""
    printer = Printer(output)
    settings = load_config(config)
    by_hand = code.startswith(INVITATION)
    wanted = None if by_hand else parse_session_code(code)
    if send_file is not None and not send_file.is_file():
        raise InputError(InputError.Reason.FILE, str(send_file))

    async def run() -> None:
        net = SystemNet()
        await require_bluetooth(via or (), transport)
        hidden = hide_address or settings.hide_address

        def make_drivers() -> list[Driver]:
            return drivers_of(net, via or (), settings, hidden=hidden)

        async with peers(net, settings, printer, name) as here:
            if wanted is None:
                met = await join_by_hand(here, code, printer, hidden=hidden, only=transport.only)
            else:
                attempt = Attempt(
                    told=printer.candidate, moved=printer.moved, hidden=hidden, only=transport.only
                )
                met = await here.meet(Role.GUEST, wanted, make_drivers(), attempt, make_drivers=make_drivers)
            printer.connected(met, await _rtt_s(met.connection))
            async with talking(net, met, printer, hidden=hidden) as chat:
                if send is not None:
                    await _say(chat, send, met, printer)
                if send_bytes is not None:
                    await _send_bytes(chat, send_bytes, met, printer)
                if send_file is not None:
                    await _send_file(chat, send_file)
                await asyncio.sleep(stay)
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


async def _say(chat: Chat, text: str, met: Met, printer: Printer) -> None:
    """Returns once the peer has it; what a host echoes is printed as it comes."""
    line = await chat.send_text(text)
    printer.event(
        "message",
        f"{met.name or 'the other side'} has it via {line.transport}, in {line.packets} packet(s)",
        bytes=len(line.text.encode()),
        text=line.text,
        mine=True,
        delivered_s=line.took_s,
        packets=line.packets,
        transport=line.transport,
    )


async def _send_bytes(chat: Chat, size: int, met: Met, printer: Printer) -> None:
    line = await chat.send_payload(Payload(size))
    async with asyncio.timeout(ECHO_S + size / ECHO_BYTES_PER_S):
        while line.mark is not Mark.RETURNED:
            await asyncio.sleep(LOOK_S)
            line = next(each for each in chat.lines if each.number == line.number)
            if line.mark is Mark.LOST:
                raise SessionError(SessionError.Reason.CLOSED)
    took_s = line.took_s or 0.0
    text = f"pong from {met.name or 'peer'} via {line.transport} in {took_s * 1000:.3g} ms ({size} bytes)"
    printer.event(
        "message",
        text,
        bytes=size,
        mine=True,
        round_trip_s=took_s,
        packets=line.packets,
        transport=line.transport,
    )


async def _send_file(chat: Chat, path: Path) -> None:
    """Returns when the peer has it, checked. Raises FileError."""
    number = chat.send_file(path)
    while True:
        report = next(each for each in chat.file_reports if each.number == number)
        if report.state is FileState.DONE:
            return
        if report.state in OVER:
            raise FileError(report.reason or FileError.Reason.INTERRUPTED)
        await asyncio.sleep(LOOK_S)


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
