"""Hears from the kernel that links, addresses or routes have changed (rtnetlink(7)); elsewhere one looks from time to time."""

import asyncio
import contextlib
import socket
import sys
from typing import Final

_GROUPS: Final = 0x1 | 0x10 | 0x40 | 0x100 | 0x400  # links; addresses and routes, of IPv4 and of IPv6
_TOGETHER_S: Final = 0.05
"""What belongs together comes together; a storm of news costs one look in this time."""


async def stirred(timeout_s: float) -> None:
    """Returns a moment after the kernel has told of a change, and after `timeout_s` where it tells of none."""
    with contextlib.ExitStack() as stack:
        news = asyncio.Event()
        if sys.platform == "linux":
            with contextlib.suppress(OSError, NotImplementedError):  # a sandbox may have none
                _listen(news, stack)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await news.wait()
                await asyncio.sleep(_TOGETHER_S)


if sys.platform == "linux":

    def _listen(news: asyncio.Event, stack: contextlib.ExitStack) -> None:
        loop = asyncio.get_running_loop()
        kernel = stack.enter_context(
            socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
        )
        kernel.bind((0, _GROUPS))

        def told() -> None:
            loop.remove_reader(kernel)  # what it says is not read: everything is looked at anyway
            news.set()

        loop.add_reader(kernel, told)
        stack.callback(loop.remove_reader, kernel)
