"""Our servers, asked by programs that nobody here wrote: coturn's tools and vovida's STUN client."""

import asyncio
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from netstack.model.address import Address
from netstack.net.system import SystemNet
from netstack.server.echo import EchoServer
from netstack.server.stun import Behaviour, StunServer
from netstack.service.serve import ServerHost
from tests.coturn import free_ports
from tests.service.turn_hosts import turn_host


def needs(program: str) -> pytest.MarkDecorator:
    missing = sys.platform != "linux" or shutil.which(program) is None
    reason = f"{program} is not installed" if sys.platform == "linux" else f"only on Linux: {program}"
    return pytest.mark.skipif(missing, reason=reason)


@asynccontextmanager
async def stun_host(**more) -> AsyncIterator[str]:
    """A STUN server on two loopback addresses and two ports; gives the first port."""
    first, second = map(str, free_ports(2, above=30_000))
    server = StunServer(Address("127.0.0.1", int(first)), Address("127.0.0.2", int(second)), **more)
    host = ServerHost(SystemNet(), server)
    await host.open()
    try:
        yield first
    finally:
        await host.close()


async def run(*command: str) -> str:
    """What a program prints."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(50):
            out, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    return out.decode()


@needs("turnutils_natdiscovery")
async def test_coturn_discovers_no_nat_on_loopback() -> None:
    async with stun_host() as port:
        said = await run("turnutils_natdiscovery", "-m", "-f", "-p", port, "127.0.0.1")
    assert "NAT with Endpoint Independent Mapping!" in said
    assert "NAT with Endpoint Independent Filtering!" in said
    assert "Mapped == XOR-Mapped" in said


@needs("turnutils_natdiscovery")
async def test_coturn_is_answered_on_the_port_that_it_names() -> None:
    async with stun_host() as port:
        said = await run("turnutils_natdiscovery", "-t", "-T", "1", "-p", port, "127.0.0.1")
    assert "RFC 5780 response 2" in said


@needs("turnutils_natdiscovery")
async def test_coturn_sees_through_a_server_that_ignores_change_request() -> None:
    async with stun_host(behaviour=Behaviour.IGNORES_CHANGE) as port:
        said = await run("turnutils_natdiscovery", "-m", "-p", port, "127.0.0.1")
    assert "NAT with Endpoint Independent Mapping!" in said


@needs("stun")
async def test_vovida_finds_an_open_network() -> None:
    async with stun_host() as port:
        said = await run("stun", f"127.0.0.1:{port}")
    assert "Primary: Open" in said


@pytest.mark.slow
@needs("turnutils_uclient")
@pytest.mark.parametrize("how", [("-t",), (), ("-s",), ("-t", "-s")])
async def test_coturns_client_loses_nothing_through_our_relay(how) -> None:
    port, next_port = free_ports(2, above=30_000)  # it reserves pairs, and sends to pairs
    echo = ServerHost(SystemNet(), EchoServer(Address("127.0.0.1", port), Address("127.0.0.1", next_port)))
    await echo.open()
    async with turn_host() as server:
        at = server.addresses[0]
        said = await run(
            *("turnutils_uclient", *how, "-u", "u", "-w", "p", "-p", str(at.port), "-e", "127.0.0.1"),
            *("-r", str(port), "-n", "200", "-m", "2", "-l", "300", "-z", "2", at.host),
        )
    await echo.close()
    assert re.search(r"tot_send_msgs=400, tot_recv_msgs=400", said), said[-600:]
    assert "Total lost packets 0 (0.000000%)" in said
