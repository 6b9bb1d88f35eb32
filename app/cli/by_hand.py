"""Meeting in the terminal without any server: an invitation to copy, a reply to paste."""

import asyncio
import sys
import threading

from app.cli.meeting import Printer
from netstack.core.paste_invitation import WARNING
from netstack.model.meeting import MeetingError
from netstack.model.session import TransportKind
from netstack.service.attempt import Met, PasteAttempt
from netstack.service.peers import Peers
from netstack.tasks import TaskScope


async def host_by_hand(here: Peers, printer: Printer, *, hidden: bool, only: TransportKind | None) -> Met:
    """Prints an invitation and takes replies from standard input until one fits. Raises as `Peers.meet` does."""
    attempt = _attempt(printer, hidden=hidden, only=only)
    made = asyncio.Event()
    attempt.changed = lambda: made.set() if attempt.text else None

    async def take_replies() -> None:
        await made.wait()
        printer.event(
            "code",
            f"Your invitation:\n\n{attempt.text}\n\n{WARNING}\nThe other side runs: peerscope join INVITATION\n"
            "Paste the reply here:",
            code=attempt.text,
        )
        lines = _typed_lines()
        while not attempt.replied:
            line = await lines.get()
            if line.strip():
                try:
                    attempt.take_reply(line, here.wall_time())
                except MeetingError as error:
                    printer.event("note", error.sentence, text=error.sentence)

    async with TaskScope("by hand") as tasks:
        replies = tasks.start(take_replies(), "replies")
        try:
            return await here.invite_by_paste(attempt)
        finally:
            replies.cancel()


async def join_by_hand(
    here: Peers, invitation: str, printer: Printer, *, hidden: bool, only: TransportKind | None
) -> Met:
    """Prints the reply to an invitation, and returns once it was pasted there. Raises as `Peers.meet` does."""
    attempt = _attempt(printer, hidden=hidden, only=only)
    told = False

    def changed() -> None:
        nonlocal told
        if attempt.text and not told:
            told = True
            printer.event("reply", f"Send this reply back:\n\n{attempt.text}\n", reply=attempt.text)

    attempt.changed = changed
    return await here.join_by_paste(invitation, attempt)


def _attempt(printer: Printer, *, hidden: bool, only: TransportKind | None) -> PasteAttempt:
    return PasteAttempt(told=printer.candidate, moved=printer.moved, hidden=hidden, only=only)


def _typed_lines() -> "asyncio.Queue[str]":
    """What is typed or piped in, a line at a time. The thread may sit in a read for ever, so nobody waits for it."""
    lines: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        for line in sys.stdin:
            if loop.is_closed():
                return
            loop.call_soon_threadsafe(lines.put_nowait, line)

    threading.Thread(target=read, name="replies", daemon=True).start()
    return lines
