from netstack.radio.assigned_names import uuid_name
from netstack.wire.ble_peer import CONTROL_UUID, nameplate_uuid


def test_assigned_names_and_ours() -> None:
    assert uuid_name("0000180F-0000-1000-8000-00805F9B34FB") == "Battery Service"
    assert uuid_name(nameplate_uuid("482913", host=True)) == "Peerscope, waiting for somebody"
    assert uuid_name(CONTROL_UUID.upper()).startswith("Peerscope")
    assert uuid_name("12345678-1234-1234-1234-123456789abc") == ""
