"""What Prometheus may read: our own registry, its names, and the page that shows it.

Names follow Prometheus' rules: seconds, `_total` for counters, nothing where nothing was measured, and no label that grows
with the number of peers. The library is imported when somebody wants the page, not before.
"""

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, TypeVar

from netstack.model.address import Address
from netstack.net.socket_errors import net_error

if TYPE_CHECKING:
    from wsgiref.simple_server import WSGIServer

    from prometheus_client.metrics import MetricWrapperBase

M = TypeVar("M", bound="MetricWrapperBase")

RTT_BUCKETS_S: Final = (
    *(0.0005, 0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1),
    *(0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.5),
)
CLOSE_S: Final = 2.0
MAX_PORT: Final = 65_535
TRANSPORTS: Final = frozenset({"udp", "tcp", "turn", "ble", "webrtc"})


class Registry:
    """The metrics of one program. Every method may be called from one thread; Prometheus reads from another."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram  # noqa: PLC0415

        self.registry = CollectorRegistry()
        self._registered: set[str] = set()
        self._connections = Gauge("peerscope_active_connections", "Sessions that are open.", registry=None)
        self._rtt = Histogram(
            "peerscope_path_rtt_seconds",
            "Round trips of probes, without the far side's own delay.",
            ["transport"],
            buckets=RTT_BUCKETS_S,
            registry=None,
        )
        self._probes = Counter(
            "peerscope_probes", "Probes whose fate is known.", ["transport"], registry=None
        )
        self._lost = Counter(
            "peerscope_packets_lost",
            "Probe packets lost, there or back.",
            ["transport", "direction"],
            registry=None,
        )
        self._bytes = Counter(
            "peerscope_bytes",
            "Bytes on the path, headers of ours included.",
            ["transport", "direction"],
            registry=None,
        )
        self._fragments = Counter(
            "peerscope_fragments", "Packets that carried messages.", ["transport"], registry=None
        )
        self._completed = Counter(
            "peerscope_reassembly_completed", "Messages that became whole.", registry=None
        )
        self._failed = Counter(
            "peerscope_reassembly_failed",
            "Messages or fragments that were given up.",
            ["reason"],
            registry=None,
        )
        self._dropped = Counter(
            "peerscope_packets_dropped", "Packets that were not let in, by reason.", ["reason"], registry=None
        )
        self._suspects = Gauge(
            "peerscope_suspects", "Peers that brought far too much and get less.", registry=None
        )
        self._nat_checks = Counter(
            "peerscope_nat_checks", "NAT checks, by what they found.", ["label"], registry=None
        )
        self._errors = Counter("peerscope_errors", "What went wrong, by kind.", ["kind"], registry=None)
        self._used = Gauge(
            "peerscope_serve_used", "How much of a limit of this server is used.", ["resource"], registry=None
        )
        self._limit = Gauge(
            "peerscope_serve_limit", "The limits of this server.", ["resource"], registry=None
        )
        self._served = Counter(
            "peerscope_serve_requests",
            "Requests to this server, by what became of them.",
            ["outcome"],
            registry=None,
        )

    def connections(self, count: int) -> None:
        """Sessions that are open."""
        self._seen(self._connections).set(count)

    def rtt(self, transport: str, seconds: float) -> None:
        """A round trip."""
        self._seen(self._rtt).labels(_known(transport)).observe(seconds)

    def probes(self, transport: str, count: float) -> None:
        """Probes whose fate is known."""
        self._seen(self._probes).labels(_known(transport)).inc(count)

    def lost(self, transport: str, direction: str, count: float) -> None:
        """Probes lost on the way `out` or `in`."""
        self._seen(self._lost).labels(_known(transport), direction).inc(count)

    def carried(self, transport: str, direction: str, size_bytes: float) -> None:
        """Bytes on a path."""
        self._seen(self._bytes).labels(_known(transport), direction).inc(size_bytes)

    def fragments(self, transport: str, count: float) -> None:
        """Packets of messages."""
        self._seen(self._fragments).labels(_known(transport)).inc(count)

    def reassembled(self, count: float) -> None:
        """Messages that became whole."""
        self._seen(self._completed).inc(count)

    def reassembly_failed(self, reason: str, count: float) -> None:
        """Messages, or fragments, that were given up."""
        self._seen(self._failed).labels(reason).inc(count)

    def dropped(self, reason: str, count: float) -> None:
        """Packets that were not let in."""
        self._seen(self._dropped).labels(reason).inc(count)

    def suspects(self, count: int) -> None:
        """Peers under suspicion now."""
        self._seen(self._suspects).set(count)

    def nat_check(self, label: str) -> None:
        """A NAT check has ended."""
        self._seen(self._nat_checks).labels(label).inc()

    def error(self, kind: str) -> None:
        """Something went wrong."""
        self._seen(self._errors).labels(kind).inc()

    def serving(self, resource: str, used: float, limit: float) -> None:
        """How full a server is."""
        self._seen(self._used).labels(resource).set(used)
        self._seen(self._limit).labels(resource).set(limit)

    def served(self, outcome: str, count: float) -> None:
        """Requests that a server has had."""
        self._seen(self._served).labels(outcome).inc(count)

    def text(self) -> str:
        """The page."""
        from prometheus_client import generate_latest  # noqa: PLC0415

        return generate_latest(self.registry).decode()

    def names(self) -> frozenset[str]:
        """Every name that a query may ask for, those without a value yet included."""
        metrics = [
            each for each in vars(self).values() if hasattr(each, "collect") and each is not self.registry
        ]
        return frozenset(
            name
            for each in metrics
            for family in each.collect()
            for name in _queried(family.name, family.type)
        )

    def _seen(self, metric: M) -> M:
        """What has never been measured is not on the page: 0 would be a lie."""
        name = metric._name  # noqa: SLF001 - the library tells it nowhere else
        if name not in self._registered:
            self._registered.add(name)
            self.registry.register(metric)
        return metric


class MetricsPage:
    """`http://HOST:PORT/metrics` in threads of its own, from `open` to `close`."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._server: WSGIServer | None = None
        self._thread: threading.Thread | None = None

    def open(self, local: Address) -> Address:
        """Binds and serves; returns where. Raises NetError."""
        from prometheus_client import start_http_server  # noqa: PLC0415

        try:
            self._server, self._thread = start_http_server(local.port, local.host, self._registry.registry)
        except OSError as error:
            raise net_error(error) from error
        host, port = self._server.server_address[:2]
        return Address(str(host), int(port))

    def close(self) -> None:
        """Blocks for a moment. May be called twice."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join(CLOSE_S)
            self._server = self._thread = None


def _known(transport: str) -> str:
    return transport if transport in TRANSPORTS else "other"


def _queried(name: str, kind: str) -> Iterable[str]:
    match kind:
        case "counter":
            return (f"{name}_total",)
        case "histogram":
            return (f"{name}_bucket", f"{name}_count", f"{name}_sum")
        case _:
            return (name,)
