"""A connection to the system bus that asks BlueZ and offers it objects. Linux only."""

import asyncio
from typing import Any

from dbus_fast import BusType, ErrorType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.errors import AuthError
from dbus_fast.service import ServiceInterface
from dbus_fast.unpack import unpack_variants

from netstack.tasks import TaskScope

BLUEZ = "org.bluez"
ADAPTER = "org.bluez.Adapter1"
DEVICE = "org.bluez.Device1"
ROOT = "/org/bluez"
CALL_S = 10.0

Managed = dict[str, dict[str, dict[str, Any]]]


class BusError(Exception):
    """The bus, or who was asked, refused: `name` is the D-Bus error's, or "no-bus", "no-answer", "denied"."""

    def __init__(self, name: str, text: str = "") -> None:
        super().__init__(name, text)
        self.name = name
        self.text = text


class BluezBus:
    """`open` first; every call is bounded in time."""

    def __init__(self) -> None:
        self._bus: MessageBus | None = None
        self.tasks = TaskScope("bluez")

    async def open(self) -> None:
        """Connects to the system bus. Raises BusError "no-bus" or "denied"."""
        try:
            bus = MessageBus(bus_type=BusType.SYSTEM, negotiate_unix_fd=True)
        except OSError as error:
            raise BusError("no-bus", str(error)) from error
        try:
            async with asyncio.timeout(CALL_S):
                await bus.connect()
        except BaseException as error:
            bus.disconnect()
            if isinstance(error, AuthError):
                raise BusError("denied", str(error)) from error
            if isinstance(error, OSError | TimeoutError | EOFError):
                raise BusError("no-bus", str(error)) from error
            raise
        self._bus = bus

    @property
    def is_open(self) -> bool:
        """Whether the bus is there."""
        return self._bus is not None and self._bus.connected

    async def close(self) -> None:
        """Leaves the bus: BlueZ forgets what was registered. May be called twice."""
        await self.tasks.close()
        if self._bus is not None:
            self._bus.disconnect()
            self._bus = None

    def export(self, path: str, interface: ServiceInterface) -> None:
        """Offers an object."""
        self._open_bus().export(path, interface)

    def unexport(self, path: str) -> None:
        """Takes an object back."""
        if self._bus is not None:
            self._bus.unexport(path)

    async def managed(self) -> Managed:
        """BlueZ's objects: path -> interface -> property -> value. Raises BusError."""
        body = await self.call("/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
        return {path: unpack_variants(interfaces) for path, interfaces in body[0].items()}

    async def set(self, path: str, interface: str, name: str, signature: str, value: object) -> None:
        """Sets a property. Raises BusError."""
        body = [interface, name, Variant(signature, value)]
        await self.call(path, "org.freedesktop.DBus.Properties", "Set", "ssv", body)

    async def call(
        self,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: list[Any] | None = None,
        *,
        timeout_s: float = CALL_S,
    ) -> list[Any]:
        """Calls a method of BlueZ and returns its answer's body. Raises BusError."""
        message = Message(
            destination=BLUEZ,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=body or [],
        )
        try:
            async with asyncio.timeout(timeout_s):
                reply = await self._open_bus().call(message)
        except TimeoutError as error:
            raise BusError("no-answer", f"{member} after {timeout_s:.0f} s") from error
        except (OSError, EOFError) as error:
            raise BusError("no-bus", str(error)) from error
        if reply is None:
            raise BusError("no-bus")
        if reply.message_type is MessageType.ERROR:
            name = reply.error_name or ""
            text = str(reply.body[0]) if reply.body else ""
            if name in {ErrorType.ACCESS_DENIED.value, "org.freedesktop.DBus.Error.AuthFailed"}:
                name = "denied"
            raise BusError(name, text)
        return list(reply.body)

    def _open_bus(self) -> MessageBus:
        if self._bus is None:
            raise BusError("no-bus", "not open")
        return self._bus
