"""Where on the way is it bad? Packets whose time to live ends at the router, and at the first public station.

Each station tells by ICMP that a packet ended there, which gives its round trip. Routers answer few such packets (Linux:
six at once, then one a second), so few are sent, and silence of a station proves nothing. Needs a system that tells who
sent an ICMP error (Linux; elsewhere nothing answers, and nothing is said).
"""

import asyncio
from typing import Final

from netstack.core.histogram import Histogram
from netstack.errors import NetError
from netstack.model.address import Address, Scope, scope
from netstack.model.doctor import Rung, Segment
from netstack.net.protocol import DatagramEndpoint, Net
from netstack.tasks import TaskScope
from netstack.wire import stun

HOPS: Final = 6
SEARCHES: Final = 3
SEARCH_S: Final = 0.7
PROBES: Final = 10
GAP_S: Final = 0.7
LATE_S: Final = 1.2


class _Probe:
    """One packet of a small time to live, on a socket of its own, so that its error can be no other's."""

    def __init__(self, net: Net, hop: int) -> None:
        self.hop = hop
        self.reporter: str | None = None
        self.rtt_s: float | None = None
        self._net = net
        self._sent_s = 0.0
        self._endpoint: DatagramEndpoint | None = None

    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        """It went the whole way: no station of ours."""

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        if error.reason is NetError.Reason.HOP_LIMIT and error.reporter and self.reporter is None:
            self.reporter = error.reporter
            self.rtt_s = max(0.0, self._net.now() - self._sent_s)

    async def send(self, server: Address) -> None:
        """Raises NetError."""
        self._endpoint = await self._net.open_datagram(self, family=server.family, ttl=self.hop)
        self._sent_s = self._net.now()
        try:
            self._endpoint.send(stun.encode(stun.binding_request(self._net.random_bytes(12))), server)
        except NetError:
            self.close()
            raise

    def close(self) -> None:
        if self._endpoint is not None:
            self._endpoint.close()


async def climb(net: Net, server: Address) -> tuple[Segment, ...]:
    """The segments to the router and to the first public station towards `server`; 10 s and 38 packets at most.

    A station that never answered is left out. Raises NetError when nothing can be sent.
    """
    found: dict[int, str] = {}
    public: int | None = None
    for _ in range(SEARCHES):
        silent = [hop for hop in range(1, HOPS + 1) if hop not in found]
        found |= await _search(net, server, silent)
        public = next((hop for hop in sorted(found) if hop > 1 and scope(found[hop]) is Scope.PUBLIC), None)
        if 1 in found and public is not None:
            break
    stations = [
        (rung, hop)
        for rung, hop in ((Rung.ROUTER, 1), (Rung.INTERNET, public))
        if hop is not None and hop in found
    ]
    async with TaskScope("ladder") as tasks:
        measuring = [tasks.start(_measure(net, server, hop), f"hop {hop}") for _, hop in stations]
        measured = await asyncio.gather(*measuring)
    return tuple(
        _segment(rung, hop, found[hop], probes)
        for (rung, hop), probes in zip(stations, measured, strict=True)
    )


async def _measure(net: Net, server: Address, hop: int) -> list[_Probe]:
    probes: list[_Probe] = []
    try:
        for _ in range(PROBES):
            probe = _Probe(net, hop)
            await probe.send(server)
            probes.append(probe)
            await asyncio.sleep(GAP_S)
        await asyncio.sleep(LATE_S - GAP_S)
    except NetError:  # the way there went away: what was answered until then counts
        pass
    finally:
        for probe in probes:
            probe.close()
    return probes


async def _search(net: Net, server: Address, hops: list[int]) -> dict[int, str]:
    """Who answers at which hop."""
    probes = [_Probe(net, hop) for hop in hops]
    try:
        for probe in probes:
            await probe.send(server)
        await asyncio.sleep(SEARCH_S)
    finally:
        for probe in probes:
            probe.close()
    return {probe.hop: probe.reporter for probe in probes if probe.reporter is not None}


def _segment(rung: Rung, hop: int, host: str, probes: list[_Probe]) -> Segment:
    """Only what this very station answered counts: ways change."""
    histogram = Histogram()
    for probe in probes:
        if probe.rtt_s is not None and probe.reporter == host:
            histogram.add(probe.rtt_s)
    return Segment(
        rung=rung,
        host=host,
        hop=hop,
        sent=len(probes),
        answered=histogram.n,
        rtt_p50_s=histogram.quantile(0.5),
    )
