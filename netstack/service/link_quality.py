"""How good is the way to a server? Many small STUN requests for latency and loss, padded ones for the MTU.

Everything is asked of one STUN server, over one socket that must not fragment. Padded requests (RFC 5780 section 7.6) are
answered padded, so a size counts only when it passes both ways.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from netstack.core.histogram import Histogram
from netstack.errors import DecodeError, NetError
from netstack.model.address import Address, Family
from netstack.model.doctor import Quality
from netstack.net.protocol import DatagramEndpoint, Net
from netstack.wire import stun
from netstack.wire.stun import MessageClass

REQUESTS: Final = 320
GAP_S: Final = 0.02
LATE_S: Final = 1.0
SIZE_ROUNDS: Final = 6
SIZE_PROOFS: Final = 3
SIZE_GAP_S: Final = 0.15
SIZES: Final = {Family.IPV4: (1472, 1400, 1252, 548), Family.IPV6: (1452, 1380, 1232)}
OVERHEAD_BYTES: Final = 24  # STUN header and the padding attribute's own


class _Asker:
    """Sends requests and notes when each was answered."""

    def __init__(self, net: Net) -> None:
        self.answered_s: dict[bytes, float] = {}
        self.refused = False
        self.news = asyncio.Event()
        self.endpoint: DatagramEndpoint | None = None
        self._net = net

    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        try:
            message = stun.decode(data)
        except DecodeError:
            return
        if message.message_class is MessageClass.SUCCESS and len(self.answered_s) < 2 * REQUESTS:
            self.answered_s.setdefault(message.transaction_id, received_at_s)
            self.news.set()

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        self.refused = self.refused or error.reason is NetError.Reason.TOO_BIG

    def ask(self, server: Address, padding_bytes: int = 0) -> bytes:
        """Sends one; its transaction id. Raises NetError."""
        transaction_id = self._net.random_bytes(12)
        if self.endpoint is not None:
            request = stun.binding_request(transaction_id, padding_bytes=padding_bytes)
            self.endpoint.send(stun.encode(request), server)
        return transaction_id


async def measure_size(net: Net, server: Address, quality: Quality) -> Quality:
    """Adds the packet size that passes. Takes up to 2 s. Raises NetError when nothing can be sent."""
    asker = _Asker(net)
    asker.endpoint = await net.open_datagram(asker, family=server.family, dont_fragment=True)
    try:
        passed, largest, told = await _find_size(asker, server)
    finally:
        asker.endpoint.close()
    return msgspec.structs.replace(quality, mtu_bytes=passed, mtu_sent_bytes=largest if not told else None)


async def measure_latency(
    net: Net, server: Address, name: str, tell: Callable[[int], None] = lambda _: None
) -> Quality:
    """Latency, jitter and loss. Takes 4 to 5 s and 20 KB. Raises NetError when nothing can be sent."""
    asker = _Asker(net)
    asker.endpoint = await net.open_datagram(asker, family=server.family, dont_fragment=True)
    try:
        sent = await _ask_many(net, asker, server, tell)
    finally:
        asker.endpoint.close()
    histogram, jitter_s, previous, run, longest = Histogram(), 0.0, None, 0, 0
    for transaction_id, sent_s in sent.items():
        answered_s = asker.answered_s.get(transaction_id)
        if answered_s is None:
            run += 1
            longest = max(longest, run)
            continue
        run = 0
        rtt_s = max(0.0, answered_s - sent_s)
        histogram.add(rtt_s)
        if previous is not None:
            jitter_s += (abs(rtt_s - previous) - jitter_s) / 16
        previous = rtt_s
    return Quality(
        server=name,
        sent=len(sent),
        answered=histogram.n,
        rtt_p50_s=histogram.quantile(0.5),
        rtt_p99_s=histogram.quantile(0.99),
        jitter_s=jitter_s if histogram.n > 1 else None,
        longest_loss=longest,
    )


async def _ask_many(
    net: Net, asker: _Asker, server: Address, tell: Callable[[int], None]
) -> dict[bytes, float]:
    sent: dict[bytes, float] = {}
    due_s = net.now()
    for number in range(REQUESTS):
        at_s = net.now()
        sent[asker.ask(server)] = at_s
        tell(number + 1)
        due_s += GAP_S
        await asyncio.sleep(max(0.0, due_s - net.now()))
    end_s = net.now() + LATE_S
    while len(asker.answered_s) < len(sent) and (left_s := end_s - net.now()) > 0:
        asker.news.clear()
        try:
            async with asyncio.timeout(left_s):
                await asker.news.wait()
        except TimeoutError:
            break
    return sent


async def _find_size(asker: _Asker, server: Address) -> tuple[int | None, int | None, bool]:
    """The largest size that passed, a larger one that is proved to vanish, whether one was refused aloud.

    Rounds of all sizes, close together: a size vanishes when smaller ones of the same round came back, in three rounds. A
    burst of loss takes whole rounds, which prove nothing. The smallest size is the control that padded requests are
    answered at all.
    """
    sizes = [*SIZES[server.family]]
    rounds: list[dict[int, bytes]] = []
    for _ in range(SIZE_ROUNDS):
        sent: dict[int, bytes] = {}
        for size in list(sizes):
            try:
                sent[size] = asker.ask(server, size - OVERHEAD_BYTES)
            except NetError as error:
                asker.refused = asker.refused or error.reason is NetError.Reason.TOO_BIG
                sizes.remove(size)
        rounds.append(sent)
        await asyncio.sleep(SIZE_GAP_S)
        if _largest(asker, rounds) == max(sizes, default=None):
            break
    else:
        await asyncio.sleep(LATE_S)
    passed = _largest(asker, rounds)
    vanishing = [
        size for size in sizes if passed is not None and size > passed and _vanishes(asker, rounds, size)
    ]
    return passed, max(vanishing, default=passed), asker.refused


def _largest(asker: _Asker, rounds: list[dict[int, bytes]]) -> int | None:
    return max(
        (size for sent in rounds for size, key in sent.items() if key in asker.answered_s), default=None
    )


def _vanishes(asker: _Asker, rounds: list[dict[int, bytes]], size: int) -> bool:
    """Whether enough rounds brought back something smaller, and never this."""
    proofs = [
        sent
        for sent in rounds
        if size in sent and any(less < size and key in asker.answered_s for less, key in sent.items())
    ]
    return len(proofs) >= SIZE_PROOFS
