"""The devices nearby, as they are heard: bounded, in the order in which they came, with their last minute of strength."""

from collections import deque
from collections.abc import Collection

from netstack.model.ble import Heard
from netstack.model.bluetooth import BleDevice, Named
from netstack.radio.assigned_names import company_name, uuid_name

MAX_DEVICES = 256
MAX_SERVICES = 32
HISTORY_S = 60.0
SAMPLE_S = 0.5
MAX_NAME = 64
MAX_DATA_BYTES = 255
SILENT_S = 60.0


class _Device:
    """What was heard of one device. Advertisement and scan response may come apart, so what is known stays."""

    def __init__(self, heard: Heard) -> None:
        self.newest = heard
        self.name = ""
        self.tx_power_dbm: int | None = None
        self.company_id: int | None = None
        self.company_data = b""
        self.services: dict[str, None] = {}
        self.count = 0
        self.samples: deque[tuple[float, float]] = deque(maxlen=round(HISTORY_S / SAMPLE_S))

    def add(self, heard: Heard) -> None:
        self.newest = heard
        self.count += 1
        self.name = printable(heard.name) or self.name
        if heard.tx_power_dbm is not None:
            self.tx_power_dbm = heard.tx_power_dbm
        if heard.company_id is not None:
            self.company_id, self.company_data = heard.company_id, heard.company_data[:MAX_DATA_BYTES]
        for uuid in heard.service_uuids:
            if len(self.services) < MAX_SERVICES:
                self.services[uuid] = None
        if heard.rssi_dbm is not None and (not self.samples or heard.at_s - self.samples[-1][0] >= SAMPLE_S):
            self.samples.append((heard.at_s, float(heard.rssi_dbm)))


class BleDevices:
    """`add` what is heard; `state` is what to show. A newcomer takes the place of one that was silent for a minute."""

    def __init__(self) -> None:
        self._devices: dict[str, _Device] = {}
        self._crowded: set[str] = set()

    def __len__(self) -> int:
        return len(self._devices)

    @property
    def crowded(self) -> int:
        """How many addresses did not fit in, at least; it is not counted further than a bound."""
        return len(self._crowded)

    def clear(self) -> None:
        """Forgets all."""
        self._devices.clear()
        self._crowded.clear()

    def add(self, heard: Heard) -> None:
        """One advertisement."""
        device = self._devices.get(heard.address)
        if device is None:
            if len(self._devices) >= MAX_DEVICES and not self._make_room(heard.at_s):
                if len(self._crowded) < 10 * MAX_DEVICES:
                    self._crowded.add(heard.address)
                return
            device = self._devices[heard.address] = _Device(heard)
        device.add(heard)

    def name(self, address: str) -> str:
        """What a device calls itself, or nothing."""
        device = self._devices.get(address)
        return "" if device is None else device.name

    def history(self, address: str, now_s: float) -> tuple[tuple[float, float], ...]:
        """(seconds ago, dBm) of the last minute, oldest first."""
        device = self._devices.get(address)
        if device is None:
            return ()
        return tuple((now_s - at_s, dbm) for at_s, dbm in device.samples if now_s - at_s <= HISTORY_S)

    def state(self, now_s: float, bonded: Collection[str], connected: str | None) -> tuple[BleDevice, ...]:
        """Everything, as of now."""
        return tuple(
            BleDevice(
                address=address,
                name=each.name,
                rssi_dbm=each.newest.rssi_dbm,
                tx_power_dbm=each.tx_power_dbm,
                services=tuple(Named(uuid, uuid_name(uuid)) for uuid in each.services),
                company_id=each.company_id,
                company="" if each.company_id is None else company_name(each.company_id),
                company_data=each.company_data.hex(),
                age_s=max(0.0, now_s - each.newest.at_s),
                heard=each.count,
                history=self.history(address, now_s),
                bonded=address in bonded,
                connected=address == connected,
            )
            for address, each in self._devices.items()
        )

    def _make_room(self, now_s: float) -> bool:
        quiet = min(self._devices, key=lambda address: self._devices[address].newest.at_s)
        if now_s - self._devices[quiet].newest.at_s < SILENT_S:
            return False
        del self._devices[quiet]
        return True


def printable(name: str) -> str:
    """A name comes from outside: no control characters, no more than a line."""
    return "".join(each for each in name if each.isprintable()).strip()[:MAX_NAME]
