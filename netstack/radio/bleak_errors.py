"""What bleak, D-Bus and BlueZ raise, as our errors."""

from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakCharacteristicNotFoundError,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
    BleakGATTProtocolErrorCode,
)

from netstack.model.bluetooth_error import BluetoothError

Reason = BluetoothError.Reason
_Code = BleakGATTProtocolErrorCode
_Unavailable = BleakBluetoothNotAvailableReason

# Bluetooth Core Specification 5.4, volume 3, part F, section 3.4.1.1.
_BY_CODE = {
    _Code.READ_NOT_PERMITTED: Reason.NOT_ALLOWED,
    _Code.WRITE_NOT_PERMITTED: Reason.NOT_ALLOWED,
    _Code.INSUFFICIENT_AUTHENTICATION: Reason.NEEDS_PAIRING,
    _Code.INSUFFICIENT_AUTHORIZATION: Reason.NOT_ALLOWED,
    _Code.INSUFFICIENT_ENCRYPTION: Reason.NEEDS_PAIRING,
    _Code.INSUFFICIENT_ENCRYPTION_KEY_SIZE: Reason.NEEDS_PAIRING,
    _Code.INVALID_HANDLE: Reason.GONE,
    _Code.ATTRIBUTE_NOT_FOUND: Reason.GONE,
    _Code.DATABASE_OUT_OF_SYNC: Reason.GONE,
    _Code.INVALID_OFFSET: Reason.BAD_LENGTH,
    _Code.INVALID_ATTRIBUTE_VALUE_LENGTH: Reason.BAD_LENGTH,
    _Code.REQUEST_NOT_SUPPORTED: Reason.NOT_ALLOWED,
    _Code.VALUE_NOT_ALLOWED: Reason.BAD_VALUE,
    _Code.OUT_OF_RANGE: Reason.BAD_VALUE,
    _Code.WRITE_REQUEST_REJECTED: Reason.NOT_ALLOWED,
    _Code.PROCEDURE_ALREADY_IN_PROGRESS: Reason.BUSY,
}
_UNAVAILABLE = {
    _Unavailable.NO_BLUETOOTH: Reason.NO_ADAPTER,
    _Unavailable.NO_BLE_CENTRAL_ROLE: Reason.NO_CENTRAL,
    _Unavailable.POWERED_OFF: Reason.POWERED_OFF,
    _Unavailable.DENIED_BY_USER: Reason.DENIED,
    _Unavailable.DENIED_BY_SYSTEM: Reason.DENIED,
    _Unavailable.DENIED_BY_UNKNOWN: Reason.DENIED,
}
# BlueZ's own names, after "org.bluez.Error."; "Failed" says more in its text.
_BY_BLUEZ = {
    "AlreadyConnected": Reason.BUSY,
    "AuthenticationCanceled": Reason.REFUSED_HERE,
    "AuthenticationFailed": Reason.PAIRING_FAILED,
    "AuthenticationRejected": Reason.REFUSED_THERE,
    "AuthenticationTimeout": Reason.TIMED_OUT,
    "ConnectionAttemptFailed": Reason.NOT_REACHED,
    "DoesNotExist": Reason.NOT_FOUND,
    "InProgress": Reason.BUSY,
    "InvalidValueLength": Reason.BAD_LENGTH,
    "NotAuthorized": Reason.NEEDS_PAIRING,
    "NotConnected": Reason.LOST,
    "NotPermitted": Reason.NOT_ALLOWED,
    "NotReady": Reason.POWERED_OFF,
    "NotSupported": Reason.NOT_ALLOWED,
}
_BY_BUS = {
    "no-bus": Reason.NO_BUS,
    "no-answer": Reason.NO_SERVICE,
    "denied": Reason.DENIED,
    "org.freedesktop.DBus.Error.AccessDenied": Reason.DENIED,
    "org.freedesktop.DBus.Error.NameHasNoOwner": Reason.NO_SERVICE,
    "org.freedesktop.DBus.Error.NoReply": Reason.LOST,
    "org.freedesktop.DBus.Error.ServiceUnknown": Reason.NO_SERVICE,
    "org.freedesktop.DBus.Error.UnknownObject": Reason.NOT_FOUND,
}


def bluetooth_error(error: BaseException) -> BluetoothError:
    """The error of ours that `error` stands for; what was said is its detail where nothing better is known."""
    match error:
        case BluetoothError():
            return error
        case BleakBluetoothNotAvailableError():
            return BluetoothError(_UNAVAILABLE.get(error.reason, Reason.FAILED))
        case BleakDeviceNotFoundError():
            return BluetoothError(Reason.NOT_FOUND)
        case BleakCharacteristicNotFoundError():
            return BluetoothError(Reason.GONE)
        case BleakGATTProtocolError():
            reason = _BY_CODE.get(error.code, Reason.FAILED)
            return BluetoothError(reason, f"ATT error 0x{error.code:02x}" if reason is Reason.FAILED else "")
        case BleakDBusError():
            return dbus_error(error.dbus_error, error.dbus_error_details or "")
        case NotImplementedError():
            return BluetoothError(Reason.NOT_RUN_HERE)
        case TimeoutError():
            return BluetoothError(Reason.TIMED_OUT)
        case FileNotFoundError() | ConnectionRefusedError():
            return BluetoothError(Reason.NO_BUS)
        case OSError() | EOFError():
            return BluetoothError(Reason.LOST)
        case BleakError() if "connected" in str(error) or "has not been performed" in str(error):
            return BluetoothError(Reason.LOST)
        case BleakError() if "not found" in str(error).lower():
            return BluetoothError(Reason.NOT_FOUND)
    return BluetoothError(Reason.FAILED, str(error) or type(error).__name__)


def dbus_error(name: str, text: str) -> BluetoothError:
    """The same for an error of D-Bus or BlueZ, by its name."""
    if name in _BY_BUS:
        return BluetoothError(_BY_BUS[name])
    bluez = name.removeprefix("org.bluez.Error.")
    if bluez in _BY_BLUEZ:
        return BluetoothError(_BY_BLUEZ[bluez])
    if text.endswith(
        "connection-canceled"
    ):  # so BlueZ says, too, that a device does not know the keys any more
        return BluetoothError(Reason.BROKEN_OFF)
    if "abort" in text or "connection" in text.lower() or "Software caused" in text:
        return BluetoothError(Reason.NOT_REACHED)
    return BluetoothError(Reason.FAILED, text or name)
