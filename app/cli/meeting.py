"""What `peerscope host` and `peerscope join` share: ways, identity, and events as text or JSON lines."""

import contextlib
import getpass
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Annotated

import platformdirs
import typer

from netstack.core.rendezvous_uri import parse_rendezvous
from netstack.model.bluetooth_error import BluetoothError
from netstack.model.config import Config
from netstack.model.meeting import Way
from netstack.model.session import TransportKind
from netstack.net.system import SystemNet
from netstack.radio.system import open_system_radio
from netstack.rendezvous.driver import Driver
from netstack.rendezvous.ways import make_driver
from netstack.service.attempt import Met
from netstack.service.identity import load_identity
from netstack.service.peer_book import PeerBook
from netstack.service.peers import Peers
from netstack.service.port_mapping import PortMappingService
from netstack.service.port_mapping_records import records_path
from netstack.service.traversal import Reached
from netstack.service.turn_login import with_passwords
from netstack.wire.candidate_note import TcpCandidate, UdpCandidate

DEFAULT_WAYS = ("lan",)


class Lines(StrEnum):
    """How events are printed."""

    TEXT = "text"
    JSONL = "jsonl"


class Transport(StrEnum):
    """What may carry the talk."""

    AUTO = "auto"
    UDP = "udp"
    TCP = "tcp"
    TURN = "turn"
    BLE = "ble"
    WEBRTC = "webrtc"

    @property
    def only(self) -> TransportKind | None:
        """Nothing but this; None: whatever is best."""
        return None if self is Transport.AUTO else TransportKind(self.value)


TransportOption = Annotated[
    Transport, typer.Option(help="Nothing but this may carry the talk; auto takes the best.")
]


class Printer:
    """Prints events, each flushed at once."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def event(self, name: str, words: str, **fields: object) -> None:
        """One event: `words` for people, `fields` for programs."""
        if self._lines is Lines.JSONL:
            print(json.dumps({"event": name, **fields}, ensure_ascii=False), flush=True)
        elif words:
            print(words, flush=True)

    def candidate(self, candidate: UdpCandidate | TcpCandidate) -> None:
        """One of our own addresses was told to the peer."""
        udp = isinstance(candidate, UdpCandidate)
        kind = candidate.kind.value if isinstance(candidate, UdpCandidate) else "host"
        self.event(
            "candidate",
            "",
            transport="udp" if udp else "tcp",
            kind=kind,
            host=candidate.host,
            port=candidate.port,
        )

    def moved(self, reached: Reached) -> None:
        """The session has left its relay."""
        self.event(
            "path",
            f"now {reached.kind} ({reached.transport.value.upper()})",
            transport=reached.transport.value,
            kind=reached.kind,
            remote=reached.remote,
            connect_s=reached.connect_s,
            rtt_s=None,
        )

    def connected(self, met: Met, rtt_s: float | None) -> None:
        """The session is up."""
        reached = met.reached
        name = met.name or "the other side"
        rtt = f", {rtt_s * 1000:.3g} ms" if rtt_s is not None else ""
        self.event(
            "connected",
            f"You <-> {name}: {reached.kind} ({reached.transport.value.upper()}){rtt}\n"
            f"Compare aloud: {met.established.safety_digits}",
            transport=reached.transport.value,
            kind=reached.kind,
            remote=reached.remote,
            connect_s=reached.connect_s,
            rtt_s=rtt_s,
            peer=met.name,
            safety_digits=met.established.safety_digits,
        )


def drivers_of(net: SystemNet, via: Sequence[str], config: Config, *, hidden: bool = False) -> list[Driver]:
    """The ways that were named, else those of the configuration. Raises MeetingError.

    Who is `hidden` does not call out in the own network.
    """
    uris = [parse_rendezvous(text) for text in (via or config.rendezvous or DEFAULT_WAYS)]
    unfit = {Way.PASTE, Way.LAN} if hidden else {Way.PASTE}
    return [make_driver(net, uri) for uri in uris if uri.way not in unfit]


async def require_bluetooth(via: Sequence[str], transport: Transport) -> None:
    """Raises BluetoothError where Bluetooth alone is wanted and cannot be used."""
    if transport is not Transport.BLE and tuple(via) != (Way.BLE.value,):
        return
    radio = await open_system_radio()
    try:
        preflight = await radio.preflight()
    finally:
        await radio.close()
    if preflight.failure is not None:
        raise BluetoothError(BluetoothError.Reason(preflight.failure), preflight.next_step.rstrip("."))


@asynccontextmanager
async def peers(net: SystemNet, config: Config, printer: Printer, name: str | None) -> AsyncIterator[Peers]:
    """Ourselves, ready to meet. Raises IdentityError."""
    folder = platformdirs.user_data_path("peerscope", appauthor=False)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    identity = await load_identity(folder, os.urandom, lambda text: printer.event("note", text, text=text))
    known = name
    if known is None:
        with contextlib.suppress(OSError, KeyError):
            known = getpass.getuser()
    here = Peers(
        net,
        identity,
        PeerBook(folder),
        name=known or "",
        stun=config.stun,
        turn=await with_passwords(config.turn),
        caps=config.cap,
        webrtc=True,
        open_radio=open_system_radio,
    )
    here.guess_ports = config.guess_ports
    mappings = PortMappingService(net, records=records_path()) if config.open_ports else None
    if mappings is not None:
        mappings.allow(True)
        await mappings.start()
        here.mappings = mappings
    try:
        yield here
    finally:
        await here.close()
        if mappings is not None:
            await mappings.close()
