"""What a person does with guests: invite one by a link, send the page as a file, see who has come."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from netstack.core.rendezvous_uri import parse_rendezvous
from netstack.errors import InputError
from netstack.model.config import TurnServer
from netstack.model.guest import GuestInvitation
from netstack.model.meeting import MeetingError, Way
from netstack.net.protocol import Net
from netstack.service.guest_channel import GuestChannel
from netstack.service.guest_door import GuestDoor
from netstack.service.guest_talk import GuestTalk
from netstack.service.shelf import Shelf
from netstack.tasks import TaskScope

MAX_GUESTS: Final = 8


class GuestDesk:
    """One invitation at a time, and the guests who have come. `changed` is called when there is something new to see.

    `numbered` gives each conversation its number.
    """

    def __init__(
        self, net: Net, shelf: Shelf, changed: Callable[[], None], numbered: Callable[[], int]
    ) -> None:
        self._net = net
        self._shelf = shelf
        self._changed = changed
        self._numbered = numbered
        self._door: GuestDoor | None = None
        self._via = ""
        self._open: set[GuestTalk] = set()
        self._shut: list[GuestDoor] = []
        self._closing = TaskScope("guests")

    @property
    def waiting(self) -> bool:
        """A link is open."""
        return self._door is not None

    async def invite(
        self, via: str, name: str, stun: tuple[str, ...], turn: tuple[TurnServer, ...]
    ) -> GuestTalk:
        """Makes a link and returns the guest who came by it. Cancelling withdraws it.

        `via` is the rendezvous server that serves the page; empty: this computer does, on its own network. Raises
        InputError, MeetingError, NetError.
        """
        if self._door is not None:
            raise InputError(InputError.Reason.USAGE, "a guest's link is open already")
        if sum(not talk.ended for talk in self._open) >= MAX_GUESTS:
            raise InputError(InputError.Reason.USAGE, f"at most {MAX_GUESTS} guests at once")
        uri = parse_rendezvous(via) if via else None
        if uri is not None and uri.way is not Way.WEBSOCKET:
            raise MeetingError(MeetingError.Reason.MALFORMED_VIA, "a guest's page comes from ws:// or wss://")
        began_s = self._net.now()
        door = self._door = GuestDoor(
            self._net,
            name,
            via=uri,
            stun=stun,
            turn=turn,
            changed=self._changed,
            channel_changed=self._changed,
        )
        self._via = via
        channel: GuestChannel | None = None
        try:
            self._changed()
            await door.open()
            self._changed()
            channel = await door.guest()
            talk = GuestTalk(
                self._net,
                channel,
                self._numbered(),
                self._shelf,
                door.connect_s or self._net.now() - began_s,
                self._changed,
            )
            self._open.add(talk)
            channel = None
            return talk
        finally:
            self._door = None
            # Nobody waits for that: a browser keeps spare connections to the page's server for seconds.
            self._shut.append(door)
            if self._closing.closed:
                await door.close()
            else:
                self._closing.start(self._close(door), "close the door")
            if channel is not None:
                await channel.close()
            self._changed()

    async def save_page(self, path: Path) -> None:
        """Writes the page with its secret, for its owner's eyes alone until it is sent. Raises MeetingError, InputError."""
        if self._door is None:
            raise MeetingError(MeetingError.Reason.EXPIRED)
        page = self._door.page()
        try:
            await asyncio.to_thread(_write, path, page)
        except OSError as error:
            raise InputError(InputError.Reason.FILE, f"{path}: {error.strerror}") from error

    def state(self) -> GuestInvitation | None:
        """The open link."""
        door = self._door
        if door is None:
            return None
        return GuestInvitation(
            link=door.link,
            others=door.others,
            via=self._via,
            left_s=max(0, round(door.expires_s - self._net.now())),
            trying=door.trying,
            refused=door.refused,
            encrypted=door.link.startswith("https:"),
            ways=door.health,
        )

    def gone(self, talk: GuestTalk) -> None:
        """A guest has left."""
        self._open.discard(talk)

    async def close(self) -> None:
        """Sends every guest away. May be called twice."""
        for talk in list(self._open):
            await talk.close()
        await self._closing.close()
        for door in list(self._shut):
            await self._close(door)

    async def _close(self, door: GuestDoor) -> None:
        await door.close()
        if door in self._shut:
            self._shut.remove(door)


def _write(path: Path, page: bytes) -> None:
    path.write_bytes(page)
    path.chmod(0o600)
