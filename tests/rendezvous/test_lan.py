"""The direct address over loopback, and mDNS bound to loopback alone."""

import random

from netstack.core.rendezvous_uri import RendezvousUri
from netstack.model.address import Address
from netstack.model.meeting import Role, Way, WayState
from netstack.net.system import SystemNet
from netstack.rendezvous.lan import COOKIE_BYTES, MAGIC, MAX_REMOTES, LanDriver
from tests.rendezvous.conftest import MAILBOX, Inbox, running

LOOPBACK = ("127.0.0.1",)


def mailbox() -> str:
    """One that no other test run on this computer advertises."""
    return str(random.SystemRandom().randrange(100_000, 1_000_000))


async def test_the_host_is_found_by_its_number() -> None:
    name = mailbox()
    host = LanDriver(SystemNet(), RendezvousUri(Way.LAN), interfaces=LOOPBACK)
    guest = LanDriver(SystemNet(), RendezvousUri(Way.LAN), interfaces=LOOPBACK)
    async with running(host, guest, mailbox=name) as (first, second):
        await first.until(lambda: host.health.state is WayState.READY)
        guest.send(b"hello")
        await first.until(lambda: first.notes == [b"hello"])
        host.send(b"offer")
        await second.until(lambda: second.notes == [b"offer"])
        assert guest.health.text.startswith("found at 127.0.0.1:")


async def test_a_number_that_nobody_has_is_told_with_what_to_do(monkeypatch) -> None:
    from netstack.rendezvous import lan

    monkeypatch.setattr(lan, "LOOK_S", 0.1)
    guest = LanDriver(SystemNet(), RendezvousUri(Way.LAN), interfaces=LOOPBACK)
    async with running(guest, mailbox=mailbox(), roles=(Role.GUEST,)) as (inbox,):
        await inbox.until(lambda: guest.health.text == lan.NOT_FOUND)


async def test_an_address_is_enough() -> None:
    host = LanDriver(SystemNet(), RendezvousUri(Way.LAN), interfaces=LOOPBACK)
    async with running(host) as (first,):
        await first.until(lambda: host.health.state is WayState.READY)
        guest = LanDriver(SystemNet(), RendezvousUri(Way.LAN, "127.0.0.1", host.local.port))
        async with running(guest, roles=(Role.GUEST,)) as (second,):
            guest.send(b"hello")
            await first.until(lambda: first.notes == [b"hello"])
            host.send(b"offer")
            await second.until(lambda: second.notes == [b"offer"])
            guest.send(b"x")  # echoes the cookie: from here on the host may send as much as it likes
            await first.until(lambda: len(first.notes) == 2)
            host.send(bytes(4096))
            await second.until(lambda: len(second.notes) == 2)


class Stranger(Inbox):
    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        self.take(data)

    def datagram_failed(self, error: Exception, remote: Address | None) -> None:
        pass


def datagram(name: bytes, note: bytes) -> bytes:
    return bytes((MAGIC, len(name))) + name + bytes(2 * COOKIE_BYTES) + note


async def test_a_forged_source_gains_no_more_than_three_times_what_it_costs() -> None:
    net, stranger = SystemNet(), Stranger()
    host = LanDriver(net, RendezvousUri(Way.LAN), interfaces=LOOPBACK)
    endpoint = await net.open_datagram(stranger, local=Address("127.0.0.1", 0))
    async with running(host) as (inbox,):
        await inbox.until(lambda: host.health.state is WayState.READY)
        asked = datagram(MAILBOX.encode(), b"1234567890")
        endpoint.send(asked, Address("127.0.0.1", host.local.port))
        await inbox.until(lambda: len(inbox.notes) == 1)
        for number in range(12):
            host.send(bytes((number,)) * 42)
            host.send(bytes((number,)) * 3000)
        await inbox.until(lambda: host.health.dropped > 20)
        await stranger.until(lambda: bool(stranger.notes))
        assert sum(map(len, stranger.notes)) <= 3 * len(asked)
    endpoint.close()


async def test_other_mailboxes_rubbish_and_crowds_are_dropped() -> None:
    net = SystemNet()
    host = LanDriver(net, RendezvousUri(Way.LAN), interfaces=LOOPBACK)
    strangers = [await net.open_datagram(Stranger(), local=Address("127.0.0.1", 0)) for _ in range(12)]
    async with running(host) as (inbox,):
        await inbox.until(lambda: host.health.state is WayState.READY)
        door = Address("127.0.0.1", host.local.port)
        for data in (b"", b"\x72", datagram(b"482916", b"x"), datagram(MAILBOX.encode(), b""), bytes(9000)):
            strangers[0].send(data, door)
        for stranger in strangers:
            stranger.send(datagram(MAILBOX.encode(), b"crowd"), door)
        await inbox.until(lambda: len(inbox.notes) == len(strangers))
        assert len(host._remotes) <= MAX_REMOTES
        assert set(inbox.notes) == {b"crowd"}
    for stranger in strangers:
        stranger.close()
