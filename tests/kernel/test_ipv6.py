"""Two with IPv6 from their providers, behind stateful firewalls: direct, whatever their IPv4 is like; and what they are told
whose IP versions do not meet.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from netstack.core.identity import Identity
from netstack.core.rendezvous_uri import RendezvousUri
from netstack.core.session_code import SessionCode
from netstack.model.address import Address
from netstack.model.config import TurnServer
from netstack.model.meeting import Role, Way
from netstack.model.pair import PairCause, PairRoute, PairVerdict
from netstack.net.system import SystemNet
from netstack.rendezvous.websocket import WebSocketDriver
from netstack.service.attempt import Attempt, Met
from netstack.service.peer_book import PeerBook
from netstack.service.peers import Peers
from netstack.service.rendezvous_host import RendezvousHost
from netstack.service.traversal import TraversalError
from tests.kernel.bed import wait_until
from tests.kernel.namespaces import Host
from tests.kernel.nat_rules import ruleset

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(90)]

PORT = 21_085
RELAY = TurnServer("turn:relay.example", "u", "p")
OLD, NEW = "203.0.113.{}", "2001:db8::{}"
FIREWALL = """
table ip6 wall {
  chain forw { type filter hook forward priority 0; policy accept;
    ct state established,related accept
    meta l4proto icmpv6 accept
    iifname "wan" drop
  }
}
"""


class Home:
    """A client with both IP versions, or one, behind a router with a NAT for IPv4 and a firewall for IPv6."""

    def __init__(self, number: int, internet: Host, stack: ExitStack) -> None:
        self.number = number
        self.router = stack.enter_context(Host(f"router6-{number}"))
        self.client = stack.enter_context(Host(f"client6-{number}"))
        outside = 100 + number
        for one, name, other, port in (
            (self.router, "wan", internet, f"home{number}"),
            (self.client, "eth0", self.router, "lan"),
        ):
            one.ip(
                f"link add {name} type veth peer name {port} netns {other.thread_id}", f"link set {name} up"
            )
        internet.ip(f"link set home{number} up master br0")
        self.router.ip(
            "link set lan up",
            f"addr add {OLD.format(outside)}/24 dev wan",
            f"addr add {NEW.format(outside)}/64 dev wan nodad",
            f"addr add 10.0.{number}.1/24 dev lan",
            f"addr add 2001:db8:{number}::1/64 dev lan nodad",
            f"route add default via {OLD.format(1)}",
            f"route add default via {NEW.format(1)}",
        )
        self.router.sysctl(ipv4__ip_forward=1, ipv6__conf__all__forwarding=1)
        internet.ip(f"route add 2001:db8:{number}::/64 via {NEW.format(outside)}")
        self.router.call("nft", "-f", "-", text=ruleset("symmetric", OLD.format(outside)) + FIREWALL)

    def give(self, *, ipv4: bool, ipv6: bool) -> None:
        """The addresses that the client has from now on."""
        self.client.ip("addr flush dev eth0 scope global")
        if ipv4:
            self.client.ip(
                f"addr add 10.0.{self.number}.2/24 dev eth0",
                f"route replace default via 10.0.{self.number}.1",
            )
        if ipv6:
            self.client.ip(
                f"addr add 2001:db8:{self.number}::2/64 dev eth0 nodad",
                f"route replace default via 2001:db8:{self.number}::1",
            )


@pytest.fixture(scope="module")
def homes(bed: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Home]]:
    """An internet of both versions with our rendezvous and coturn, and two homes on it."""
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        done = asyncio.Event()
        server = RendezvousHost(Address("", PORT))
        await server.open()
        loops.append((asyncio.get_running_loop(), done))
        await done.wait()
        await server.close()

    with ExitStack() as stack:
        internet = stack.enter_context(Host("internet6"))
        internet.ip(
            "link add br0 type bridge forward_delay 0",
            "link set br0 up",
            f"addr add {OLD.format(1)}/24 dev br0",
            f"addr add {NEW.format(1)}/64 dev br0 nodad",
        )
        internet.sysctl(ipv4__ip_forward=1, ipv6__conf__all__forwarding=1)
        log = tmp_path_factory.mktemp("ipv6") / "turnserver.log"
        hosts = [
            f"--{what}={host}"
            for what in ("listening-ip", "relay-ip")
            for host in (OLD.format(1), NEW.format(1))
        ]
        user = ("--lt-cred-mech", f"--user={RELAY.username}:{RELAY.password}", "--realm=lab")
        files = (
            f"--pidfile={log.parent}/pid",
            f"--db={log.parent}/db",
            "-n",
            "--no-cli",
            "--log-file=stdout",
            "--simple-log",
        )
        internet.start(["turnserver", *files, "--no-tls", "--no-dtls", *user, *hosts], log)
        wait_until(lambda: b"IO method" in log.read_bytes(), "coturn did not start", log)
        made = Home(1, internet, stack), Home(2, internet, stack)
        machine = stack.enter_context(Host("mailboxes6", beside=internet))
        serving = machine.begin(serve(), timeout_s=90)
        while not loops:
            time.sleep(0.01)
        yield made
        loop, done = loops[0]
        loop.call_soon_threadsafe(done.set)
        serving.result()


async def _meet(
    role: Role, code: SessionCode, server: str, number: int, *, relay: bool
) -> tuple[Met | None, PairVerdict | None]:
    net = SystemNet()
    here = Peers(
        net,
        Identity(bytes((number,)) * 32),
        PeerBook(),
        name=role.value,
        turn=[
            TurnServer(
                f"turn:[{server}]" if ":" in server else f"turn:{server}", RELAY.username, RELAY.password
            )
        ]
        if relay
        else (),
    )
    attempt = Attempt()
    met = None
    try:
        met = await here.meet(
            role, code, [WebSocketDriver(RendezvousUri(Way.WEBSOCKET, server, PORT))], attempt
        )
        if role is Role.GUEST:
            await met.connection.send(b"hello" * 1000, wait=True)
        else:
            assert (await met.connection.receive()).data == b"hello" * 1000
    except TraversalError:
        pass
    finally:
        await here.close()
    return met, attempt.verdict(None if met is None else met.reached)


def _both(homes: tuple[Home, Home], *, relay: bool = False) -> list[tuple[Met | None, PairVerdict | None]]:
    code = SessionCode.make(SystemNet().random_bytes)
    asked = []
    for number, (home, role) in enumerate(zip(homes, (Role.HOST, Role.GUEST), strict=True), 1):
        has_ipv4 = b"10.0." in home.client.call("ip", "-4", "addr").stdout.encode()
        server = (OLD if has_ipv4 else NEW).format(1)
        asked.append(home.client.begin(_meet(role, code, server, number, relay=relay)))
    return [each.result() for each in asked]


@pytest.mark.parametrize("ipv4", [False, True])
def test_ipv6_is_direct_through_two_firewalls(homes: tuple[Home, Home], ipv4: bool) -> None:
    for home in homes:
        home.give(ipv4=ipv4, ipv6=True)
    for met, _ in _both(homes):
        assert met is not None
        print(f"{met.reached.transport} at {met.reached.remote} in {met.reached.connect_s * 1000:.0f} ms")
        assert met.reached.kind == "direct"
        assert met.reached.remote.startswith("[2001:db8:")


@pytest.mark.parametrize("relay", [True, False])
def test_who_has_ipv4_alone_and_who_has_ipv6_alone_are_told(homes: tuple[Home, Home], relay: bool) -> None:
    homes[0].give(ipv4=True, ipv6=False)
    homes[1].give(ipv4=False, ipv6=True)
    for met, verdict in _both(homes, relay=relay):
        assert verdict is not None
        print(verdict.sentence, verdict.remedy)
        assert (met is not None) == relay
        assert (verdict.cause, verdict.actual) == (
            PairCause.NO_COMMON_IP,
            PairRoute.RELAY if relay else PairRoute.NONE,
        )
