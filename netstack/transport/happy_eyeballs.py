"""Connecting to somebody who has several addresses, some of which may lead nowhere (RFC 8305).

Families take turns, IPv6 first. The next address is tried when the one before has failed, or has not answered for a
quarter of a second; the first connection wins and the others are given up.
"""

import asyncio
import itertools
from collections.abc import Iterable, Sequence
from typing import Final

from netstack.errors import NetError
from netstack.model.address import Address, Family
from netstack.net.protocol import Net, Stream
from netstack.tasks import TaskScope

ATTEMPT_DELAY_S: Final = 0.25
MAX_PLACES: Final = 8


def in_turn(places: Iterable[Address]) -> tuple[Address, ...]:
    """The order to try them in (section 4): without doubles, the families by turns, at most eight."""
    unique = tuple(dict.fromkeys(places))
    families = [[each for each in unique if each.family is family] for family in (Family.IPV6, Family.IPV4)]
    pairs = itertools.chain.from_iterable(itertools.zip_longest(*families))
    return tuple(each for each in pairs if each is not None)[:MAX_PLACES]


async def connect(net: Net, places: Sequence[Address], *, timeout_s: float) -> Stream:
    """A connection to the first of them that answers. Raises NetError: that of the first attempt."""
    order = in_turn(places)
    if len(order) == 1:
        return await net.open_stream(order[0], timeout_s=timeout_s)
    if not order:
        raise NetError(NetError.Reason.NO_ADDRESS)
    ends_s = net.now() + timeout_s
    ended: asyncio.Queue[tuple[int, Stream | NetError]] = asyncio.Queue()
    failures: dict[int, NetError] = {}
    winner: Stream | None = None

    async def attempt(number: int, place: Address) -> None:
        try:
            ended.put_nowait((number, await net.open_stream(place, timeout_s=ends_s - net.now())))
        except NetError as error:
            ended.put_nowait((number, error))

    try:
        async with TaskScope("happy eyeballs") as tasks:
            started = 0
            while winner is None and len(failures) < len(order):
                if started < len(order):
                    tasks.start(attempt(started, order[started]), str(order[started]))
                    started += 1
                try:
                    async with asyncio.timeout(ATTEMPT_DELAY_S if started < len(order) else None):
                        number, end = await ended.get()
                except TimeoutError:
                    continue
                if isinstance(end, NetError):
                    failures[number] = end
                else:
                    winner = end
    finally:
        while not ended.empty():  # too late
            _, late = ended.get_nowait()
            if not isinstance(late, NetError):
                late.abort()
    if winner is None:
        raise failures[0]
    return winner
