"""Bluetooth LE as people see it: who is nearby, what is inside a device, and what a pairing asks.

Ages count from the moment of the state; None is "not known". Strengths are dBm.
"""

from enum import StrEnum

import msgspec

from netstack.model.ble import Bond, ConnectionParameters, Preflight, QuestionKind


class Named(msgspec.Struct, frozen=True):
    """A UUID, and its assigned name or nothing."""

    uuid: str
    name: str = ""


class BleDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A device that was heard. `history` is (seconds ago, dBm) of the last minute or so, oldest first.

    `company` is the assigned name of `company_id`, whose bytes are `company_data` (hex).
    """

    address: str
    name: str = ""
    rssi_dbm: int | None = None
    tx_power_dbm: int | None = None
    services: tuple[Named, ...] = ()
    company_id: int | None = None
    company: str = ""
    company_data: str = ""
    age_s: float = 0.0
    heard: int = 0
    history: tuple[tuple[float, float], ...] = ()
    bonded: bool = False
    connected: bool = False


class LinkPhase(StrEnum):
    """Where a connection is."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    LOST = "lost"


class CharacteristicState(msgspec.Struct, frozen=True, kw_only=True):
    """A characteristic: what it allows, the value last seen (hex; None: never), and what went wrong with it last."""

    handle: int
    uuid: str
    name: str = ""
    properties: tuple[str, ...] = ()
    descriptors: tuple[Named, ...] = ()
    value: str | None = None
    notifying: bool = False
    notified: int = 0
    failure_text: str = ""


class ServiceState(msgspec.Struct, frozen=True):
    """A service and what is in it."""

    handle: int
    uuid: str
    name: str = ""
    characteristics: tuple[CharacteristicState, ...] = ()


class NotifyLine(msgspec.Struct, frozen=True):
    """One notification: when (seconds since 1970), from which characteristic, its bytes (hex)."""

    at_s: float
    handle: int
    name: str
    value: str


class LinkState(msgspec.Struct, frozen=True, kw_only=True):
    """The device that is looked into; `left_out` are values beyond those in `services`."""

    address: str
    name: str = ""
    phase: LinkPhase = LinkPhase.CONNECTING
    mtu_bytes: int | None = None
    parameters: ConnectionParameters | None = None
    services: tuple[ServiceState, ...] = ()
    left_out: int = 0
    notifications: tuple[NotifyLine, ...] = ()
    rssi_history: tuple[tuple[float, float], ...] = ()
    bonded: bool = False
    pairing: bool = False


class PairingQuestion(msgspec.Struct, frozen=True):
    """A question with a number of its own, so that an answer never meets another question.

    `displayed` is what the display of a device in the lab shows.
    """

    number: int
    address: str
    name: str
    kind: QuestionKind
    passkey: str | None = None
    remaining_s: float = 0.0
    displayed: str | None = None


class BleState(msgspec.Struct, frozen=True, kw_only=True):
    """Bluetooth in the snapshot. `devices` are in the order of their first advertisement; `crowded` did not fit in.

    `failure` is a `BluetoothError.Reason`: what went wrong with the last thing that was asked for.
    """

    preflight: Preflight | None = None
    scanning: bool = False
    devices: tuple[BleDevice, ...] = ()
    crowded: int = 0
    link: LinkState | None = None
    question: PairingQuestion | None = None
    bonds: tuple[Bond, ...] = ()
    failure: str | None = None
    failure_text: str = ""
    next_step: str = ""


class BleReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `peerscope ble` found out (`peerscope.ble/1`). `command` is "scan", "inspect", "pair" or "unpair".

    `failure` is a `BluetoothError.Reason`; `link` is what `inspect` saw, its values read where the device allowed it.
    """

    schema: str = "peerscope.ble/1"
    command: str = ""
    network: str = "real"
    preflight: Preflight | None = None
    devices: tuple[BleDevice, ...] = ()
    link: LinkState | None = None
    bonds: tuple[Bond, ...] = ()
    duration_s: float = 0.0
    failure: str | None = None
    failure_text: str | None = None
    next_step: str | None = None
