"""How many requests a second a server answers: per source network first, then in all."""

import ipaddress
from collections import OrderedDict
from functools import lru_cache

from netstack.core.token_bucket import Bucket

MAX_NETWORKS = 4096


@lru_cache(maxsize=4096)
def source_network(host: str) -> str:
    """The network that shares a budget with `host`: its IPv4 /24 or IPv6 /48."""
    ip = ipaddress.ip_address(host.partition("%")[0])
    return str(ipaddress.ip_network((ip, 24 if ip.version == 4 else 48), strict=False))


class SourceRate:
    """A bucket for each source network, the least recently seen forgotten past 4,096, and one for all."""

    def __init__(self, per_network_per_s: float, in_all_per_s: float, *, burst_s: float = 2.0) -> None:
        self._per_network_per_s = per_network_per_s
        self._burst_s = burst_s
        self._networks: OrderedDict[str, Bucket] = OrderedDict()
        self._in_all = Bucket(in_all_per_s, in_all_per_s * burst_s, 0.0)

    def allow(self, host: str, now: float) -> bool:
        """Whether a request of `host` may be answered now."""
        network = source_network(host)
        bucket = self._networks.get(network)
        if bucket is None:
            bucket = Bucket(self._per_network_per_s, self._per_network_per_s * self._burst_s, now)
            self._networks[network] = bucket
            if len(self._networks) > MAX_NETWORKS:
                self._networks.popitem(last=False)
        else:
            self._networks.move_to_end(network)
        return bucket.take(1, now) and self._in_all.take(1, now)
