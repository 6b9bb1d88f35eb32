"""Everything that a person does in a conversation: say, send, answer. A number that is gone raises InputError."""

from collections.abc import Coroutine, Sequence
from contextlib import suppress
from pathlib import Path

from netstack.errors import InputError, PeerscopeError
from netstack.model.chat import Payload
from netstack.model.knock import KnockReport
from netstack.model.load import LoadPlan, LoadReport
from netstack.model.port_mapping import Carried
from netstack.service.conversation import Talk
from netstack.service.guest_talk import GuestTalk
from netstack.tasks import TaskScope


class TalkDesk:
    """The conversations that are open, by number, and what is done in them."""

    def __init__(self) -> None:
        self._talks: dict[int, Talk | GuestTalk] = {}
        self._tasks = TaskScope("peers")

    async def say(self, number: int, text: str) -> None:
        """As `send_text`, without waiting: the line's mark tells what becomes of it."""
        self._tasks.start(_quietly(self._talk(number).chat.send_text(text)), "say")

    async def pour(self, number: int, payload: Payload) -> None:
        """As `send_payload`, without waiting."""
        self._tasks.start(_quietly(self._talk(number).chat.send_payload(payload)), "pour")

    async def send_text(self, number: int, text: str) -> None:
        """Returns once the peer has it. Raises InputError, SessionError."""
        await self._talk(number).chat.send_text(text)

    async def send_payload(self, number: int, payload: Payload) -> None:
        """Returns once it has left, or arrived where that is promised. Raises InputError, SessionError."""
        await self._talk(number).chat.send_payload(payload)

    async def send_files(self, number: int, paths: Sequence[str]) -> None:
        """Offers files. Raises FileError."""
        for path in paths:
            self._talk(number).chat.send_file(Path(path))

    async def answer_file(self, number: int, file: int, accept: bool) -> None:
        """Takes an offered file, or does not."""
        self._talk(number).chat.files.answer(file, accept=accept)

    async def pause_file(self, number: int, file: int, paused: bool) -> None:
        """Lets a file rest, or go on."""
        self._talk(number).chat.files.pause(file, paused=paused)

    async def cancel_file(self, number: int, file: int) -> None:
        """Ends a file for both."""
        self._talk(number).chat.files.cancel(file)

    async def measure_load(self, number: int, plan: LoadPlan | None = None) -> LoadReport:
        """Latency under load, once the peer allows it. Raises LoadError, SessionError."""
        talk = self._peer(number)
        return await talk.chat.load.measure(talk.name, plan)

    async def answer_load(self, number: int, allow: bool) -> None:
        """Whether the peer may load the connection; a no while it does so ends it."""
        load = self._talk(number).chat.load
        load.answer(allow=allow)
        if not allow:
            load.stop()

    async def knock(self, number: int, carried: Carried, port: int, host: str) -> tuple[str, KnockReport]:
        """Lets that peer knock at a port of ours; its name, and what came of it. Raises SessionError."""
        talk = self._peer(number)
        return talk.name, await talk.chat.knocks.ask(carried, port, host)

    def _peer(self, number: int) -> Talk:
        talk = self._talk(number)
        if isinstance(talk, GuestTalk):
            raise InputError(InputError.Reason.USAGE, "a guest's browser cannot do that")
        return talk

    def _talk(self, number: int) -> Talk | GuestTalk:
        if number not in self._talks:
            raise InputError(InputError.Reason.USAGE, "that conversation is over")
        return self._talks[number]


async def _quietly(work: Coroutine[object, object, object]) -> None:
    """What goes wrong shows as the line's mark."""
    with suppress(PeerscopeError):
        await work
