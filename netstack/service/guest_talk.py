"""A guest by browser as a conversation: chat, payloads and files like with a peer, and none of a known peer's rights."""

from collections.abc import Callable
from typing import cast

from netstack.core.identity import fingerprint
from netstack.model.address import Scope, scope
from netstack.model.candidate import CandidateKind
from netstack.model.guest import GuestState
from netstack.model.peers import Conversation
from netstack.net.protocol import Net
from netstack.service.chat import Chat
from netstack.service.connection import Connection
from netstack.service.guest_channel import GuestChannel
from netstack.service.shelf import Shelf
from netstack.wire.chat import KnockAsk, KnockDone, LoadAsk, LoadData, LoadStep


class GuestChat(Chat):
    """A chat over a guest's channel, which is as much of a connection as texts, payloads and files need."""

    def __init__(
        self, net: Net, channel: GuestChannel, key: bytes, shelf: Shelf, changed: Callable[[], None]
    ) -> None:
        super().__init__(
            net, cast("Connection", channel), peer_key=key, initiator=False, shelf=shelf, changed=changed
        )

    def _take_measuring(self, note: LoadAsk | LoadData | LoadStep | KnockAsk | KnockDone) -> None:
        """A guest may not have this computer load lines or knock at doors."""
        self.bad_notes += 1

    def _transport(self) -> str:
        return GuestChannel.transport


class GuestTalk:
    """One guest, from the proof until it is put away. The key is nobody's: it only keeps guests apart."""

    def __init__(
        self,
        net: Net,
        channel: GuestChannel,
        number: int,
        shelf: Shelf,
        connect_s: float,
        changed: Callable[[], None],
    ) -> None:
        self.channel = channel
        self.number = number
        self.key = net.random_bytes(32)
        self.ending = ""
        self.ended = ""
        self.chat = GuestChat(net, channel, self.key, shelf, changed)
        self._since_s = net.wall_time()
        self._connect_s = connect_s
        self._changed = changed
        self._pair = channel.channels.selected
        self._stories = channel.channels.stories

    @property
    def name(self) -> str:
        """What the guest calls itself."""
        return self.channel.about.name or "Guest"

    @property
    def remote(self) -> str:
        """The guest's end of the pair that carries it; empty while it is not known."""
        self._look()
        return "" if self._pair is None else str(self._pair.remote.address)

    def _look(self) -> None:
        """What ICE says; the last of it is kept once the guest has left."""
        if not self.ended:
            self._pair = self.channel.channels.selected or self._pair
            self._stories = self.channel.channels.stories or self._stories

    async def run(self) -> None:
        """Until the guest has left."""
        try:
            await self.chat.run()
        finally:
            gone = "does not answer any more; the connection is gone" if self.channel.silent else "has left"
            self.ended = self.ending or f"{self.name} {gone}."
            await self.channel.close()
            self._changed()

    async def hang_up(self) -> None:
        """Sends the guest away."""
        self.ending = "You hung up."
        await self.channel.close()

    async def close(self) -> None:
        """Puts it away."""
        await self.channel.close()
        await self.chat.files.close()

    def state(self) -> Conversation:
        """As the window shows it."""
        remote, pair, kind = self.remote, self._pair, "direct"
        if pair is not None:
            if CandidateKind.RELAYED in {pair.local.kind, pair.remote.kind}:
                kind = "relay"
            elif scope(pair.remote.address.host) is not Scope.PUBLIC:
                kind = "local"
        about, facts = self.channel.about, self.channel.facts
        return Conversation(
            number=self.number,
            peer=fingerprint(self.key),
            name=self.name,
            transport=GuestChannel.transport,
            kind=kind,
            remote=remote,
            path="",
            digits="",
            connect_s=self._connect_s,
            since_s=self._since_s,
            ended=self.ended,
            lines=self.chat.lines,
            files=self.chat.file_reports,
            stories=self._stories,
            guest=GuestState(
                about.browser,
                facts.local,
                facts.remote,
                facts.protocol,
                facts.rtt_s,
                self.channel.summary(),
                self.channel.silent,
            ),
        )
