"""Whatever bleak, D-Bus and BlueZ raise becomes one of our reasons, each with a sentence and a next step."""

import pytest
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
)

from netstack.model.bluetooth_error import BluetoothError
from netstack.radio.assigned_names import company_name, uuid_name
from netstack.radio.bleak_errors import bluetooth_error

R = BluetoothError.Reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (BleakBluetoothNotAvailableError("off", BleakBluetoothNotAvailableReason.POWERED_OFF), R.POWERED_OFF),
        (BleakBluetoothNotAvailableError("no", BleakBluetoothNotAvailableReason.NO_BLUETOOTH), R.NO_ADAPTER),
        (BleakDeviceNotFoundError("A"), R.NOT_FOUND),
        (BleakGATTProtocolError(0x05), R.NEEDS_PAIRING),
        (BleakGATTProtocolError(0x03), R.NOT_ALLOWED),
        (BleakGATTProtocolError(0x0D), R.BAD_LENGTH),
        (BleakGATTProtocolError(0x81), R.FAILED),
        (BleakDBusError("org.bluez.Error.AuthenticationRejected", []), R.REFUSED_THERE),
        (BleakDBusError("org.bluez.Error.InProgress", []), R.BUSY),
        (BleakDBusError("org.freedesktop.DBus.Error.ServiceUnknown", []), R.NO_SERVICE),
        (BleakDBusError("org.bluez.Error.Failed", ["le-connection-abort-by-local"]), R.NOT_REACHED),
        (BleakDBusError("org.bluez.Error.Failed", ["br-connection-canceled"]), R.BROKEN_OFF),
        (BleakDBusError("org.bluez.Error.Strange", ["odd"]), R.FAILED),
        (BleakError("Not connected"), R.LOST),
        (BleakError("Service Discovery has not been performed yet"), R.LOST),
        (NotImplementedError(), R.NOT_RUN_HERE),
        (TimeoutError(), R.TIMED_OUT),
        (FileNotFoundError(), R.NO_BUS),
        (EOFError(), R.LOST),
        (ValueError("odd"), R.FAILED),
    ],
)
def test_each_has_a_reason(error: Exception, reason: R) -> None:
    ours = bluetooth_error(error)
    assert ours.reason is reason
    assert ours.sentence
    assert ours.remedy


def test_every_reason_has_a_sentence_and_a_next_step() -> None:
    for reason in R:
        assert BluetoothError(reason).sentence.endswith(".")
        assert BluetoothError(reason).remedy.endswith(".")


def test_assigned_names() -> None:
    assert uuid_name("0000180D-0000-1000-8000-00805F9B34FB") == "Heart Rate"
    assert uuid_name("6e400001-b5a3-f393-e0a9-e50e24dcca9e").startswith("Nordic UART")
    assert uuid_name("00000000-1111-2222-3333-444444444444") == ""
    assert company_name(0x004C) == "Apple, Inc."
    assert company_name(0xFFFF) == ""
