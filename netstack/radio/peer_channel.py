"""Two computers find each other over Bluetooth by a mailbox both know, and find each other again when they lost it.

The host can be found under the host's service, a guest that has not heard it for a while under the guest's; whoever
hears the other one connects. A host looks for guests only where it cannot be found itself. The link carries notes of
the meeting beside the session's packets.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final, Protocol

from netstack.errors import DecodeError
from netstack.model.ble import Heard
from netstack.model.bluetooth_error import BluetoothError
from netstack.radio.packet_link import open_packet_link
from netstack.radio.protocol import PacketLink, PacketSink, Radio
from netstack.tasks import TaskScope
from netstack.wire.ble_peer import NoteAssembly, cut_note, is_note, nameplate_uuid

ELECT_S: Final = 3.0
FIRST_WAIT_S: Final = 0.3
LONGEST_WAIT_S: Final = 5.0
MAX_LINKS: Final = 4
SILENT_S: Final = 10.0
MAX_BAD_NOTES: Final = 8
_R = BluetoothError.Reason


class Watcher(Protocol):
    """Takes the session's packets of a channel. Called on the loop; must not block or raise."""

    def peer_link_up(self, link: "PeerLink") -> None:
        """Packets may be sent on it."""

    def peer_packet(self, link: "PeerLink", packet: bytes) -> None:
        """One came."""

    def peer_link_down(self, link: "PeerLink") -> None:
        """Nothing more comes from it."""


class PeerLink:
    """One link of a channel. `send` waits for room; one packet after the other, whoever sends."""

    def __init__(self, channel: "PeerChannel") -> None:
        self._channel = channel
        self._sending = asyncio.Lock()
        self._noting = asyncio.Lock()
        self._assembly = NoteAssembly()
        self._bad_notes = 0
        self.link: PacketLink | None = None
        self.heard = False
        self.used = False
        self.gone = asyncio.Event()

    @property
    def peer(self) -> str:
        """The other side's address."""
        return self.link.peer if self.link is not None else ""

    @property
    def max_packet_bytes(self) -> int:
        """The largest packet."""
        return self.link.max_packet_bytes if self.link is not None else 0

    async def send(self, packet: bytes) -> None:
        """Sends a packet. Raises BluetoothError."""
        async with self._sending:
            if self.link is None:
                raise BluetoothError(_R.LOST)
            await self.link.send(packet)

    async def send_note(self, note: bytes) -> None:
        """Sends a note, in as many packets as it takes. Raises BluetoothError."""
        async with self._noting:
            for part in cut_note(note, self.max_packet_bytes):
                await self.send(part)

    async def close(self) -> None:
        """Ends it."""
        if self.link is not None:
            await self.link.close()
        self.packet_link_lost()

    def packet_received(self, packet: bytes) -> None:
        """From the radio."""
        self.heard = True
        if not is_note(packet):
            self._channel.packet(self, packet)
            return
        try:
            note = self._assembly.feed(packet)
        except DecodeError:
            self._bad_notes += 1
            self._channel.bad_notes += 1
            if self._bad_notes >= MAX_BAD_NOTES:
                self._channel.drop(self)
            return
        if note is not None:
            self._channel.note(note)

    def packet_link_lost(self) -> None:
        """From the radio."""
        if not self.gone.is_set():
            self.gone.set()
            self._channel.down(self)


class PeerChannel:
    """Looks for the peer while somebody holds it. `problem` is what keeps it from that; `changed` hears of news.

    `notes` gets the meeting's notes, `watcher` the session's packets; a watcher that comes late is told of links that
    are up. It never pairs: what is said is sealed, and nobody is asked for digits; a bond that is there is used.
    """

    def __init__(self, radio: Radio, mailbox: str, *, host: bool) -> None:
        self._radio = radio
        self._host = host
        self._ours = nameplate_uuid(mailbox, host=host)
        self._theirs = nameplate_uuid(mailbox, host=not host)
        self._links: list[PeerLink] = []
        self._holders = 0
        self._tasks: TaskScope | None = None
        self._watcher: Watcher | None = None
        self._looking = asyncio.Event()
        self.notes: Callable[[bytes], None] = lambda _: None
        self.changed: Callable[[], None] = lambda: None
        self.problem: BluetoothError | None = None
        self.found = False
        self.can_be_found: bool | None = None
        self.bad_notes = 0
        self.unheard_packets = 0

    @property
    def links(self) -> tuple[PeerLink, ...]:
        """Those that are up."""
        return tuple(self._links)

    def watch(self, watcher: Watcher | None) -> None:
        """Who takes the session's packets from now on."""
        self._watcher = watcher
        if watcher is not None:
            for link in self.links:
                watcher.peer_link_up(link)

    def hold(self) -> None:
        """Begins to look, with the first who holds it."""
        self._holders += 1
        if self._tasks is None:
            self._tasks = TaskScope("bluetooth peer")
            self._tasks.start(self._run(), "find")

    async def release(self) -> None:
        """Ends it with the last who held it."""
        self._holders -= 1
        if self._holders or self._tasks is None:
            return
        tasks, self._tasks = self._tasks, None
        await tasks.close()
        for link in self.links:
            await link.close()

    async def send_note(self, note: bytes) -> None:
        """To whoever is linked; waits for somebody. A link that ends takes its copy along: notes are repeated."""
        while not self._links:
            self._looking.clear()
            await self._looking.wait()
        for link in self.links:
            with contextlib.suppress(BluetoothError):
                await link.send_note(note)

    # From the links.

    def note(self, note: bytes) -> None:
        """A whole note came."""
        self.notes(note)

    def packet(self, link: PeerLink, packet: bytes) -> None:
        """A session's packet came; before somebody takes it, it is dropped and counted: handshakes are repeated."""
        if self._watcher is None:
            self.unheard_packets += 1
        else:
            self._watcher.peer_packet(link, packet)

    def down(self, link: PeerLink) -> None:
        """A link is gone."""
        if link in self._links:
            self._links.remove(link)
            if self._watcher is not None:
                self._watcher.peer_link_down(link)
            self._news()

    def drop(self, link: PeerLink) -> None:
        """Ends a link that says nothing sensible."""
        if self._tasks is not None and not self._tasks.closed:
            self._tasks.start(link.close(), "drop")

    def _up(self, link: PeerLink) -> None:
        self.found = True
        self.problem = None
        self._links.append(link)
        if self._watcher is not None:
            self._watcher.peer_link_up(link)
        self._news()

    def _news(self) -> None:
        self._looking.set()
        self.changed()

    # Looking.

    async def _run(self) -> None:
        """Bluetooth that is not usable is a problem to show, and may come back."""
        while (failure := (preflight := await self._radio.preflight()).failure) is not None:
            self._trouble(BluetoothError(_R(failure)))
            await asyncio.sleep(LONGEST_WAIT_S)
        self.problem = None
        self.can_be_found = preflight.can_host
        self._news()
        async with TaskScope("bluetooth look") as tasks:
            if self.can_be_found is not False:
                if self._host:
                    await self._be_found()
                else:
                    tasks.start(self._be_found_later(), "be found later")
            await self._look()

    def _trouble(self, error: BluetoothError) -> None:
        self.problem = error
        self._news()

    async def _be_found_later(self) -> None:
        """A guest is found only where nobody was found by it: one link is enough, and some hosts cannot be found."""
        while True:
            await asyncio.sleep(ELECT_S)
            if not self._links:
                break
        await self._be_found()

    async def _be_found(self) -> None:
        """Serves as long as it is held; returns where this computer turns out not to be able to."""
        wait_s = FIRST_WAIT_S
        while True:
            try:
                async with self._radio.serving(self._ours, self._accept):
                    wait_s = FIRST_WAIT_S
                    await self._tend()
            except BluetoothError as error:
                if error.reason is _R.NO_PERIPHERAL:
                    self.can_be_found = False
                    self._news()
                    return
                self._trouble(error)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def _tend(self) -> None:
        """Until the radio is gone: looks whether it still works."""
        while True:
            await asyncio.sleep(LONGEST_WAIT_S)
            preflight = await self._radio.preflight()
            if preflight.failure is not None:
                raise BluetoothError(_R(preflight.failure))

    def _accept(self, packets: PacketLink) -> PacketSink:
        link = PeerLink(self)
        link.link = packets
        if len(self._links) >= MAX_LINKS:
            self.drop(min((*self._links, link), key=lambda each: (each.used, each.heard)))
        self._up(link)
        if self._tasks is not None and not self._tasks.closed:
            self._tasks.start(self._drop_if_silent(link), "patience")
        return link

    async def _drop_if_silent(self, link: PeerLink) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SILENT_S):
                await link.gone.wait()
                return
        if not link.heard:
            await link.close()

    async def _look(self) -> None:
        """Scans, connects to who is heard, and again when that ends."""
        wait_s = FIRST_WAIT_S
        while True:
            try:
                address = await self._hear()
                link = PeerLink(self)
                link.link = await open_packet_link(self._radio, address, self._theirs, link)
                if not link.gone.is_set():
                    self._up(link)
                    wait_s = FIRST_WAIT_S
                    await link.gone.wait()
            except BluetoothError as error:
                self._trouble(error)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def _hear(self) -> str:
        """The address of the first that advertises the other side's service, once no link is up."""
        while self._links:
            self._looking.clear()
            await self._looking.wait()
        found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def heard(advertisement: Heard) -> None:
            if not found.done() and self._theirs in advertisement.service_uuids:
                found.set_result(advertisement.address)

        async with self._radio.scanning(heard, (self._theirs,)):
            return await found
