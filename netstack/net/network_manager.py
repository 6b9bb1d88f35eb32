"""What NetworkManager says of networks where data costs money (Linux, over the system bus)."""

import asyncio
import logging
from typing import Any, Final

SERVICE: Final = "org.freedesktop.NetworkManager"
ROOT: Final = "/org/freedesktop/NetworkManager"
DEVICE: Final = f"{SERVICE}.Device"
PROPERTIES: Final = "org.freedesktop.DBus.Properties"
LIMIT_S: Final = 2.0
MAX_DEVICES: Final = 32
METERED: Final = {1: True, 2: False, 3: True, 4: False}
"""NMMetered: yes, no, guessed yes, guessed no; 0 is "unknown"."""

log = logging.getLogger(__name__)


async def read_metered() -> dict[str, bool]:
    """Interface -> whether it is metered, of those of which NetworkManager knows it.

    Empty where there is no system bus, no NetworkManager, or no answer within 2 s.
    """
    from dbus_fast import BusType  # noqa: PLC0415 - not every system has a bus
    from dbus_fast.aio import MessageBus  # noqa: PLC0415

    try:
        bus = MessageBus(bus_type=BusType.SYSTEM)
    except (OSError, ValueError):
        return {}
    try:
        async with asyncio.timeout(LIMIT_S):
            await bus.connect()
            return await _ask(bus)
    except Exception as error:
        log.debug("NetworkManager: %r", error)
        return {}
    finally:
        bus.disconnect()


async def _ask(bus: Any) -> dict[str, bool]:
    from dbus_fast import Message, MessageType  # noqa: PLC0415

    async def call(path: str, interface: str, member: str, *body: str) -> Any:
        message = Message(SERVICE, path, interface, member, signature="s" * len(body), body=list(body))
        reply = await bus.call(message)
        answered = reply is not None and reply.message_type is MessageType.METHOD_RETURN and reply.body
        return reply.body[0] if answered else None

    found = {}
    for path in (await call(ROOT, SERVICE, "GetDevices") or ())[:MAX_DEVICES]:
        values = await call(path, PROPERTIES, "GetAll", DEVICE) or {}
        name, word = (values[key].value if key in values else None for key in ("Interface", "Metered"))
        if isinstance(name, str) and word in METERED:
            found[name] = METERED[word]
    return found
