"""Names that the Bluetooth SIG assigned to UUIDs and companies, from `resources/bluetooth_names.json`."""

import json
from functools import cache
from pathlib import Path

from netstack.wire.ble_peer import CONTROL_UUID, FROM_HOST_UUID, TO_HOST_UUID, is_nameplate

NAMES = Path(__file__).parents[2] / "resources" / "bluetooth_names.json"
OURS = {
    CONTROL_UUID: "Peerscope: version and packet size",
    TO_HOST_UUID: "Peerscope: packets to the host",
    FROM_HOST_UUID: "Peerscope: packets from the host",
}
BASE_UUID = "-0000-1000-8000-00805f9b34fb"


@cache
def _tables() -> dict[str, dict[str, str]]:
    return dict(json.loads(NAMES.read_text("utf-8")))


def uuid_name(uuid: str) -> str:
    """The name of a service, characteristic or descriptor, ours too; nothing where there is none."""
    lower = uuid.lower()
    if is_nameplate(lower):
        return "Peerscope, waiting for somebody"
    if lower in OURS:
        return OURS[lower]
    if lower.startswith("0000") and lower.endswith(BASE_UUID):
        return _tables()["uuid16"].get(lower[4:8], "")
    return _tables()["uuid128"].get(lower, "")


def company_name(company_id: int) -> str:
    """The name of a company; nothing where none was assigned."""
    return _tables()["company"].get(f"{company_id:04x}", "")
