"""A talk in the terminal: chat lines and files of a session as events."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.cli.meeting import Printer
from netstack.model.chat import ChatLine, FileReport, FileState, LineKind
from netstack.net.system import SystemNet
from netstack.service.attempt import Met
from netstack.service.chat import Chat
from netstack.service.shelf import Shelf
from netstack.tasks import TaskScope

PROGRESS_PERIOD_S = 0.5
OVER = frozenset({FileState.DONE, FileState.FAILED, FileState.INTERRUPTED})


class TalkPrinter:
    """Prints what changed: `message` for what the peer said, `progress` twice a second for each file that moves."""

    def __init__(self, printer: Printer, name: str) -> None:
        self._printer = printer
        self._name = name or "peer"
        self._lines: dict[int, ChatLine] = {}
        self._files: dict[int, tuple[float, FileReport]] = {}

    def show(self, chat: Chat) -> None:
        """Call it after changes."""
        for line in chat.lines:
            if line != self._lines.get(line.number):
                self._lines[line.number] = line
                if not line.mine:
                    self._heard(line)
        now_s = time.monotonic()
        for report in chat.file_reports:
            at_s, known = self._files.get(report.number, (0.0, None))
            turned = known is None or known.state is not report.state
            if turned or (report != known and now_s - at_s >= PROGRESS_PERIOD_S):
                self._files[report.number] = now_s, report
                self._progress(report)

    def _heard(self, line: ChatLine) -> None:
        if line.kind is LineKind.TEXT:
            text = line.text.replace("\n", "\n    ")
            self._printer.event(
                "message", f"{self._name}: {text}", text=line.text, bytes=len(line.text.encode()), mine=False
            )
        elif line.kind is LineKind.PAYLOAD and line.moved_bytes == line.size_bytes:
            self._printer.event(
                "message", f"{self._name}: {line.size_bytes} bytes", bytes=line.size_bytes, mine=False
            )

    def _progress(self, report: FileReport) -> None:
        words = f"{report.name}: {report.moved_bytes} of {report.size_bytes} bytes, {report.state.value}"
        if report.place:
            words = f"{report.name}: arrived, its SHA-256 agrees: {report.place}"
        elif report.failure:
            words = f"{report.name}: {report.failure}"
        self._printer.event(
            "progress",
            words if report.state in OVER or report.state is FileState.OFFERED else "",
            file=report.name,
            bytes=report.size_bytes,
            moved_bytes=report.moved_bytes,
            rate=report.rate,
            state=report.state.value,
            mine=report.mine,
            place=report.place or None,
            failure=report.failure or None,
        )


@asynccontextmanager
async def talking(
    net: SystemNet,
    met: Met,
    printer: Printer,
    *,
    shelf: Shelf | None = None,
    echo: bool = False,
    hidden: bool = False,
) -> AsyncIterator[Chat]:
    """A chat that runs and is printed; files are taken into `shelf` without asking, where there is one."""
    shown = TalkPrinter(printer, met.name)
    chat = Chat(
        net,
        met.connection,
        peer_key=met.established.peer_key,
        initiator=met.established.initiator,
        shelf=shelf,
        accept_all=True,
        echo=echo,
        knocks=not hidden,
        changed=lambda: shown.show(chat),
    )
    async with TaskScope("talk") as tasks:
        tasks.start(chat.run(), "chat")
        yield chat
        met.connection.close()
