"""A computer's Bluetooth, opened when somebody first wants it and shared by all who do."""

import asyncio
from collections.abc import Awaitable, Callable

from netstack.radio.protocol import Radio

OpenRadio = Callable[[], Awaitable[Radio]]


class OneRadio:
    """`open` gives the same radio to everybody; what loads Bluetooth libraries is `opener`."""

    def __init__(self, opener: OpenRadio) -> None:
        self._opener = opener
        self._opening = asyncio.Lock()
        self._radio: Radio | None = None

    async def open(self) -> Radio:
        """The radio. Nothing is asked of the system before its first use."""
        async with self._opening:
            if self._radio is None:
                self._radio = await self._opener()
        return self._radio

    async def close(self) -> None:
        """Ends what goes on over it. May be called twice."""
        radio, self._radio = self._radio, None
        if radio is not None:
            await radio.close()
