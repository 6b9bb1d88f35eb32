"""Objects that make BlueZ a GATT server and let it advertise (`GattManager1`, `LEAdvertisingManager1`)."""

from collections.abc import Callable
from typing import Annotated, Any

from dbus_fast import DBusError, PropertyAccess, Variant
from dbus_fast.annotations import DBusBool, DBusBytes, DBusDict, DBusObjectPath, DBusSignature, DBusStr
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property

from netstack.model.ble import LEAST_MTU_BYTES

APPLICATION = "/org/peerscope/gatt"
SERVICE = f"{APPLICATION}/service"
ADVERTISEMENT = "/org/peerscope/advertisement"

_Strings = Annotated[list[str], DBusSignature("as")]
_Acquired = Annotated[tuple[int, int], DBusSignature("hq")]


class Central:
    """Who asks: the D-Bus path of a device, and the ATT MTU with it."""

    def __init__(self, options: dict[str, Variant]) -> None:
        given: dict[str, Any] = {name: value.value for name, value in options.items()}
        self.device = str(given.get("device", ""))
        self.mtu_bytes = int(given.get("mtu", LEAST_MTU_BYTES))
        self.offset = int(given.get("offset", 0))


class GattService(ServiceInterface):
    """A primary service."""

    def __init__(self, uuid: str) -> None:
        super().__init__("org.bluez.GattService1")
        self._uuid = uuid

    @dbus_property(PropertyAccess.READ, "UUID")
    def uuid(self) -> DBusStr:
        """Its UUID."""
        return self._uuid

    @dbus_property(PropertyAccess.READ, "Primary")
    def primary(self) -> DBusBool:
        """Always."""
        return True


class GattCharacteristic(ServiceInterface):
    """One characteristic of the service."""

    def __init__(self, uuid: str, flag: str) -> None:
        super().__init__("org.bluez.GattCharacteristic1")
        self._uuid = uuid
        self._flag = flag

    @dbus_property(PropertyAccess.READ, "UUID")
    def uuid(self) -> DBusStr:
        """Its UUID."""
        return self._uuid

    @dbus_property(PropertyAccess.READ, "Service")
    def service(self) -> DBusObjectPath:
        """The service it belongs to."""
        return SERVICE

    @dbus_property(PropertyAccess.READ, "Flags")
    def flags(self) -> _Strings:
        """What may be done with it."""
        return [self._flag]


class Readable(GattCharacteristic):
    """A characteristic that is read; `value` gives what a central gets."""

    def __init__(self, uuid: str, value: Callable[[Central], bytes]) -> None:
        super().__init__(uuid, "read")
        self._value = value

    @dbus_method("ReadValue")
    def read_value(self, options: DBusDict) -> DBusBytes:
        """A central reads."""
        central = Central(options)
        return self._value(central)[central.offset :]


class Writable(GattCharacteristic):
    """A characteristic that is written without response; `written` gets each packet, in order."""

    def __init__(self, uuid: str, written: Callable[[Central, bytes], None]) -> None:
        super().__init__(uuid, "write-without-response")
        self._written = written

    @dbus_method("WriteValue")
    def write_value(self, value: DBusBytes, options: DBusDict) -> None:
        """A central writes."""
        self._written(Central(options), bytes(value))


class Notifying(GattCharacteristic):
    """A characteristic that notifies. `subscribed` gives a socket whose packets BlueZ sends on, None to refuse.

    By the socket (`AcquireNotify`) BlueZ tells who subscribed, and it closes it when that ends.
    """

    def __init__(self, uuid: str, subscribed: Callable[[Central], int | None]) -> None:
        super().__init__(uuid, "notify")
        self._subscribed = subscribed

    @dbus_property(PropertyAccess.READ, "NotifyAcquired")
    def notify_acquired(self) -> DBusBool:
        """That it is there makes BlueZ ask for a socket."""
        return False

    @dbus_method("AcquireNotify")
    def acquire_notify(self, options: DBusDict) -> _Acquired:
        """A central subscribes."""
        central = Central(options)
        descriptor = self._subscribed(central)
        if descriptor is None:
            raise DBusError("org.bluez.Error.NotPermitted", "another computer is connected")
        return descriptor, central.mtu_bytes

    @dbus_method("StopNotify")
    def stop_notify(self) -> None:
        """The socket has told already."""


class Advertisement(ServiceInterface):
    """A connectable advertisement of one service; no name, no other field."""

    def __init__(self, service_uuid: str) -> None:
        super().__init__("org.bluez.LEAdvertisement1")
        self._service_uuid = service_uuid

    @dbus_property(PropertyAccess.READ, "Type")
    def kind(self) -> DBusStr:
        """Connectable."""
        return "peripheral"

    @dbus_property(PropertyAccess.READ, "ServiceUUIDs")
    def uuids(self) -> _Strings:
        """What is offered."""
        return [self._service_uuid]

    @dbus_method("Release")
    def release(self) -> None:
        """BlueZ stopped advertising: the adapter went, and links with it."""
