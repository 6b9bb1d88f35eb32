"""The Node: what the window sees of a check, and that it ends cleanly."""

import asyncio
import logging
from typing import ClassVar

import pytest

from netstack.config import load_config
from netstack.errors import InputError
from netstack.model.address import Address, Family
from netstack.model.config import Config, TurnServer
from netstack.model.snapshot import Snapshot
from netstack.net.protocol import Gateway, Interface, LinkKind
from netstack.net.system import SystemNet
from netstack.node import Node
from netstack.server.stun import Behaviour, StunServer
from tests.service.loopback import serving
from tests.service.test_nat import _port


async def test_a_check_is_seen_from_its_start_to_its_report() -> None:
    server = StunServer(Address("127.0.0.1", _port()))
    node = Node(SystemNet(), Config(stun=(f"stun:{server.address}",)))
    await node.start()
    seen: list[Snapshot] = []
    node.subscribe(seen.append)
    async with serving(server):
        report = await node.check_nat()
    await asyncio.sleep(0.15)
    assert node.snapshot.nat.report == report
    assert not node.snapshot.nat.running
    assert any(snapshot.nat.running for snapshot in seen)
    await node.close()
    await node.close()


async def test_a_cancelled_check_leaves_its_partial_report_and_is_not_running() -> None:
    server = StunServer(Address("127.0.0.1", _port()), behaviour=Behaviour.SILENT)
    node = Node(SystemNet(), Config(stun=(f"stun:{server.address}",)))
    async with serving(server):
        check = asyncio.ensure_future(node.check_nat())  # noqa: TID251
        await asyncio.sleep(0.05)
        assert node.snapshot.nat.running
        check.cancel()
        with pytest.raises(asyncio.CancelledError):
            await check
    assert not node.snapshot.nat.running
    assert node.snapshot.nat.report is not None
    assert node.snapshot.nat.report.failure == "cancelled"
    await node.close()


async def test_servers_are_checked_before_they_are_kept() -> None:
    node = Node(SystemNet(), Config(stun=("stun:127.0.0.1",)))
    with pytest.raises(InputError):
        node.set_stun_servers(("stun:a b",))
    assert node.snapshot.nat.servers == ("stun:127.0.0.1",)
    node.set_stun_servers(("stun:127.0.0.2",))
    assert node.snapshot.nat.servers == ("stun:127.0.0.2",)
    await node.close()


async def test_the_log_of_the_stack_reaches_the_snapshot() -> None:
    node = Node(SystemNet(), Config(stun=("stun:127.0.0.1",)))
    await node.start()
    logging.getLogger("netstack.test").setLevel(logging.INFO)
    logging.getLogger("netstack.test").info("hello")
    await asyncio.sleep(0.01)
    assert [line.text for line in node.snapshot.log] == ["hello"]
    await node.close()


async def test_settings_are_used_at_once_and_kept(tmp_path) -> None:
    path = tmp_path / "peerscope.toml"
    node = Node(SystemNet(), Config(stun=("stun:127.0.0.1",)), settings_file=path)
    path.write_text('stun = ["stun:127.0.0.1"]\n', "utf-8")
    await node.settings.read_again()
    await node.start()
    await node.choose_stun_servers(("stun:127.0.0.2",))
    await node.settings.change("turn", (TurnServer("turn:127.0.0.3", "ana", "hush"),))
    await node.choose_hidden(True)
    await node.settings.change("rendezvous", ("lan",))
    await node.settings.change("metrics", "127.0.0.1:0")
    await asyncio.sleep(0.15)
    snapshot = node.snapshot
    assert snapshot.nat.servers == ("stun:127.0.0.2",)
    assert [server.uri for server in snapshot.turn.servers] == ["turn:127.0.0.3"]
    assert snapshot.peers.hidden
    assert snapshot.peers.ways == ("lan",)
    assert node.metrics.place is not None
    assert "hush" not in repr(snapshot)
    assert load_config(path) == node.settings.config
    await node.settings.undo()
    assert node.metrics.place is None
    await node.close()


class _Phone(SystemNet):
    """A network of which the system says nothing at first."""

    told: ClassVar[dict[str, bool]] = {}

    async def interfaces(self) -> tuple[Interface, ...]:
        loopback = Interface("lo", LinkKind.LOOPBACK, ("127.0.0.1",))
        ranges = ("192.0.2.0/24", "fe80::/64")
        return loopback, Interface("wlan0", LinkKind.WIFI, ("192.0.2.7", "fe80::7%2"), networks=ranges)

    async def gateways(self) -> tuple[Gateway, ...]:
        return (Gateway("192.0.2.1", "wlan0", Family.IPV4),)

    async def metered(self) -> dict[str, bool]:
        return self.told


async def test_a_network_costs_money_once_the_user_or_the_system_says_so(tmp_path) -> None:
    net = _Phone()
    node = Node(net, Config(stun=("stun:127.0.0.1",)), settings_file=tmp_path / "peerscope.toml")
    await node.settings.read_again()
    await node.start()
    await asyncio.sleep(0.15)
    [here] = node.snapshot.networks
    assert (here.network, here.metered, here.leads) == ("192.0.2.0/24", None, True)
    await node.choose_metered(here.network, True)
    assert node.settings.config.metered == ("192.0.2.0/24",)
    assert node.metered.is_metered("192.0.2.7")
    assert node.metered.is_metered("")
    await node.choose_metered(here.network, False)
    assert node.settings.config.metered == ()
    assert not node.metered.is_metered("192.0.2.7")
    net.told["wlan0"] = True
    await node.metered.look()
    assert node.metered.is_metered("192.0.2.7")
    net.told.clear()
    await node.close()
