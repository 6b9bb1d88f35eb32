"""What the stack asks of a Bluetooth LE radio. This computer's is `system.py`; the lab's is `virtual.py`.

Whatever fails raises BluetoothError and nothing else; every wait is bounded by the radio itself. Callbacks run on the
loop and must neither block nor raise. Opening a radio is what loads bleak, dbus-fast or Bumble.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from netstack.model.ble import Bond, ConnectionParameters, Heard, Preflight, Question, Service

Ask = Callable[[Question], Awaitable[int | bool]]
"""Answers a pairing's question: a passkey (`ENTER`), else whether it is agreed to. Cancelled when it is withdrawn."""


class GattLink(Protocol):
    """A connection to a device's GATT server, as its central."""

    @property
    def address(self) -> str:
        """Whose it is."""

    @property
    def is_open(self) -> bool:
        """Whether the device is connected."""

    @property
    def services(self) -> tuple[Service, ...]:
        """What is inside; empty once it is lost."""

    @property
    def mtu_bytes(self) -> int | None:
        """The ATT MTU that was agreed on; None where the system does not tell."""

    @property
    def parameters(self) -> ConnectionParameters | None:
        """Where the system tells them: BlueZ does not."""

    def max_write_bytes(self, handle: int) -> int:
        """The most that one write without response takes: the MTU - 3."""

    async def read(self, handle: int) -> bytes:
        """Reads a value, 512 B at most."""

    async def write(self, handle: int, data: bytes, *, response: bool) -> None:
        """Writes a value. Without response it waits for room in the system's queue only."""

    async def subscribe(self, handle: int, told: Callable[[bytes], None]) -> None:
        """Asks for notifications (or indications)."""

    async def unsubscribe(self, handle: int) -> None:
        """Ends them."""

    async def pair(self) -> None:
        """Pairs and bonds; questions go to the radio's `ask`. Does nothing for a device that is paired."""

    async def close(self) -> None:
        """Disconnects. May be called twice; never fails."""


class PacketSink(Protocol):
    """Gets what comes on a packet link."""

    def packet_received(self, packet: bytes) -> None:
        """One packet, whole, in order."""

    def packet_link_lost(self) -> None:
        """Nothing more comes. Called once, whoever ended it."""


class PacketLink(Protocol):
    """Packets both ways with one Peerscope (docs/wire.md section 11), whichever side advertised.

    In order, and none lost while the link is open. `peer` is the address of the other side.
    """

    @property
    def peer(self) -> str:
        """The other side's address."""

    @property
    def max_packet_bytes(self) -> int:
        """The largest packet: the MTU - 3."""

    async def send(self, packet: bytes) -> None:
        """Hands a packet over, and waits while the system's queue is full. One at a time."""

    async def close(self) -> None:
        """Ends the link. May be called twice; never fails."""


Accept = Callable[[PacketLink], PacketSink]
"""Takes a link that a central has opened (it subscribed) and says where its packets go."""


class Radio(Protocol):
    """One adapter. `ask` answers the questions of pairings, ours and those that others begin; None refuses them."""

    ask: Ask | None

    async def preflight(self) -> Preflight:
        """What stands in the way, each step with its reason and the next step. Never fails."""

    def scanning(
        self, heard: Callable[[Heard], None], service_uuids: tuple[str, ...] = ()
    ) -> AbstractAsyncContextManager[None]:
        """Scans while it is entered; `heard` gets each advertisement that has one of the services (none: all)."""

    async def connect(self, address: str, lost: Callable[[], None]) -> GattLink:
        """Connects and looks inside. `lost` is called once, when the device goes, whoever ends the connection."""

    def serving(self, service_uuid: str, accept: Accept) -> AbstractAsyncContextManager[None]:
        """While it is entered: advertises `service_uuid` and nothing else, and serves our three characteristics
        (`wire/ble_peer.py`) under it.

        Links that were accepted end with it. NO_PERIPHERAL where this computer cannot be found.
        """

    async def bonds(self) -> tuple[Bond, ...]:
        """The devices that this computer is paired with."""

    async def unpair(self, address: str) -> None:
        """Forgets a bond, and disconnects the device."""

    async def close(self) -> None:
        """Ends scans, links and services. May be called twice."""
