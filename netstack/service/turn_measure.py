"""Measures a relay: echo, round trips, jitter, loss, throughput, MTU. Each is bounded in time and bytes."""

import asyncio
import statistics
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any, Final, NamedTuple

from netstack.model.turn import TurnError
from netstack.net.protocol import Net
from netstack.service.turn_far import Arrival, Far, Inbox
from netstack.transport.turn_relay import Relay

ECHO_TRIES: Final = 3
ECHO_WAIT_S: Final = 0.8
PINGS: Final = 20
PING_EVERY_S: Final = 0.02
SERVER_PINGS: Final = 7
LATE_S: Final = 1.0
THROUGHPUT_BYTES: Final = 5_000_000
THROUGHPUT_S: Final = 3.0
PROGRESS_STEP: Final = 0.02
PAYLOAD_BYTES: Final = 1200
FIRST_WINDOW: Final = 16
MAX_WINDOW: Final = 1024
BURST: Final = 32
SIZES: Final = (
    1200,
    1232,
    1280,
    1352,
    1372,
    1392,
    1412,
    1432,
    1440,
    1448,
    1452,
    1456,
    1460,
    1464,
    1468,
    1472,
)
SIZE_TRIES: Final = 2
MARK_BYTES: Final = 8


class Times(NamedTuple):
    """Of datagrams through a relay: seconds; None where none came."""

    p50_s: float | None
    jitter_s: float | None
    loss: float
    n: int


class Throughput(NamedTuple):
    """Of `n` datagrams that came through a relay; bits of payload a second, None where none came."""

    bits_per_s: float | None
    loss: float
    n: int


class Measure:
    """One relay and a far side that has let it in."""

    def __init__(self, net: Net, relay: Relay, inbox: Inbox, far: Far) -> None:
        self._net = net
        self._relay = relay
        self._inbox = inbox
        self._far = far
        self._count = 0

    async def echo(self) -> tuple[bool, bool]:
        """Whether something came through the relay to the far side, and back."""
        relayed = self._relay.relayed
        for _ in range(ECHO_TRIES):
            mark = self._mark()
            self._relay.send(mark, self._far.address)
            if await _find(self._far.inbox, mark, ECHO_WAIT_S) is None:
                continue
            for _ in range(ECHO_TRIES):
                back = self._mark()
                if relayed is not None:
                    self._far.send(back, relayed)
                if await _find(self._inbox, back, ECHO_WAIT_S) is not None:
                    return True, True
            return True, False
        return False, False

    async def server_times(self) -> list[float]:
        """Round trips to the server itself, by Refresh requests, in seconds."""
        times = []
        for _ in range(SERVER_PINGS):
            _drain(self._inbox.renewed)
            self._relay.refresh()
            with suppress(TimeoutError):
                async with asyncio.timeout(LATE_S):
                    while True:
                        event = await self._inbox.renewed.get()
                        if event.peer is None:
                            break
                if event.error is None and (rtt_s := self._relay.client.ledger.rtt_s) is not None:
                    times.append(rtt_s)
        return times

    async def relay_times(self) -> Times:
        """One way through the relay and back to this computer, for each of some datagrams."""
        sent: dict[bytes, float] = {}
        times: list[float] = []
        _drain(self._far.inbox.came)
        for _ in range(PINGS):
            mark = self._mark()
            sent[mark] = self._net.now()
            self._relay.send(mark, self._far.address)
            await asyncio.sleep(PING_EVERY_S)
            self._collect(sent, times)
        deadline_s = self._net.now() + LATE_S
        while len(times) < PINGS and self._net.now() < deadline_s:
            await asyncio.sleep(PING_EVERY_S)
            self._collect(sent, times)
        steps = [abs(b - a) for a, b in pairwise(times)]
        return Times(
            statistics.median(times) if times else None,
            statistics.fmean(steps) if steps else None,
            1 - len(times) / PINGS,
            len(times),
        )

    def _collect(self, sent: dict[bytes, float], times: list[float]) -> None:
        while not self._far.inbox.came.empty():
            arrival = self._far.inbox.came.get_nowait()
            began_s = sent.pop(arrival.data, None)
            if began_s is not None:
                times.append(max(0.0, arrival.at_s - began_s))

    async def throughput(self, rtt_s: float, progress: Callable[[float], None]) -> Throughput:
        """How fast payload comes through: 5 MB and 3 s at most, in a growing window. `progress` hears 0 to 1."""
        inbox = self._far.inbox
        _drain(inbox.came)
        patience_s = max(0.25, 3 * rtt_s)
        window, grow = float(FIRST_WINDOW), 1.0  # doubling each round trip until something is lost
        sent = came = lost = 0
        highest, told = -1, 0.0
        began_s = last_s = heard_s = self._net.now()
        most = THROUGHPUT_BYTES // PAYLOAD_BYTES
        while (now := self._net.now()) - began_s < THROUGHPUT_S and came + lost < most:
            free = min(int(window) - (sent - came - lost), most - sent, BURST)
            more = free > 0 and self._send_numbered(sent, free)
            sent += free if more else 0
            arrived = await _numbers(inbox.came, 0.0 if more else 0.01)
            missing = lost
            if arrived:
                heard_s = last_s = self._net.now()
                came += len(arrived)
                highest = max(highest, *arrived)
                missing = max(0, highest + 1 - came)
                window = min(MAX_WINDOW, window + grow * len(arrived))
            elif sent > came + lost and now - heard_s > patience_s:
                missing, heard_s = sent - came, now
            share = max((came + lost) / most, (now - began_s) / THROUGHPUT_S)
            if share >= told + PROGRESS_STEP:
                told = share
                progress(share)
            if missing > lost:
                window = max(FIRST_WINDOW, 0.7 * window)
                grow = FIRST_WINDOW / MAX_WINDOW
            lost = missing
        took_s = last_s - began_s
        bits_per_s = 8 * came * PAYLOAD_BYTES / took_s if took_s > 0 else None
        return Throughput(bits_per_s, lost / sent if sent else 0.0, came)

    def _send_numbered(self, first: int, count: int) -> bool:
        numbers = range(first, first + count)
        burst = b"".join(number.to_bytes(MARK_BYTES, "big").ljust(PAYLOAD_BYTES) for number in numbers)
        taken = self._relay.send_burst(burst, PAYLOAD_BYTES, self._far.address)
        if taken is None:
            raise TurnError(TurnError.Reason.NO_PERMISSION, "the channel has lapsed")
        return taken

    async def mtu(self, rtt_s: float) -> int | None:
        """The largest payload that passes in ChannelData; None where not even the smallest that is tried does."""
        wait_s = max(0.2, 2 * rtt_s)
        low, high = -1, len(SIZES)
        while high - low > 1:
            middle = (low + high) // 2
            if await self._passes(SIZES[middle], wait_s):
                low = middle
            else:
                high = middle
        return SIZES[low] if low >= 0 else None

    async def _passes(self, size: int, wait_s: float) -> bool:
        for _ in range(SIZE_TRIES):
            mark = self._mark().ljust(size, b".")
            self._relay.send(mark, self._far.address)
            if await _find(self._far.inbox, mark, wait_s) is not None:
                return True
        return False

    def _mark(self) -> bytes:
        """Something that nobody else sends."""
        self._count += 1
        return b"peerscope" + self._count.to_bytes(4, "big") + self._net.random_bytes(8)


async def _find(inbox: Inbox, mark: bytes, wait_s: float) -> Arrival | None:
    try:
        async with asyncio.timeout(wait_s):
            while True:
                arrival = await inbox.came.get()
                if arrival.data == mark:
                    return arrival
    except TimeoutError:
        return None


async def _numbers(queue: asyncio.Queue[Arrival], wait_s: float) -> list[int]:
    """The numbers of the datagrams that have come; waits for the first one."""
    await asyncio.sleep(0)
    arrivals = []
    if queue.empty() and wait_s:
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                arrivals.append(await queue.get())
    while not queue.empty():
        arrivals.append(queue.get_nowait())
    return [int.from_bytes(a.data[:MARK_BYTES], "big") for a in arrivals if len(a.data) == PAYLOAD_BYTES]


def _drain(queue: asyncio.Queue[Any]) -> None:
    while not queue.empty():
        queue.get_nowait()
