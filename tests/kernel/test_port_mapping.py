"""Our port mappings on a gateway that runs miniupnpd, with upnpc and natpmpc as witnesses."""

import asyncio
import re
import socket
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from netstack.model.address import Address
from netstack.model.nat import NatReport, Verdict
from netstack.model.port_mapping import Carried, MappingProtocol, PortMappingError
from netstack.net.system import SystemNet
from netstack.service import port_mapping as service_module
from netstack.service.nat import NatService
from netstack.service.nat_port_mapping import try_out
from netstack.service.port_mapping import PortMappingService
from netstack.service.port_mapping_proof import ProofSocket, prove
from tests.kernel.bed import FULL_SERVER, PLAIN_SERVERS, SPARE, STUN_PORT, Bed, Site
from tests.kernel.bed import SERVERS as BED_SERVERS
from tests.kernel.gateway_daemon import OUTSIDE, GatewayDaemon
from tests.kernel.namespaces import Host

pytestmark = pytest.mark.kernel

R = PortMappingError.Reason
SERVERS = (Address(FULL_SERVER, STUN_PORT), Address(PLAIN_SERVERS[0], STUN_PORT))


@pytest.fixture(scope="module")
def site(bed: Bed) -> Generator[Site, None, None]:
    site = bed.add_site()
    yield site
    bed.remove_site(site)


@pytest.fixture
def daemon(site: Site, tmp_path: Path) -> Generator[GatewayDaemon, None, None]:
    site.set("port-restricted")
    daemon = GatewayDaemon(site, tmp_path)
    yield daemon
    daemon.stop()


@pytest.fixture(scope="module")
def witness(site: Site) -> Generator[Host, None, None]:
    """A second thread on the client, for the programs that watch while ours runs."""
    with Host("witness", beside=site.client) as host:
        yield host


class Inbox:
    """Keeps what came, and from where."""

    def __init__(self) -> None:
        self.got: list[tuple[bytes, str]] = []
        self.news = asyncio.Event()

    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        self.got.append((data, remote.host))
        self.news.set()

    def datagram_failed(self, error: Exception, remote: Address | None) -> None:
        raise error


async def opened(service: PortMappingService, language: MappingProtocol | None, bound: Any) -> Any:
    """Opens a mapping, in one language only where one is given."""
    await service.detect()
    if language is not None:
        service._clients = [client for client in service._clients if client.protocol is language]
    service.allow(True)
    return await service.open(bound)


def listed(site: Site, daemon: GatewayDaemon) -> set[tuple[str, str]]:
    """What upnpc lists: UDP ports outside, and where they lead."""
    text = daemon.by_upnpc(site.client, "-l")
    return set(re.findall(r"^ *\d+ +UDP +(\d+)->([\d.]+:\d+) ", text, re.MULTILINE))


def knock(bed: Bed, site: Site, port: int, data: bytes) -> None:
    """A stranger's datagram from an address that nobody has contacted."""

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind((SPARE, 0))
            stranger.sendto(data, (site.public, port))

    bed.internet.do(send)


@pytest.mark.parametrize("language", list(MappingProtocol))
def test_a_stranger_gets_in_by_the_mapping_and_no_longer_once_it_is_closed(
    bed: Bed, site: Site, daemon: GatewayDaemon, witness: Host, language: MappingProtocol
) -> None:
    daemon.start()
    service, inbox = PortMappingService(SystemNet()), Inbox()

    async def run() -> tuple[Any, set[tuple[str, str]], set[tuple[str, str]]]:
        loop = asyncio.get_running_loop()
        endpoint = await SystemNet().open_datagram(inbox)
        held = await opened(service, language, endpoint)
        during = await loop.run_in_executor(None, daemon.by_upnpc, witness, "-l")
        await loop.run_in_executor(None, knock, bed, site, held.mapping.external.port, b"in")
        async with asyncio.timeout(5):
            await inbox.news.wait()
        mapping = held.mapping
        await service.close()
        assert held.mapping is None
        await loop.run_in_executor(None, knock, bed, site, mapping.external.port, b"late")
        await asyncio.sleep(0.2)
        endpoint.close()
        return mapping, during, endpoint.local.port

    mapping, during, port = site.client.run(run())
    assert mapping.protocol is language
    assert mapping.external.host == OUTSIDE
    assert 0 < mapping.lifetime_s <= 3600
    assert re.search(rf" UDP +{mapping.external.port}->{site.lan_host}:{port} ", during)
    assert inbox.got == [(b"in", SPARE)]
    assert listed(site, daemon) == set()


def test_natpmpc_sees_the_same_outside_address(site: Site, daemon: GatewayDaemon) -> None:
    daemon.start()

    async def run() -> Any:
        service = PortMappingService(SystemNet())
        gateway = await service.detect()
        await service.close()
        return gateway

    gateway = site.client.run(run())
    assert gateway.wan == OUTSIDE
    assert all(gateway.speaks(language) for language in MappingProtocol)
    assert f"Public IP address : {OUTSIDE}" in site.client.call("natpmpc").stdout


def test_a_stun_server_proves_the_mapping_from_outside(site: Site, daemon: GatewayDaemon) -> None:
    site.set("symmetric")
    daemon.start()

    async def run() -> list[Any]:
        net, service = SystemNet(), PortMappingService(SystemNet())
        proofs = []
        for servers in (SERVERS, SERVERS[1:]):
            sink = ProofSocket()
            await sink.open(net)
            held = await opened(service, None, sink)
            proofs.append(await prove(net, sink, held.mapping, servers))
            mapping = held.mapping
            if servers is SERVERS:
                await service.close_mapping(held)
                sink.close()
                await sink.open(net)
                proofs.append(await prove(net, sink, mapping, servers))
            sink.close()
        await service.close()
        return proofs

    proved, closed, unable = site.client.run(run())
    assert (proved.reachable, proved.server) == (True, str(SERVERS[0]))
    assert closed.reachable is False
    assert unable.reachable is None


def test_what_a_crash_left_is_removed_at_the_next_start(
    site: Site, daemon: GatewayDaemon, tmp_path: Path
) -> None:
    daemon.start()

    async def crash(records: Path) -> None:
        for language in MappingProtocol:
            endpoint = await SystemNet().open_datagram(Inbox())
            service = PortMappingService(SystemNet(), records=records)
            await opened(service, language, endpoint)
            endpoint.close()
            await service._tasks.close()  # no close(): nothing is removed
            service._close_sockets()

    async def begin_again(records: Path) -> None:
        service = PortMappingService(SystemNet(), records=records)
        await service.start()
        await service.close()

    site.client.run(crash(tmp_path / "records.json"))
    assert len(listed(site, daemon)) == 3
    site.client.run(begin_again(tmp_path / "records.json"))
    assert listed(site, daemon) == set()
    assert (tmp_path / "records.json").read_text() == "[]"


def test_another_running_program_keeps_its_mapping(site: Site, daemon: GatewayDaemon, tmp_path: Path) -> None:
    daemon.start()

    async def run() -> None:
        first, second = (PortMappingService(SystemNet(), records=tmp_path / "r.json") for _ in range(2))
        endpoint = await SystemNet().open_datagram(Inbox())
        await opened(first, None, endpoint)
        await second.start()
        assert len(await asyncio.get_running_loop().run_in_executor(None, second._records.read, 0.0)) == 1
        await first._tasks.close()
        first._close_sockets()
        await second.close()
        endpoint.close()

    site.client.run(run())
    assert len(listed(site, daemon)) == 1


@pytest.mark.parametrize("language", list(MappingProtocol))
def test_a_gateway_that_starts_anew_is_asked_again(
    site: Site,
    daemon: GatewayDaemon,
    witness: Host,
    monkeypatch: pytest.MonkeyPatch,
    language: MappingProtocol,
) -> None:
    monkeypatch.setattr(service_module, "PULSE_S", 0.3)
    daemon.start()

    async def run() -> str:
        service = PortMappingService(SystemNet())
        endpoint = await SystemNet().open_datagram(Inbox())
        await opened(service, language, endpoint)
        await asyncio.sleep(4)  # an uptime that falls by more than the protocols' slack
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, restart)
        found = ""
        async with asyncio.timeout(15):
            while f"->{site.lan_host}:{endpoint.local.port} " not in found:
                await asyncio.sleep(0.2)
                found = await loop.run_in_executor(None, daemon.by_upnpc, witness, "-l")
        await service.close()
        endpoint.close()
        return found

    def restart() -> None:
        daemon.stop()
        daemon.start()

    site.client.run(run())
    assert listed(site, daemon) == set()


def refusal(site: Site, language: MappingProtocol | None = None) -> PortMappingError:
    async def run() -> PortMappingError:
        service = PortMappingService(SystemNet())
        endpoint = await SystemNet().open_datagram(Inbox())
        try:
            await opened(service, language, endpoint)
        except PortMappingError as error:
            return error
        finally:
            endpoint.close()
            await service.close()
        raise AssertionError("it was granted")

    return site.client.run(run())


def test_a_gateway_that_forbids_the_port_says_so(site: Site, daemon: GatewayDaemon) -> None:
    # Asked by PCP or NAT-PMP, miniupnpd tries all other ports for seconds and then says nothing.
    daemon.start(allow="allow 1024-1025 10.0.0.0/8 1024-1025")
    assert refusal(site, MappingProtocol.UPNP).reason is R.NOT_AUTHORIZED
    assert listed(site, daemon) == set()


def test_a_gateway_without_a_public_address_is_no_use(site: Site, daemon: GatewayDaemon) -> None:
    daemon.start(outside=None)
    for language in (None, MappingProtocol.NAT_PMP, MappingProtocol.UPNP):
        assert refusal(site, language).reason is R.GATEWAY_OFFLINE


def test_upnp_alone_is_found(site: Site, daemon: GatewayDaemon) -> None:
    daemon.start(nat_pmp=False)

    async def run() -> Any:
        service = PortMappingService(SystemNet())
        endpoint = await SystemNet().open_datagram(Inbox())
        held = await opened(service, None, endpoint)
        protocol = held.mapping.protocol
        await service.close()
        endpoint.close()
        return protocol, service.gateway

    protocol, gateway = site.client.run(run())
    assert protocol is MappingProtocol.UPNP
    assert not gateway.speaks(MappingProtocol.PCP)
    assert gateway.wan == OUTSIDE


def test_a_taken_port_outside_is_replaced_by_another(
    site: Site, daemon: GatewayDaemon, witness: Host
) -> None:
    daemon.start(nat_pmp=False)

    async def run() -> Any:
        service = PortMappingService(SystemNet())
        endpoint = await SystemNet().open_datagram(Inbox())
        other = ("-a", site.lan_host, "5000", str(endpoint.local.port), "UDP")
        said = await asyncio.get_running_loop().run_in_executor(None, daemon.by_upnpc, witness, *other)
        assert "is redirected" in said
        held = await opened(service, None, endpoint)
        external = held.mapping.external.port
        await service.close()
        endpoint.close()
        return external, endpoint.local.port

    external, port = site.client.run(run())
    assert external != port
    assert listed(site, daemon) == {(str(port), f"{site.lan_host}:5000")}  # the other one's is not touched


def test_a_router_that_speaks_nothing_is_told_in_one_sentence(site: Site, daemon: GatewayDaemon) -> None:
    error = refusal(site)
    assert error.reason is R.NOT_SUPPORTED
    assert error.sentence.count(". ") == 0


def test_tcp_is_mapped_too(site: Site, daemon: GatewayDaemon, witness: Host) -> None:
    daemon.start()

    async def run() -> Any:
        net, service = SystemNet(), PortMappingService(SystemNet())
        listener = await net.listen_stream(lambda stream: stream.abort(), local=Address("0.0.0.0", 0))
        service.allow(True)
        held = await service.open(listener, Carried.TCP)
        mapping = held.mapping
        text = await asyncio.get_running_loop().run_in_executor(None, daemon.by_upnpc, witness, "-l")
        await service.close()
        listener.close()
        return mapping, text

    mapping, text = site.client.run(run())
    assert mapping.carried is Carried.TCP
    assert re.search(rf" TCP +{mapping.external.port}->{site.lan_host}:{mapping.internal.port} ", text)


def test_the_nat_check_learns_the_outside_address_by_upnp_and_becomes_open_when_a_mapping_is_proved(
    site: Site, daemon: GatewayDaemon
) -> None:
    site.set("symmetric")
    daemon.start(nat_pmp=False, outside=OUTSIDE)

    async def run() -> tuple[NatReport, NatReport, NatReport]:
        net = SystemNet()
        nat, mappings = NatService(net), PortMappingService(net)
        before = await nat.check(BED_SERVERS)
        after = nat.judge_with_port_mapping(*(await try_out(net, mappings, before))[:2])
        await mappings.close()
        return before, after, await nat.check(BED_SERVERS)

    before, after, again = site.client.run(run())
    assert before.gateway_wan == OUTSIDE
    assert (before.verdict, before.port_mapping) == (Verdict.STRICT, None)
    assert (after.verdict, after.port_mapping) == (Verdict.OPEN, True)
    assert after.mapping is before.mapping
    assert any("uninvited" in evidence.text for evidence in after.evidence)
    assert again.verdict is Verdict.STRICT  # a check by itself opens nothing
    assert listed(site, daemon) == set()


def test_without_a_mapping_the_verdict_stays_and_the_reason_is_told(
    site: Site, daemon: GatewayDaemon
) -> None:
    async def run() -> tuple[NatReport, NatReport]:
        net = SystemNet()
        nat, mappings = NatService(net), PortMappingService(net)
        before = await nat.check(BED_SERVERS)
        after = nat.judge_with_port_mapping(*(await try_out(net, mappings, before))[:2])
        await mappings.close()
        return before, after

    before, after = site.client.run(run())
    assert (after.verdict, after.port_mapping) == (before.verdict, None)
    assert after.evidence[-1].text == PortMappingError(R.NOT_SUPPORTED).sentence
