"""What every transport offers to sessions, and what it asks of them."""

from collections.abc import Callable
from typing import Protocol

from netstack.core.session_sender import Transmit
from netstack.model.session import Flow, LinkTraits, TransportKind


class PacketReceiver(Protocol):
    """Gets what comes in. Called on the loop; must not block or raise."""

    def link_opened(self, link: int, traits: LinkTraits) -> None:
        """Packets may be sent on this link."""

    def packets_received(
        self,
        data: bytes | memoryview,
        flow: Flow,
        segment_bytes: int,
        received_at_s: float | None,
        *,
        gap_bytes: int = 0,
    ) -> None:
        """A packet came, or packets of `segment_bytes` each, the last one perhaps shorter, `gap_bytes` apart.

        `data` may be a view that is written over after the call. `received_at_s` is the kernel's stamp.
        """

    def packet_received(
        self, data: bytes | memoryview, flow: Flow, received_at: Callable[[], float | None]
    ) -> None:
        """One small packet came alone. `received_at` gives the kernel's stamp during the call, where there is one."""

    def packet_refused(self, flow: Flow, size_bytes: int) -> None:
        """The system would not send a packet so large there (EMSGSIZE)."""

    def link_writable(self, link: int) -> None:
        """The link, which refused packets, takes some again."""

    def link_lost(self, link: int) -> None:
        """The link is gone; nothing more comes from it."""


class Transport(Protocol):
    """Carries packets over links that it numbers with what it was given."""

    @property
    def kind(self) -> TransportKind:
        """Which of the five."""

    def carries(self, link: int) -> bool:
        """The link is this transport's."""

    def send(self, transmit: Transmit) -> bool:
        """Hands packets over without blocking. False: not taken, and `link_writable` will follow.

        What can never be sent is dropped and counted, as a network would.
        """

    async def close(self) -> None:
        """Closes every link and waits for its end. May be called twice."""
