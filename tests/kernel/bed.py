"""The bed: an internet with STUN servers, and sites behind NATs of the kernel.

    client 10.0.n.2 --- lan [gateway] wan --- br0 [internet] 203.0.113.1, .10, .11, .20, .30, .40
    client 10.0.n.2 --- lan [gateway] wan 100.64.n.2 --- lan [carrier] wan --- br0

A site's gateway has 203.0.113.(101+n) on `wan` (with a carrier: the carrier has it). Clients of the kinds
without translation live in 198.51.100.(4n)/30. Nothing has an uplink; what the internet does not know, it
swallows. Addresses are those of RFC 5737 and RFC 6598.
"""

import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from tests.kernel.namespaces import BedError, Host
from tests.kernel.nat_rules import ROUTED, ruleset

STUN_PORT = 3478
FULL_SERVER = "203.0.113.10"
"""RFC 5780: answers CHANGE-REQUEST, its other address is 203.0.113.11:3479. It is a TURN server too."""
FULL_SERVER_OTHER = "203.0.113.11"
PLAIN_SERVERS = ("203.0.113.20", "203.0.113.30")
"""STUN servers with one address: they prove mapping, never filtering."""
SERVERS = tuple(f"stun:{host}" for host in (FULL_SERVER, *PLAIN_SERVERS))
SPARE = "203.0.113.40"
"""An address of the internet on which nothing listens: tests bind what they need there."""
TURN_USER, TURN_PASSWORD, TURN_REALM = "u", "p", "lab"
SITES = 64

BRIDGE_ADDRESS = "02:00:00:00:00:01"
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000


class Wire:
    """A pair of TAPs and the process that carries frames between them, late or not at all.

    `wire.py` tells how. The TAPs stay while the delay or loss changes.
    """

    def __init__(self, host: Host, taps: tuple[int, int], log: Path) -> None:
        self._host, self._taps, self._log = host, taps, log
        self._process: subprocess.Popen[bytes] | None = None

    def set(self, *, delay_s: float = 0.0, loss: float = 0.0, seed: int = 0) -> None:
        """Carries frames with this one-way delay and this loss of IP packets, each way."""
        self.cut()
        program = [sys.executable, "-S", os.fspath(Path(__file__).with_name("wire.py"))]
        arguments = [*map(str, self._taps), str(delay_s), str(loss), str(seed)]
        for tap in self._taps:
            os.set_inheritable(tap, True)
        with self._log.open("wb") as output:
            self._process = self._host.do(
                subprocess.Popen,
                ["setpriv", "--pdeathsig", "KILL", *program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=self._taps,
            )
        wait_until(lambda: b"ready" in self._log.read_bytes(), "the wire did not start", self._log)

    def cut(self) -> str:
        """Stops carrying frames; gives the wire's own counters."""
        if self._process:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(3)
            self._process = None
            return self._log.read_text()
        return ""

    def close(self) -> None:
        """Removes both TAPs."""
        self.cut()
        for tap in self._taps:
            os.close(tap)


class Gateway:
    """A router with `lan` and `wan`; `inside` and `outside` are its own addresses."""

    def __init__(self, name: str, inside: str, outside: str) -> None:
        self.inside, self.outside = inside, outside
        self.host = Host(name)
        _route(self.host, "lan", inside)

    def set(self, kind: str, *, hairpin: bool, idle_s: int) -> None:
        """Becomes a NAT of that kind; forgets every mapping. A mapping lives `idle_s` without traffic."""
        self.host.call("nft", "-f", "-", text=ruleset(kind, self.outside, hairpin=hairpin, idle_s=idle_s))
        self.host.sysctl(
            netfilter__nf_conntrack_udp_timeout=idle_s, netfilter__nf_conntrack_udp_timeout_stream=idle_s
        )
        self.forget()

    def forget(self) -> None:
        """Loses every mapping, as a router does that starts again."""
        self.host.call("conntrack", "-F")


class Site:
    """A client, the NATs in front of it, and the line to the internet."""

    client: Host
    home: Gateway
    carrier: Gateway | None = None
    wire: Wire | None = None

    def __init__(self, number: int) -> None:
        self.number = number
        self.public = f"203.0.113.{101 + number}"
        self.lan_host, self._lan_gateway = f"10.0.{number}.2", f"10.0.{number}.1"
        self.routed_host = f"198.51.100.{4 * number + 2}"
        self._routed_gateway = f"198.51.100.{4 * number + 1}"
        self._routed: bool | None = None
        self._hosts: list[Host] = []

    def lay(self, bed: "Bed", *, carrier: bool, wire: bool) -> None:
        """Builds it, from the client to the internet. On an error `close` removes what there is."""
        number = self.number
        self.client = self._add(Host(f"client{number}"))
        between = f"100.64.{number}.2"
        self.home = edge = Gateway(f"home{number}", self._lan_gateway, between if carrier else self.public)
        self._add(self.home.host)
        _cable(self.client, "eth0", self.home.host, "client", bridge="lan")
        if carrier:
            self.carrier = edge = Gateway(f"carrier{number}", f"100.64.{number}.1", self.public)
            self._add(edge.host)
            _cable(self.home.host, "wan", edge.host, "home", bridge="lan")
            self.home.host.ip(f"addr add {between}/24 dev wan", f"route add default via {edge.inside}")
        if wire:
            taps = edge.host.do(tap, "wan"), bed.internet.do(tap, f"site{number}")
            self.wire = Wire(edge.host, taps, bed.directory / f"wire{number}.log")
            edge.host.ip("link set wan up")
            bed.internet.ip(f"link set site{number} up master br0")
            self.wire.set()
        else:
            _cable(edge.host, "wan", bed.internet, f"site{number}", bridge="br0")
        # One address, one hardware address, also for the next site of this number: neighbours remember.
        edge.host.ip(f"link set wan address 02:00:00:00:01:{number:02x}")
        edge.host.ip(f"addr add {self.public}/24 dev wan", f"route add default via {Bed.ROUTER}")
        bed.internet.ip(f"route replace 198.51.100.{4 * number}/30 via {self.public}")

    def _add(self, host: Host) -> Host:
        self._hosts.insert(0, host)
        return host

    def set(
        self, kind: str, *, hairpin: bool = False, carrier: str = "port-restricted", idle_s: int = 30
    ) -> None:
        """Puts the client behind a NAT of `kind` (and, where there is one, a carrier's of kind `carrier`).

        Every mapping is lost. `idle_s` is how long a mapping lives without traffic.
        """
        if self.carrier:
            if kind in ROUTED:
                raise ValueError(f"{kind} needs a public address: not behind a carrier's NAT")
            self.carrier.set(carrier, hairpin=hairpin, idle_s=idle_s)
        self.home.set(kind, hairpin=hairpin, idle_s=idle_s)
        self._address_client(routed=kind in ROUTED)

    def _address_client(self, *, routed: bool) -> None:
        if routed == self._routed:
            return
        self._routed = routed
        host, length, gateway = (
            (self.routed_host, 30, self._routed_gateway) if routed else (self.lan_host, 24, self._lan_gateway)
        )
        self.home.host.ip("addr flush dev lan", f"addr add {gateway}/{length} dev lan")
        self.client.ip(
            "addr flush dev eth0",
            f"addr add {host}/{length} dev eth0",
            "link set eth0 up",
            f"route add default via {gateway}",
            "route add 239.0.0.0/8 dev eth0",
        )

    @property
    def client_host(self) -> str:
        """The client's own address."""
        return self.routed_host if self._routed else self.lan_host

    @property
    def public_host(self) -> str:
        """The address that servers see."""
        return self.routed_host if self._routed else self.public

    def add_neighbour(self) -> Host:
        """A second client (10.0.n.3) on the same LAN, behind a translating NAT. It ends with the site."""
        neighbour = self._add(Host(f"neighbour{self.number}"))
        _cable(neighbour, "eth0", self.home.host, "neighbour", bridge="lan")
        neighbour.ip(
            f"addr add 10.0.{self.number}.3/24 dev eth0", f"route add default via {self._lan_gateway}"
        )
        return neighbour

    def close(self) -> None:
        """Removes the site. May be called twice."""
        if self.wire:
            self.wire.close()
            self.wire = None
        for host in self._hosts:
            host.close()


class Bed:
    """The internet, its servers, and the sites. `a` and `b` are two sites for pairs."""

    ROUTER = "203.0.113.1"

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.sites: dict[int, Site] = {}
        self.internet = Host("internet")
        try:
            self._lay_internet()
            self._start_servers()
            self.a, self.b = self.add_site(), self.add_site()
        except BaseException:
            self.close()
            raise

    def _lay_internet(self) -> None:
        hosts = (self.ROUTER, FULL_SERVER, FULL_SERVER_OTHER, *PLAIN_SERVERS, SPARE)
        _route(self.internet, "br0", *hosts)
        self.internet.ip(
            # A black hole: coturn gives up an allocation when the system has no route to a peer.
            "route add default via 203.0.113.254 src " + self.ROUTER,
            "neigh add 203.0.113.254 lladdr 02:00:00:00:00:fe dev br0 nud permanent",
        )

    def _start_servers(self) -> None:
        common = ["turnserver", "-n", "--no-cli", "-l", "stdout", "--simple-log", "--no-tls", "--no-dtls"]
        servers: dict[str, list[str]] = {
            FULL_SERVER: [
                *("--lt-cred-mech", "--user", f"{TURN_USER}:{TURN_PASSWORD}", "--realm", TURN_REALM),
                *("--listening-ip", FULL_SERVER, "--relay-ip", FULL_SERVER),
                *("--listening-ip", FULL_SERVER_OTHER, "--relay-ip", FULL_SERVER_OTHER),
                *("--min-port", "49152", "--max-port", "49999"),
            ]
        }
        for host in PLAIN_SERVERS:
            servers[host] = ["--stun-only", "--listening-ip", host]
        logs = {}
        for host, options in servers.items():
            files = ["--pidfile", f"{self.directory}/{host}.pid", "-b", f"{self.directory}/{host}.db"]
            logs[host] = self.directory / f"{host}.log"
            self.internet.start([*common, *files, *options], logs[host])
        for host, log in logs.items():
            wait_until(lambda host=host: self._answers(host), f"the STUN server {host} did not start", log)  # type: ignore[misc]

    def _answers(self, host: str) -> bool:
        request = struct.pack(">HHI", 0x0001, 0, 0x2112A442) + os.urandom(12)
        with self.internet.do(socket.socket, socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.2)
            probe.sendto(request, (host, STUN_PORT))
            try:
                return probe.recv(1500)[8:20] == request[8:]
            except OSError:
                return False

    def add_site(self, *, carrier: bool = False, wire: bool = False) -> Site:
        """Builds one more site; `Site.set` then gives it a NAT."""
        number = next((n for n in range(SITES) if n not in self.sites), None)
        if number is None:
            raise BedError(f"the bed has room for {SITES} sites")
        site = self.sites[number] = Site(number)
        try:
            site.lay(self, carrier=carrier, wire=wire)
        except BaseException:
            self.remove_site(site)
            raise
        return site

    def remove_site(self, site: Site) -> None:
        """Takes a site away again."""
        del self.sites[site.number]
        site.close()
        # The kernel clears a dead namespace away when it has the time; the next site may want the name now.
        self.internet.call("ip", "link", "del", f"site{site.number}", check=False)

    def close(self) -> None:
        """Removes everything. May be called twice."""
        for site in self.sites.values():
            site.close()
        self.internet.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def wait_until(condition: Callable[[], bool], otherwise: str, log: Path, timeout_s: float = 10) -> None:
    """Polls until `condition` holds. Raises BedError with the end of `log` after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            told = " / ".join(log.read_text(errors="replace").splitlines()[-3:]) if log.exists() else "no log"
            raise BedError(f"{otherwise} within {timeout_s:g} s: {told}")
        time.sleep(0.02)


def _route(host: Host, bridge: str, *addresses: str) -> None:
    """Makes `host` a router with a bridge that has these addresses."""
    host.ip(
        # Without an address of its own a bridge takes another one whenever a port joins or leaves.
        f"link add {bridge} address {BRIDGE_ADDRESS} type bridge forward_delay 0",
        *(f"addr add {address}/24 dev {bridge}" for address in addresses),
        f"link set {bridge} up",
    )
    host.sysctl(
        ipv6__conf__all__disable_ipv6=1,
        ipv6__conf__default__disable_ipv6=1,
        ipv4__ip_forward=1,
        ipv4__icmp_ratelimit=0,  # or whether a refusal is told would depend on when the last one was
        ipv4__conf__all__send_redirects=0,
        **{f"ipv4__conf__{bridge}__send_redirects": 0},
    )
    if Path("/proc/sys/net/bridge").exists():  # else a bridge would pass packets by the routing and its NAT
        host.sysctl(**{"bridge__bridge-nf-call-iptables": 0})


def _cable(one: Host, one_name: str, other: Host, other_name: str, *, bridge: str) -> None:
    """A veth pair; its far end joins a bridge of `other`."""
    one.ip(
        f"link add {one_name} type veth peer name {other_name} netns {other.thread_id}",
        f"link set {one_name} up",
    )
    other.ip(f"link set {other_name} up master {bridge}")


def tap(name: str) -> int:
    """A TAP in this thread's namespace; it lives as long as the file descriptor."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    except OSError:
        os.close(device)
        raise
    return device
