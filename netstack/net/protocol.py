"""What the stack asks of a network: `Net`. `net.system.SystemNet` is the real one; the lab has its own.

Everything that the stack sends or receives goes through here, so the engine runs unchanged in the lab.
Times are seconds on the clock of `Net.now()`, which is also the running loop's clock.
"""

import ssl
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

import msgspec

from netstack.errors import NetError
from netstack.model.address import Address, Family


class LinkKind(StrEnum):
    """What an interface is."""

    CABLE = "cable"
    WIFI = "wifi"
    VPN = "vpn"
    LOOPBACK = "loopback"
    VIRTUAL = "virtual"
    UNKNOWN = "unknown"


class Interface(msgspec.Struct, frozen=True):
    """A network interface that is up; `hosts` are its addresses without prefix, in the system's order.

    `signal_dbm` is Wi-Fi's, `speed_bps` a cable's, or Wi-Fi's rate of the moment; None where the system does not tell. `networks` are the ranges that the addresses
    are in, such as 192.0.2.0/24, IPv4 first.
    """

    name: str
    kind: LinkKind
    hosts: tuple[str, ...]
    mtu_bytes: int | None = None
    signal_dbm: int | None = None
    speed_bps: int | None = None
    networks: tuple[str, ...] = ()


class HostFirewall(msgspec.Struct, frozen=True):
    """The firewall of this computer; whether packets that nobody here asked for stay out, None: it does not tell."""

    name: str
    drops_unasked: bool | None


class Gateway(msgspec.Struct, frozen=True):
    """A default route's next hop and the interface that leads to it."""

    host: str
    interface: str
    family: Family

    def is_on(self, interface: Interface) -> bool:
        """Whether `interface` leads to it. Windows names the interface of a route by its address."""
        return self.interface in {interface.name, *interface.hosts}


class DatagramReceiver(Protocol):
    """Gets what happens on a datagram endpoint. Called on the loop; must not block or raise."""

    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        """One datagram came. `received_at_s` is the kernel's stamp where there is one."""

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        """The network refused an earlier datagram (ICMP). `remote` is where it went, where it is told."""


class DatagramEndpoint(Protocol):
    """A bound UDP socket."""

    @property
    def local(self) -> Address:
        """The bound address; the host is a wildcard unless one was asked for."""

    def send(self, data: bytes, remote: Address) -> None:
        """Hands over one datagram without blocking; a full buffer drops it, as a network would.

        Raises NetError when the system refuses at once (no route, too big, closed).
        """

    def set_dont_fragment(self, on: bool) -> None:
        """From now on datagrams may not, or may, be fragmented on their way; where the system lets us say so."""

    def close(self) -> None:
        """Releases the socket; nothing is received afterwards. May be called twice."""


class BatchReceiver(Protocol):
    """Gets whole bursts of a batch endpoint. Called on the loop; must not block or raise."""

    def batch_received(
        self, data: memoryview, segment_bytes: int, remote: Address, received_at_s: float, kernel_stamp: bool
    ) -> None:
        """Datagrams of `segment_bytes` each, the last perhaps shorter, all from `remote`.

        `data` is valid during the call only. `received_at_s` is the newest one's, on the clock of `Net.now()`.
        """

    def writable(self) -> None:
        """The endpoint, which refused a burst, takes some again."""

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        """The network refused an earlier datagram (ICMP)."""


class SmallReceiver(BatchReceiver, Protocol):
    """One that may be given a small datagram that came alone, as messages that want no delay do, by a shorter way."""

    def small_received(
        self, data: memoryview, remote: Address, received_at: Callable[[], float | None]
    ) -> None:
        """As `batch_received`. `received_at` gives the kernel's stamp during the call, where there is one: to read it costs
        more than many a packet is worth.
        """


class BatchEndpoint(Protocol):
    """A bound UDP socket that sends and receives bursts; datagrams are never fragmented (RFC 8899)."""

    @property
    def local(self) -> Address:
        """The bound address."""

    @property
    def max_burst_bytes(self) -> int:
        """The most that one `send_burst` takes."""

    @property
    def receive_buffer_bytes(self) -> int:
        """What the system holds of unread datagrams, its own bookkeeping included."""

    def send_burst(self, data: bytes, segment_bytes: int, remote: Address) -> bool:
        """Sends `data` cut into datagrams of `segment_bytes`, the last perhaps shorter.

        False: nothing was taken, `writable` will follow. Raises NetError (TOO_BIG: shorter segments are needed).
        """

    def close(self) -> None:
        """Releases the socket. May be called twice."""


class Stream(Protocol):
    """A connected byte stream (TCP, or TLS over it)."""

    @property
    def local(self) -> Address:
        """Our end."""

    @property
    def remote(self) -> Address:
        """Their end."""

    async def read(self, max_bytes: int) -> bytes:
        """Waits for at least one byte; empty at the end of the stream. Raises NetError when it was cut."""

    def write(self, data: bytes) -> None:
        """Queues bytes. Follow with `drain`."""

    async def drain(self) -> None:
        """Waits until the queue is short again. Raises NetError when the stream was cut."""

    def close(self) -> None:
        """Sends what is queued, then ends the stream. May be called twice."""

    def abort(self) -> None:
        """Ends the stream at once. May be called twice."""

    async def wait_closed(self) -> None:
        """Waits until the socket is released. Never raises NetError."""


class StreamReceiver(Protocol):
    """Gets what a pushed stream brings. Called on the loop; must not block or raise."""

    def stream_opened(self, stream: "PushedStream") -> None:
        """It stands: told before whoever opened it goes on, so what is written here is a turn of the loop early."""

    def stream_received(self, data: bytes) -> None:
        """The next bytes."""

    def stream_ended(self, error: NetError | None) -> None:
        """The other side ended it (None) or it was cut; nothing follows. Not told after our own close."""

    def stream_writable(self) -> None:
        """So little waits to be written again that more may be."""


class PushedStream(Protocol):
    """A connected byte stream that hands over what comes: nobody waits, so nobody has to be woken."""

    @property
    def local(self) -> Address:
        """Our end."""

    @property
    def writable(self) -> bool:
        """False: so much waits to be written that no more should; `stream_writable` follows."""

    def write(self, data: bytes) -> None:
        """Writes at once, else queues; on a closed stream bytes go nowhere."""

    def close(self) -> None:
        """Sends what is queued, then ends the stream. May be called twice."""

    def abort(self) -> None:
        """Ends the stream at once. May be called twice."""

    async def wait_closed(self) -> None:
        """Waits until the socket is released. Never raises NetError."""


class Listener(Protocol):
    """A listening TCP socket."""

    @property
    def local(self) -> Address:
        """The bound address."""

    def close(self) -> None:
        """Stops accepting. May be called twice."""


class Net(Protocol):
    """One host's view of a network."""

    def now(self) -> float:
        """Monotonic seconds: the running loop's `time()`."""

    def wall_time(self) -> float:
        """Seconds since 1970 (UTC)."""

    def random_bytes(self, count: int) -> bytes:
        """Entropy: the system's, or the lab's seeded one."""

    async def open_datagram(
        self,
        receiver: DatagramReceiver,
        *,
        family: Family = Family.IPV4,
        local: Address | None = None,
        dont_fragment: bool = False,
        ttl: int | None = None,
    ) -> DatagramEndpoint:
        """Binds a UDP socket (`local` None: any address, a fresh port). Raises NetError."""

    async def open_batch(
        self,
        receiver: BatchReceiver,
        *,
        family: Family = Family.IPV4,
        local: Address | None = None,
        ttl: int | None = None,
        interface: str | None = None,
    ) -> BatchEndpoint:
        """Binds a UDP socket for bursts. Raises NetError."""

    async def open_stream(
        self,
        remote: Address,
        *,
        timeout_s: float,
        local: Address | None = None,
        tls: ssl.SSLContext | None = None,
        tls_name: str | None = None,
    ) -> Stream:
        """Connects TCP, then TLS where `tls` is given (`tls_name` is the name to verify). Raises NetError."""

    async def push_stream(
        self,
        receiver: StreamReceiver,
        remote: Address,
        *,
        timeout_s: float,
        tls: ssl.SSLContext | None = None,
        tls_name: str | None = None,
    ) -> None:
        """The same for a stream that hands itself, and then what comes, to `receiver`. Raises NetError."""

    async def listen_stream(
        self,
        accept: Callable[[Stream], None],
        *,
        local: Address,
        tls: ssl.SSLContext | None = None,
    ) -> Listener:
        """Listens on `local` (port 0: any). `accept` is called for each connection. Raises NetError."""

    async def resolve(self, host: str) -> tuple[str, ...]:
        """Numeric addresses of a name, in the system's order, without doubles. Raises NetError."""

    async def name_servers(self) -> tuple[Address, ...]:
        """Where the system asks for names, best first; empty where it does not tell."""

    async def interfaces(self) -> tuple[Interface, ...]:
        """The interfaces that are up, loopback included."""

    async def gateways(self) -> tuple[Gateway, ...]:
        """Default gateways, best first; empty where there is none or the system does not tell."""

    async def stirred(self, timeout_s: float) -> None:
        """Returns when links, addresses or routes may have changed, after `timeout_s` at the latest."""

    async def metered(self) -> dict[str, bool]:
        """Interfaces of which the system says that data costs money there, or that it does not."""

    async def firewall(self) -> HostFirewall | None:
        """The firewall of this computer; None where it cannot be read."""

    async def web_proxy(self) -> str | None:
        """`host:port` of the web proxy that the system is set to use; None without one."""
