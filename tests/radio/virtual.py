"""Two adapters and whatever else is in the air, on virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from netstack.lab.clock import VirtualTimeLoop
from netstack.radio.virtual import VirtualRadio
from netstack.radio.virtual_adapter import VirtualAdapter
from netstack.radio.virtual_air import Air


class Room:
    """An air with adapters by name. They are switched off at the end."""

    def __init__(self, seed: int = 0) -> None:
        self.air = Air(seed)
        self.stack = AsyncExitStack()
        self.number = 0

    async def radio(self, name: str, metres: float = 0.0, **options: Any) -> VirtualRadio:
        self.number += 1
        adapter = VirtualAdapter(self.air, name, number=self.number, place_m=(metres, 0.0), **options)
        await adapter.open()
        radio = VirtualRadio(adapter)
        self.stack.push_async_callback(radio.close)
        return radio


def in_room(work: Callable[[Room], Awaitable[None]], *, seed: int = 0, limit_s: float = 3600.0) -> None:
    """Runs `work` in a fresh air, within so much virtual time."""

    async def main() -> None:
        room = Room(seed)
        async with asyncio.timeout(limit_s), room.stack:
            await work(room)
        room.air.close()

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(main())


def opener(radio: VirtualRadio) -> Callable[[], Awaitable[VirtualRadio]]:
    """Gives the radio to whoever wants to open one."""

    async def give() -> VirtualRadio:
        return radio

    return give


class Sink:
    """Keeps what comes on a packet link."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self.lost = asyncio.Event()

    def packet_received(self, packet: bytes) -> None:
        self.packets.append(packet)

    def packet_link_lost(self) -> None:
        assert not self.lost.is_set(), "told twice"
        self.lost.set()
