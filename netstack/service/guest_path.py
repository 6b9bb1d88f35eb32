"""A guest's connection as a path that is watched: it probes by itself, in order to notice silence."""

from collections.abc import Callable

from netstack.core.probe_stats import Sample
from netstack.model.path import PathReport, PathState
from netstack.service.guest_talk import GuestTalk
from netstack.service.path_record import Carried
from netstack.wire.guest import PIECE_BYTES


class GuestPath:
    """Give it to `PathWatch.watch_alone`."""

    def __init__(self, talk: GuestTalk) -> None:
        self.stats = talk.channel.stats
        self.on_sample: Callable[[Sample], None] = lambda _: None
        self._talk = talk
        self._channel = talk.channel
        self._channel.on_sample = self._answered

    @property
    def closed(self) -> bool:
        """The guest has left."""
        return self._channel.closed

    @property
    def carried(self) -> Carried:
        """Frames of both channels, and pieces of messages."""
        channels = self._channel.channels
        return Carried(
            channels.sent_bytes,
            channels.received_bytes,
            self._channel.sent_messages,
            self._channel.sent_pieces,
        )

    def probe(self, now: float) -> None:
        """The channel pings by itself."""

    def report(self, key: str, now: float) -> PathReport:
        """A guest has no session, so nothing of one is told."""
        carried = self.carried
        return PathReport(
            key=key,
            peer=self._talk.name,
            transport=self._channel.transport,
            remote=self._talk.remote,
            state=PathState.CLOSED if self.closed else PathState.UP,
            mtu_bytes=PIECE_BYTES,
            probes=self.stats.summary(now),
            messages=carried.messages,
            fragments=carried.packets,
            sent_bytes=carried.sent_bytes,
            received_bytes=carried.received_bytes,
        )

    def _answered(self, sample: Sample) -> None:
        self.on_sample(sample)
