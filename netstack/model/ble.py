"""What crosses the seam to a Bluetooth LE radio: what it can do, what was heard, what is inside a device, what it asks.

UUIDs are 128 bits, in lower case with hyphens. An address is what the system calls the device: macOS tells a UUID of
its own instead, and a private address changes every few minutes. Strengths are dBm; None is "not known".
"""

from enum import StrEnum

import msgspec

ATT_HEADER_BYTES = 3
LEAST_MTU_BYTES = 23


class PreflightStep(StrEnum):
    """What must hold before anything can be done, in this order; the last two are what the adapter can be."""

    SERVICE = "service"
    PERMISSION = "permission"
    ADAPTER = "adapter"
    SWITCH = "switch"
    POWER = "power"
    JOIN = "join"
    HOST = "host"


class PreflightCheck(msgspec.Struct, frozen=True):
    """One step: it holds, it does not (`failure`, `text`, `next_step`), or it could not be looked at (None)."""

    step: PreflightStep
    ok: bool | None = None
    detail: str = ""
    failure: str | None = None
    text: str = ""
    next_step: str = ""


class Preflight(msgspec.Struct, frozen=True, kw_only=True):
    """Can this computer use Bluetooth LE? `failure` names the first obstacle, None where there is none.

    `can_join`: look for devices and connect (central); `can_host`: be looked for (peripheral). `failure` is a
    `BluetoothError.Reason`; who holds an adapter that was taken stands in the check's `detail`.
    """

    stack: str = ""
    adapter: str = ""
    address: str = ""
    checks: tuple[PreflightCheck, ...] = ()
    failure: str | None = None
    failure_text: str = ""
    next_step: str = ""
    can_join: bool | None = None
    can_host: bool | None = None


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """One advertisement, with its scan response where that came. `company_data` follows the company's number."""

    address: str
    name: str = ""
    rssi_dbm: int | None = None
    tx_power_dbm: int | None = None
    service_uuids: tuple[str, ...] = ()
    service_data: tuple[tuple[str, bytes], ...] = ()
    company_id: int | None = None
    company_data: bytes = b""
    connectable: bool | None = None
    at_s: float = 0.0


class ConnectionParameters(msgspec.Struct, frozen=True):
    """How often the two sides meet, how many meetings the device may miss, and after which silence it counts as lost."""

    interval_s: float
    peripheral_latency: int
    supervision_timeout_s: float


class Characteristic(msgspec.Struct, frozen=True):
    """What a device offers under a handle. Properties are bleak's words (`read`, `write-without-response`, `notify`);
    `descriptors` are UUIDs.
    """

    handle: int
    uuid: str
    properties: tuple[str, ...]
    descriptors: tuple[str, ...] = ()


class Service(msgspec.Struct, frozen=True):
    """A service and its characteristics, in the order of the handles."""

    handle: int
    uuid: str
    characteristics: tuple[Characteristic, ...]


class QuestionKind(StrEnum):
    """What a pairing asks of the person here; `SHOW` asks nothing: the digits are typed on the other side."""

    CONFIRM = "confirm"
    COMPARE = "compare"
    ENTER = "enter"
    SHOW = "show"


class Question(msgspec.Struct, frozen=True):
    """What a device asks while it pairs; the passkey has at most six digits."""

    address: str
    kind: QuestionKind
    passkey: int | None = None


class Bond(msgspec.Struct, frozen=True):
    """A device that this computer is paired with."""

    address: str
    name: str = ""
    connected: bool = False
