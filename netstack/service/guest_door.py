"""A guest's invitation: a link that is good once, a mailbox behind it, and the first browser that proves the secret."""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from netstack.core.guest_pact import SECRET_BYTES, GuestPact, open_note, proof, seal_note
from netstack.core.rendezvous_uri import RendezvousUri
from netstack.errors import DecodeError, NetError
from netstack.model.address import Address
from netstack.model.config import TurnServer
from netstack.model.meeting import MeetingError, Role, Way, WayHealth
from netstack.model.webrtc import IceServers, WebRtcError
from netstack.net.protocol import Net
from netstack.rendezvous.websocket import WebSocketDriver
from netstack.service import guest_page
from netstack.service.guest_channel import GuestChannel
from netstack.service.ice_servers import choose_ice_servers
from netstack.service.own_mailboxes import own_hosts
from netstack.service.rendezvous_host import RendezvousHost
from netstack.tasks import TaskScope
from netstack.transport.webrtc_channels import Certificate, DataChannels
from netstack.wire import ice_description
from netstack.wire.guest import Answer, Invite, Mail

log = logging.getLogger(__name__)

LIFE_S: Final = 600.0
PORT: Final = 21_118
# Both families, or IPv4 alone where there is no other.
PLACES: Final = (Address("", PORT), Address("", PORT + 1), Address("0.0.0.0", PORT), Address("0.0.0.0", 0))  # noqa: S104
MAX_ATTEMPTS: Final = 16
MAX_TOLD_STUN: Final = 3
MAX_ANSWER_CANDIDATES: Final = 16


class GuestDoor:
    """`open` makes the link, `guest` waits for whoever comes, `close` withdraws it.

    `via` is a rendezvous server that serves the page, None this computer on its own network. `changed` is called when
    something that people see has changed.
    """

    def __init__(
        self,
        net: Net,
        name: str,
        *,
        via: RendezvousUri | None = None,
        stun: Sequence[str] = (),
        turn: Sequence[TurnServer] = (),
        changed: Callable[[], None] = lambda: None,
        channel_changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.link = ""
        self.others: tuple[str, ...] = ()
        self.refused = 0
        self.attempts = 0
        self.trying = False
        self.connect_s: float | None = None
        self.expires_s = net.now() + LIFE_S
        self._net = net
        self._name = name
        self._via = via
        self._stun, self._turn = tuple(stun), tuple(turn)
        self._changed = changed
        self._channel_changed = channel_changed
        self._host: RendezvousHost | None = None
        self._driver: WebSocketDriver | None = None
        self._certificate: Certificate | None = None
        self._pact: GuestPact | None = None
        self._servers: asyncio.Task[IceServers] | None = None
        self._places: tuple[str, ...] = ()
        self._tried: list[DataChannels] = []
        self._offer = b""
        self._attempt: asyncio.Task[None] | None = None
        self._came: asyncio.Future[GuestChannel] = asyncio.get_running_loop().create_future()
        self._tasks = TaskScope("guest door")

    @property
    def health(self) -> tuple[WayHealth, ...]:
        """How the way to the mailbox fares; nothing for a mailbox of our own."""
        return () if self._driver is None or self._via is None else (self._driver.health,)

    async def open(self) -> None:
        """Makes the certificate, the secret and the link. Raises NetError where nothing can listen here."""
        self._certificate = await asyncio.to_thread(Certificate.make)
        pact = self._pact = GuestPact(self._certificate.fingerprint, self._net.random_bytes(SECRET_BYTES))
        if self._via is not None:
            self._places = (str(self._via).replace("ws", "http", 1),)
        uri = self._via or await self._listen(pact.mailbox)
        links = tuple(f"{place}{guest_page.PATH}#{pact.fragment}" for place in self._places)
        self.link, self.others = links[0], links[1:]
        # The link need not wait for it; who comes by it does.
        choosing = choose_ice_servers(self._net, self._stun, self._turn)
        self._servers = self._tasks.start(choosing, "ICE servers")
        self._driver = WebSocketDriver(uri)
        self._driver.on_change = self._changed
        self._tasks.start(self._driver.run(pact.mailbox, Role.HOST, self._read), "mailbox")

    async def _listen(self, mailbox: str) -> RendezvousUri:
        """Serves the page on this network; the port is always the same where it is free, for the firewall's sake."""
        host = await self._open_page(mailbox)
        port = host.local.port
        hosts = own_hosts(await self._net.interfaces(), await self._net.gateways(), host.families)
        self._places = tuple(f"http://{Address(each, port)}" for each in hosts)
        return RendezvousUri(Way.WEBSOCKET, "127.0.0.1", port)

    async def _open_page(self, mailbox: str) -> RendezvousHost:
        for place in PLACES:
            host = self._host = RendezvousHost(place, only=mailbox, inviter=self._name)
            try:
                await host.open()
            except NetError:
                if place is PLACES[-1]:
                    raise
            else:
                break
        return host

    def page(self) -> bytes:
        """The page as a file, which holds the secret and needs no trust in the network that it would have crossed."""
        pact = self._pact
        if pact is None or not self._places:
            raise MeetingError(MeetingError.Reason.EXPIRED)
        mailboxes = self._places[0].replace("http", "ws", 1)
        return guest_page.page(
            mailboxes=mailboxes, fragment=pact.fragment, host=self._name, connect=mailboxes
        )

    async def guest(self) -> GuestChannel:
        """The guest, proved. Raises MeetingError.EXPIRED after ten minutes."""
        try:
            async with asyncio.timeout_at(self.expires_s):
                return await asyncio.shield(self._came)
        except TimeoutError as error:
            raise MeetingError(MeetingError.Reason.EXPIRED) from error

    def _read(self, note: bytes) -> None:
        if self._pact is None or self._came.done():
            return
        try:
            kind, body = open_note(self._pact.key, note)
            if kind == Mail.ASK:
                self._say(Mail.INVITE, msgspec.json.encode(Invite(self._name, self._told_stun())))
            elif kind == Mail.OFFER and body != self._offer:
                self._offered(body, ice_description.decode(body))
        except DecodeError:
            self.refused += 1
            self._changed()

    def _told_stun(self) -> tuple[str, ...]:
        """Servers that a browser may ask: as URIs with a scheme."""
        return tuple(
            each if each.startswith("stun:") else f"stun:{each}" for each in self._stun[:MAX_TOLD_STUN]
        )

    def _say(self, kind: Mail, body: bytes) -> None:
        if self._driver is not None and self._pact is not None:
            self._driver.send(seal_note(self._pact.key, kind, body))

    def _offered(self, body: bytes, description: ice_description.IceDescription) -> None:
        """A browser that knows the secret: the newest attempt counts, as a page may have been loaded anew."""
        if self.attempts >= MAX_ATTEMPTS:
            self._say(Mail.CLOSED, b"used")
            return
        self.attempts += 1
        self._offer = body
        before, self._attempt = (
            self._attempt,
            self._tasks.start(self._try(body, description), f"try {self.attempts}"),
        )
        if before is not None:
            before.cancel()

    async def _try(self, offer: bytes, theirs: ice_description.IceDescription) -> None:
        certificate, pact, servers = self._certificate, self._pact, self._servers
        if certificate is None or pact is None or servers is None:
            return
        self.trying = True
        began_s = self._net.now()
        self._changed()
        channels = DataChannels(certificate, await asyncio.shield(servers), controlling=False)
        self._tried.append(channels)
        channel: GuestChannel | None = None
        try:
            ours = await channels.gather()
            ours = msgspec.structs.replace(ours, candidates=ours.candidates[:MAX_ANSWER_CANDIDATES])
            answer = msgspec.json.encode(Answer(hashlib.sha256(offer).hexdigest(), ours))
            our_proof, their_proof = (
                proof(pact.key, role, certificate.fingerprint, theirs.fingerprint, offer, answer)
                for role in (Role.HOST, Role.GUEST)
            )
            self._say(Mail.ANSWER, answer)
            channel = GuestChannel(self._net, channels, our_proof, their_proof, self._channel_changed)
            await channels.connect(theirs)
            await channel.prove()
            if not self._came.done():
                self.connect_s = self._net.now() - began_s
                self._came.set_result(channel)
                self._tried.remove(channels)
        except WebRtcError as error:
            log.info("a guest did not come through: %s", error.sentence)
            self.refused += error.reason is WebRtcError.Reason.WRONG_FINGERPRINT
        finally:
            if channels in self._tried:
                self.trying = False
                self._changed()
                await (channels if channel is None else channel).close()

    async def close(self) -> None:
        """Withdraws the link; a guest who has come stays. May be called twice."""
        if not self._came.done():
            self._came.cancel()
        await self._tasks.close()
        for channels in self._tried:
            await channels.close()
        if self._host is not None:
            await self._host.close()
