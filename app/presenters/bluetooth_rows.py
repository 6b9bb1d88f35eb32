"""The table of devices nearby: its columns, its rows, what a filter lets through and in which order they stand."""

import json
from collections.abc import Iterable, Sequence
from statistics import median

import msgspec

from app.presenters.quantity import THIN, ago
from netstack.model.bluetooth import BleDevice, Named
from netstack.wire.ble_peer import is_nameplate

LOSS_AT_1_M_DB = (
    59.0  # as measured of many devices, antennas and cases included; free space alone would take 40
)
EXPONENT = 2.5
FADED_S = 30.0
DISTANCE_SAMPLES = 8
TEST_COMPANY = 0xFFFF  # assigned to nobody, for tests (Assigned Numbers 7)


class Column(msgspec.Struct, frozen=True):
    """Title, hint, and how the column behaves; below `least_width` px of the table it gives way."""

    title: str
    hint: str
    right: bool = False
    stretches: bool = False
    least_width: int = 0


COLUMNS = (
    Column("Device", "Its name, or its address where it tells none", stretches=True),
    Column("Signal", "Received strength over the last minute, and the newest (RSSI)"),
    Column("Distance", "A guess from the strength: walls, hands and bodies weaken it"),
    Column(
        "Offers", "The services that it advertises, by their assigned names", stretches=True, least_width=560
    ),
    Column("Maker", "The company whose data it advertises", least_width=760),
    Column("Last heard", "When its last advertisement came", right=True, least_width=480),
)
SIGNAL_COLUMN = 1


class DeviceRow(msgspec.Struct, frozen=True):
    """One device: a text for each column; `history` is (seconds ago, dBm); `faded`: not heard for a while."""

    key: str
    cells: tuple[str, ...]
    note: str = ""
    history: tuple[tuple[float, float], ...] = ()
    ink: str = "muted"
    faded: bool = False
    hint: str = ""


class Filter(msgspec.Struct, frozen=True):
    """What is shown: `text` is looked for in names, addresses, services and makers; `hidden` are addresses."""

    text: str = ""
    least_dbm: int | None = None
    hide_known: bool = False
    hidden: frozenset[str] = frozenset()


def device_row(device: BleDevice) -> DeviceRow:
    """A row of the table."""
    ours = any(is_nameplate(each.uuid) for each in device.services)
    name = device.name or ("Peerscope" if ours else device.address)
    state = "connected" if device.connected else "paired" if device.bonded else ""
    offers = ", ".join(map(service_name, device.services))
    return DeviceRow(
        key=device.address,
        cells=(
            name,
            "not told" if device.rssi_dbm is None else f"{device.rssi_dbm}{THIN}dBm".replace("-", "−"),
            distance(device),
            offers or "nothing told",
            maker(device),
            ago(device.age_s),
        ),
        note=" · ".join(filter(None, (device.address if name != device.address else "", state))),
        history=device.history,
        ink="good" if device.connected else "ble",
        faded=device.age_s > FADED_S and not device.connected,
        hint="\n".join(
            filter(
                None,
                (
                    f"{name}, {device.address}",
                    offers and f"Offers: {offers}",
                    maker(device) and f"Maker: {maker(device)}",
                    device.company_data and f"Its data: {device.company_data}",
                    "" if device.tx_power_dbm is None else f"Sends with {device.tx_power_dbm} dBm",
                    f"{device.heard} advertisements heard, the last one {device.age_s:.1f} s ago",
                ),
            )
        ),
    )


def service_name(service: Named) -> str:
    """The assigned name, else the short or the long number."""
    if service.name:
        return service.name
    return f"0x{service.uuid[4:8]}" if service.uuid.startswith("0000") else service.uuid[:8] + "…"


def maker(device: BleDevice) -> str:
    """The company whose data it advertises; nothing where it advertises none."""
    if device.company_id is None or device.company:
        return device.company
    if device.company_id == TEST_COMPANY:
        return "test use"
    return f"unknown maker (0x{device.company_id:04x})"


def distance(device: BleDevice) -> str:
    """How far, in words, from the middle of the last strengths."""
    strengths = [dbm for _, dbm in device.history[-DISTANCE_SAMPLES:]]
    if not strengths:
        return "not known"
    metres = distance_m(median(strengths), device.tx_power_dbm)
    for most, words in ((0.7, "at hand"), (3.0, "within reach"), (8.0, "in the room")):
        if metres < most:
            return words
    return "far"


def distance_m(rssi_dbm: float, tx_power_dbm: int | None) -> float:
    """Metres by a log-distance law (59 dB at 1 m, exponent 2.5): good to a factor of two or three.

    Who does not tell its power is taken to send with 0 dBm.
    """
    over = (tx_power_dbm or 0) - LOSS_AT_1_M_DB - rssi_dbm
    return float(10 ** (over / (10 * EXPONENT)))


def passes(device: BleDevice, wanted: Filter) -> bool:
    """Whether a filter lets a device through; a connected one always is shown."""
    if device.connected:
        return True
    if wanted.hide_known and (device.bonded or device.address in wanted.hidden):
        return False
    if wanted.least_dbm is not None and (device.rssi_dbm is None or device.rssi_dbm < wanted.least_dbm):
        return False
    words = wanted.text.casefold().split()
    told = " ".join(
        (
            device.name,
            device.address,
            maker(device),
            *(f"{each.name} {each.uuid}" for each in device.services),
        )
    ).casefold()
    return all(word in told for word in words)


def sorted_keys(devices: Iterable[BleDevice], by: str) -> tuple[str, ...]:
    """An order to keep from now on: `came`, `name` or `signal`."""
    each = list(devices)
    if by == "name":
        each.sort(key=lambda device: (not device.name, device.name.casefold(), device.address))
    elif by == "signal":
        each.sort(key=lambda device: -(device.rssi_dbm if device.rssi_dbm is not None else -999))
    return tuple(device.address for device in each)


def arranged(devices: Sequence[BleDevice], order: Sequence[str]) -> tuple[BleDevice, ...]:
    """In `order`; who is not in it follows, so that nothing that stands there jumps."""
    places = {key: number for number, key in enumerate(order)}
    return tuple(sorted(devices, key=lambda device: places.get(device.address, len(places))))


def export_json(devices: Iterable[BleDevice]) -> str:
    """Everything known of the devices (`peerscope.ble-scan/1`)."""
    value = {"schema": "peerscope.ble-scan/1", "devices": msgspec.to_builtins(tuple(devices))}
    return json.dumps(value, ensure_ascii=False, indent=1)


def export_csv(devices: Iterable[BleDevice]) -> str:
    """The strengths as rows: address, name, seconds ago, dBm; a device without any has one empty row."""
    lines = ["address,name,seconds_ago,rssi_dbm"]
    for device in devices:
        name = '"' + device.name.replace('"', '""') + '"'
        if device.name.startswith(("=", "+", "-", "@")):  # a spreadsheet would run it
            name = "\"'" + name[1:]
        lines += [
            f"{device.address},{name},{ago_s:.2f},{dbm:.0f}" for ago_s, dbm in device.history or ()
        ] or [f"{device.address},{name},,"]
    return "\n".join(lines) + "\n"


def row_text(row: DeviceRow) -> str:
    """A row as text, to be copied."""
    return "\n".join(
        (
            f"{row.cells[0]} ({row.key})",
            *(
                f"{column.title}: {cell}"
                for column, cell in zip(COLUMNS[1:], row.cells[1:], strict=True)
                if cell
            ),
        )
    )
