"""Asks for web pages that are known to be empty: what comes instead is a login page, and the answer tells the time."""

import asyncio
from collections.abc import Sequence
from typing import Final

from netstack.core.web_facts import WebAnswer, judge, parse_web_check
from netstack.errors import DecodeError, NetError
from netstack.model.address import Address, Family
from netstack.net.protocol import Net
from netstack.service.http_exchange import exchange
from netstack.tasks import TaskScope
from netstack.wire.http import encode_request

ANSWER_S: Final = 4.0
MAX_CHECKS: Final = 4


async def check_web(net: Net, urls: Sequence[str]) -> tuple[WebAnswer, ...]:
    """Asks the first four at once; 4 s at most. Raises InputError for what is not a plain `http://` URL."""
    asked = [(url, *parse_web_check(url)) for url in urls[:MAX_CHECKS]]
    async with TaskScope("web") as tasks:
        return tuple(await asyncio.gather(*(tasks.start(_ask(net, *each), each[0]) for each in asked)))


async def _ask(net: Net, url: str, host: str, port: int, path: str) -> WebAnswer:
    try:
        async with asyncio.timeout(ANSWER_S):
            hosts = await net.resolve(host)
            place = next((h for h in hosts if Address(h, port).family is Family.IPV4), hosts[0])
            request = encode_request("GET", Address(place, port), path, {"Host": host, "Accept": "*/*"})
            sent_at_s = net.wall_time()
            response = await exchange(net, Address(place, port), request, timeout_s=ANSWER_S)
            return judge(url, response, sent_at_s, net.wall_time())
    except TimeoutError:
        return WebAnswer(url, text=f"no answer within {ANSWER_S:g} s")
    except NetError as error:
        return WebAnswer(url, text=error.sentence)
    except DecodeError:
        return WebAnswer(url, text="what came is not a web page")
