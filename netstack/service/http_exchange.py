"""One HTTP request and its whole answer over plain TCP; redirects are not followed."""

import asyncio
from typing import Final

from netstack.errors import DecodeError, NetError
from netstack.model.address import Address
from netstack.net.protocol import Net
from netstack.wire.http import HttpResponse, decode_response

MAX_BYTES: Final = 65_536


async def exchange(net: Net, remote: Address, request: bytes, *, timeout_s: float) -> HttpResponse:
    """At most 64 KB. Raises NetError (TIMED_OUT, refused, cut), DecodeError for what is not HTTP or too long."""
    stream = None
    try:
        async with asyncio.timeout(timeout_s):
            stream = await net.open_stream(remote, timeout_s=timeout_s)
            stream.write(request)
            await stream.drain()
            data = b""
            while True:
                more = await stream.read(MAX_BYTES)
                data += more
                if len(data) > MAX_BYTES:
                    raise DecodeError(DecodeError.Reason.MALFORMED, "an answer of more than 64 KB")
                response = decode_response(data, ended=not more)
                if response is not None:
                    return response
    except TimeoutError:
        raise NetError(NetError.Reason.TIMED_OUT, str(remote)) from None
    finally:
        if stream is not None:
            stream.abort()
            await stream.wait_closed()
