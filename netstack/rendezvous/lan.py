"""Notes within a local network: the host is found by mDNS, or its address is typed in; the notes go by UDP.

    0x72 | length u8 | mailbox | echo 8 | cookie 8 | note

Each side hands a cookie to each address and gets it echoed: until then it sends there at most three times the bytes that came
from it, so that a forged source gains nothing.
"""

import asyncio
import hmac
from collections import OrderedDict
from contextlib import suppress

from zeroconf import Error as ZeroconfError
from zeroconf import IPVersion, ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from netstack.core.rendezvous_uri import LAN_PORT, RendezvousUri
from netstack.errors import NetError
from netstack.model.address import Address, Family, Scope, scope
from netstack.model.meeting import Role, Way, WayState
from netstack.net.protocol import DatagramEndpoint, Net
from netstack.rendezvous.driver import Driver, DriverFailedError, Receive, first_of

SERVICE = "_peerscope._udp.local."
MAGIC = 0x72
COOKIE_BYTES = 8
MAX_REMOTES = 8
LOOK_S = 2.0
HINT_AFTER_LOOKS = 3
UNPROVED_FACTOR = 3
MAX_DATAGRAM = 8192

NOT_FOUND = (
    "Nobody with this number is found on this network yet. Guest networks, VPNs and firewalls often hide computers "
    "from each other: then type the other's address, or meet another way."
)


class _Remote:
    """Somebody's address: what came and went, the cookie it gave us, and whether it has echoed ours."""

    def __init__(self, *, proved: bool = False) -> None:
        self.proved = proved
        self.theirs = bytes(COOKIE_BYTES)
        self.received = 0
        self.sent = 0


class LanDriver(Driver):
    """A way through the local network. `interfaces` narrows mDNS to those addresses of ours (all by default)."""

    way = Way.LAN

    def __init__(self, net: Net, uri: RendezvousUri, *, interfaces: tuple[str, ...] = ()) -> None:
        super().__init__(str(uri))
        self._net = net
        self._uri = uri
        self._interfaces = list(interfaces)
        self._secret = net.random_bytes(32)
        self._remotes: OrderedDict[Address, _Remote] = OrderedDict()
        self._endpoint: DatagramEndpoint | None = None
        self._mailbox = b""
        self._receive: Receive | None = None
        self._somebody = asyncio.Event()

    @property
    def local(self) -> Address | None:
        """Where it is bound; None while it is not."""
        return self._endpoint.local if self._endpoint else None

    async def _carry(self, mailbox: str, role: Role, receive: Receive) -> None:
        self._mailbox, self._receive = mailbox.encode("ascii"), receive
        try:
            targets = await self._targets() if role is Role.GUEST else []
            family = targets[0].family if targets else Family.IPV4
            self._endpoint = await self._bind(role, family)
        except NetError as error:
            raise DriverFailedError(error.sentence) from error
        for target in targets:
            self._remotes[target] = _Remote(proved=True)
            self._somebody.set()
        try:
            if targets:
                self._ready(f"asking {targets[0]}")
                await self._send_all(self._post)
            else:
                await first_of(self._meet(mailbox, role), self._send_all(self._post))
        finally:
            self._endpoint.close()
            self._endpoint = None
            self._remotes.clear()
            self._somebody.clear()

    async def _targets(self) -> list[Address]:
        if not self._uri.host:
            return []
        hosts = await self._net.resolve(self._uri.host)
        return [Address(host, self._uri.port) for host in hosts[:1]]

    async def _bind(self, role: Role, family: Family) -> DatagramEndpoint:
        """The host takes the known port where it is free, so that an address is all that must be typed."""
        anywhere = "::" if family is Family.IPV6 else "0.0.0.0"  # noqa: S104
        if role is Role.HOST:
            with suppress(NetError):
                return await self._net.open_datagram(
                    self, local=Address(anywhere, self._uri.port or LAN_PORT)
                )
        return await self._net.open_datagram(self, local=Address(anywhere, 0))

    async def _meet(self, mailbox: str, role: Role) -> None:
        try:
            zeroconf = (
                AsyncZeroconf(interfaces=self._interfaces, ip_version=IPVersion.V4Only)
                if self._interfaces
                else AsyncZeroconf(ip_version=IPVersion.V4Only)
            )
        except (OSError, ZeroconfError) as error:
            raise DriverFailedError(f"This network or system allows no search (mDNS: {error}).") from error
        try:
            if role is Role.HOST:
                await self._advertise(zeroconf, mailbox)
            else:
                await self._look(zeroconf, mailbox)
        except (OSError, ZeroconfError) as error:
            raise DriverFailedError(f"The search on this network failed ({error}).") from error
        finally:
            await zeroconf.async_close()

    async def _advertise(self, zeroconf: AsyncZeroconf, mailbox: str) -> None:
        hosts = self._interfaces or await self._own_hosts()
        if not hosts or self._endpoint is None:
            raise DriverFailedError("This computer has no address on a local network.")
        port = self._endpoint.local.port
        info = ServiceInfo(
            SERVICE,
            f"{mailbox}.{SERVICE}",
            port=port,
            parsed_addresses=hosts,
            server=f"peerscope-{mailbox}.local.",  # not this computer's name: that is nobody's business
        )
        announced = await zeroconf.async_register_service(info)
        self._ready(f"to be found on this network, or at {Address(hosts[0], port)}")
        try:
            await announced
            await asyncio.Event().wait()
        finally:
            await (await zeroconf.async_unregister_service(info))

    async def _look(self, zeroconf: AsyncZeroconf, mailbox: str) -> None:
        looks = 0
        while True:
            info = await zeroconf.async_get_service_info(
                SERVICE, f"{mailbox}.{SERVICE}", timeout=int(1000 * LOOK_S)
            )
            if info is not None and info.port:
                for host in info.parsed_addresses(IPVersion.V4Only)[:4]:
                    self._remotes.setdefault(Address(host, info.port), _Remote(proved=True))
                self._somebody.set()
                self._ready(f"found at {next(iter(self._remotes))}" if self._remotes else "found")
                await asyncio.Event().wait()
            looks += 1
            if looks == HINT_AFTER_LOOKS:
                self._tell(WayState.OPENING, NOT_FOUND)

    async def _own_hosts(self) -> list[str]:
        reach = {Scope.PRIVATE, Scope.PUBLIC, Scope.LINK_LOCAL, Scope.SHARED}
        found = [host for interface in await self._net.interfaces() for host in interface.hosts]
        return [host for host in found if ":" not in host and scope(host) in reach][:8]

    async def _post(self, note: bytes) -> None:
        await self._somebody.wait()
        for address, remote in tuple(self._remotes.items()):
            head = bytes((MAGIC, len(self._mailbox))) + self._mailbox + remote.theirs + self._cookie(address)
            data = head + note
            if not remote.proved and remote.sent + len(data) > UNPROVED_FACTOR * remote.received:
                self._drop()
                continue
            remote.sent += len(data)
            if self._endpoint is not None:
                with suppress(NetError):  # it is repeated, and another address may do
                    self._endpoint.send(data, address)

    def _cookie(self, address: Address) -> bytes:
        return hmac.digest(self._secret, str(address).encode(), "sha256")[:COOKIE_BYTES]

    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        """Takes a note for our mailbox."""
        start = 2 + len(self._mailbox)
        head = bytes((MAGIC, len(self._mailbox))) + self._mailbox
        body = start + 2 * COOKIE_BYTES
        if not data.startswith(head) or not body < len(data) <= MAX_DATAGRAM or self._receive is None:
            self._drop()
            return
        known = self._remotes.get(remote)
        if known is None:
            known = self._remotes[remote] = _Remote()
            self._forget_one()
            self._somebody.set()
        self._remotes.move_to_end(remote)
        known.received += len(data)
        known.theirs = data[start + COOKIE_BYTES : body]
        known.proved |= hmac.compare_digest(data[start : start + COOKIE_BYTES], self._cookie(remote))
        self._take(data[body:], self._receive)

    def _forget_one(self) -> None:
        """Strangers cannot push out who has proved its address."""
        if len(self._remotes) > MAX_REMOTES:
            unproved = (address for address, remote in self._remotes.items() if not remote.proved)
            del self._remotes[next(unproved, next(iter(self._remotes)))]

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        """Nobody listens there yet: notes are repeated."""
