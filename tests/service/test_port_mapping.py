"""Hostile and odd gateways on loopback; tests/kernel has a real one."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest

from netstack.errors import NetError
from netstack.model.address import Address, Family
from netstack.model.port_mapping import MappingProtocol, PortMappingError
from netstack.net.protocol import DatagramEndpoint, Gateway, Interface, LinkKind, Listener
from netstack.net.system import SystemNet
from netstack.service import port_mapping as service_module
from netstack.service import port_mapping_upnp as upnp_module
from netstack.service.port_mapping import PortMappingService
from netstack.service.port_mapping_records import Records
from netstack.wire import nat_pmp, pcp
from netstack.wire.upnp import SERVICE_TYPES

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only on Linux is all of 127.0.0.0/8 ours")

R = PortMappingError.Reason
OUTSIDE = "203.0.113.101"


class LoopbackNet(SystemNet):
    """A computer at 127.x.y.2 whose default gateway is 127.x.y.1."""

    def __init__(self, gateway: str, own: str) -> None:
        super().__init__()
        self.gateway, self.own = gateway, own
        self.reachable = True

    async def gateways(self) -> tuple[Gateway, ...]:
        return (Gateway(self.gateway, "lan", Family.IPV4),) if self.reachable else ()

    async def interfaces(self) -> tuple[Interface, ...]:
        return (Interface("lan", LinkKind.CABLE, (self.own,)),)


class FakeGateway:
    """Answers as a test tells it to: `answer` for port 5351, `location` and `pages` for UPnP."""

    def __init__(self, net: LoopbackNet) -> None:
        self.net = net
        self.asked: list[bytes] = []
        self.news = asyncio.Event()
        self.answer: Callable[[bytes], list[bytes]] = lambda _: []
        self.location = ""
        self.pages: dict[bytes, bytes] = {}
        self.requests: list[bytes] = []
        self.control: DatagramEndpoint
        self.search: DatagramEndpoint
        self.web: Listener
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        self.control = await self.net.open_datagram(self, local=Address(self.net.gateway, 5351))
        self.search = await self.net.open_datagram(_Ssdp(self), local=Address(self.net.gateway, 1900))
        self.web = await self.net.listen_stream(self._accept, local=Address(self.net.gateway, 0))
        self.location = f"http://{self.net.gateway}:{self.web.local.port}/desc.xml"

    async def close(self) -> None:
        self.control.close()
        self.search.close()
        self.web.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        self.asked.append(data)
        self.news.set()
        for reply in self.answer(data):
            self.control.send(reply, remote)

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        pass

    def _accept(self, stream):
        self._tasks.append(asyncio.get_running_loop().create_task(self._serve(stream)))

    async def _serve(self, stream):
        try:
            request = await stream.read(65_536)
            if b"Content-Length" in request and request.endswith(b"\r\n\r\n"):
                request += await stream.read(65_536)
            self.requests.append(request)
            for key, page in self.pages.items():
                if key in request:
                    stream.write(page)
                    await stream.drain()
                    break
            else:
                await asyncio.sleep(30)
        except NetError:
            pass
        finally:
            stream.close()
            await stream.wait_closed()


class _Ssdp:
    def __init__(self, gateway: FakeGateway) -> None:
        self.gateway = gateway

    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        if self.gateway.pages:
            text = f"HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\nLOCATION: {self.gateway.location}\r\n\r\n"
            self.gateway.search.send(text.encode(), remote)

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        pass


def page(body: str, status: str = "200 OK", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n{body}".encode()


def soap(inner: str, status: str = "200 OK") -> bytes:
    return page(f"<s:Envelope xmlns:s='x'><s:Body>{inner}</s:Body></s:Envelope>", status)


def fault(code: int) -> bytes:
    inner = f"<s:Fault><detail><UPnPError><errorCode>{code}</errorCode></UPnPError></detail></s:Fault>"
    return soap(inner, "500 Internal Server Error")


def description(control: str = "/ctl") -> bytes:
    service = (
        f"<service><serviceType>{SERVICE_TYPES[1]}</serviceType><controlURL>{control}</controlURL></service>"
    )
    return page(f"<root><device><friendlyName>Box</friendlyName>{service}</device></root>")


WAN = soap(
    f"<u:GetExternalIPAddressResponse xmlns:u='y'><NewExternalIPAddress>{OUTSIDE}</NewExternalIPAddress></u:GetExternalIPAddressResponse>"
)


@pytest.fixture
def quick(monkeypatch):
    """Silence is told sooner."""
    for name in ("DETECT_S",):
        monkeypatch.setattr(service_module, name, 0.3)
    monkeypatch.setattr(PortMappingService.detect, "__kwdefaults__", {"timeout_s": 0.3})


@asynccontextmanager
async def around() -> AsyncGenerator[tuple[FakeGateway, PortMappingService, DatagramEndpoint], None]:
    """A fake gateway at an address of its own, a service that may map, and a bound socket of ours."""
    net = LoopbackNet("", "")
    a, b = net.random_bytes(2)
    net.gateway, net.own = f"127.{100 + a % 100}.{b}.1", f"127.{100 + a % 100}.{b}.2"
    gateway = FakeGateway(net)
    await gateway.open()
    service = PortMappingService(net)
    service.allow(True)
    endpoint = await net.open_datagram(gateway, local=Address(net.own, 0))
    try:
        yield gateway, service, endpoint
    finally:
        await service.close()
        endpoint.close()
        await gateway.close()


def pcp_says(**changes):
    """Answers PCP requests as a gateway should, but for `changes`."""

    def answer(data: bytes) -> list[bytes]:
        if data[0] != 2:
            return []
        request = pcp.decode_request(data)
        if request.map is None:
            return [pcp.encode_response(pcp.Response(0, 0, 0, 50))]
        values = {"host": OUTSIDE, "port": 6000, "lifetime_s": request.lifetime_s, "result": 0, **changes}
        fields = pcp.MapFields(
            request.map.nonce,
            request.map.protocol,
            request.map.internal_port,
            Address(values["host"], values["port"]),
        )
        return [pcp.encode_response(pcp.Response(1, values["result"], values["lifetime_s"], 50, fields))]

    return answer


async def test_nothing_is_asked_of_the_gateway_without_consent(quick):
    async with around() as (gateway, service, endpoint):
        service.allow(False)
        with pytest.raises(PortMappingError) as caught:
            await service.open(endpoint)
        assert caught.value.reason is R.NOT_ALLOWED
        await service.start()
        assert gateway.asked == gateway.requests == []


async def test_without_a_gateway_there_is_nobody_to_ask():
    async with around() as (gateway, service, endpoint):
        gateway.net.reachable = False
        with pytest.raises(PortMappingError) as caught:
            await service.open(endpoint)
        assert caught.value.reason is R.NO_GATEWAY


async def test_silence_is_told_in_time(quick):
    async with around() as (_, service, endpoint):
        with pytest.raises(PortMappingError) as caught:
            await service.open(endpoint)
        assert caught.value.reason is R.NOT_SUPPORTED


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"result": pcp.Result.NOT_AUTHORIZED}, R.NOT_AUTHORIZED),
        ({"result": pcp.Result.USER_EX_QUOTA}, R.NO_RESOURCES),
        ({"host": "192.168.7.7"}, R.NOT_PUBLIC),
        ({"host": "100.64.7.7"}, R.NOT_PUBLIC),
    ],
)
async def test_a_refusal_leaves_no_mapping_and_no_record(quick, changes, reason):
    async with around() as (gateway, service, endpoint):
        gateway.answer = pcp_says(**changes)
        with pytest.raises(PortMappingError) as caught:
            await service.open(endpoint)
        assert caught.value.reason is reason
        assert service.mappings == ()
        last = pcp.decode_request([data for data in gateway.asked if data[0] == 2][-1])
        assert last.lifetime_s == 0  # it was taken back


async def test_a_lease_is_renewed_before_half_of_it_is_gone_by_too_far(quick):
    async with around() as (gateway, service, endpoint):
        gateway.answer = pcp_says(lifetime_s=1)
        held = await service.open(endpoint)
        async with asyncio.timeout(5):
            while len(maps := [d for d in gateway.asked if d[:2] == b"\x02\x01"]) < 2:
                gateway.news.clear()
                await gateway.news.wait()
        nonces = {pcp.decode_request(data).map.nonce for data in maps}
        assert len(nonces) == 1
        assert held.mapping.external == Address(OUTSIDE, 6000)


async def test_a_mapping_whose_gateway_dies_is_lost_when_its_lease_ends(quick, monkeypatch):
    from netstack.service import port_mapping_datagram

    monkeypatch.setattr(port_mapping_datagram.GatewaySocket.ask, "__kwdefaults__", {"timeout_s": 0.1})
    changed = asyncio.Event()
    async with around() as (gateway, service, endpoint):
        service._on_change = changed.set
        gateway.answer = pcp_says(lifetime_s=1)
        held = await service.open(endpoint)
        gateway.answer = lambda _: []
        async with asyncio.timeout(10):
            while held.mapping is not None:
                changed.clear()
                await changed.wait()
        assert held.failure.reason is R.LOST
        assert service.mappings == ()


async def test_rubbish_and_strangers_are_counted_and_ignored(quick):
    async with around() as (gateway, service, endpoint):
        right = pcp_says()
        stranger = await gateway.net.open_datagram(gateway, local=Address(gateway.net.gateway, 0))
        forged = nat_pmp.encode_response(nat_pmp.ExternalAddressResponse(0, 5, "198.51.100.9"))

        def answer(data: bytes) -> list[bytes]:
            own = service._sockets[0]._endpoint.local
            stranger.send(forged, own)
            return [b"", b"\x02", b"rubbish" * 200, *right(data)]

        gateway.answer = answer
        held = await service.open(endpoint)
        socket = service._sockets[0]
        assert held.mapping.protocol is MappingProtocol.PCP
        assert service.gateway.wan is None  # the stranger had no say
        assert socket.dropped >= 2
    stranger.close()


async def test_upnp_is_found_and_its_refusals_have_reasons(quick):
    async with around() as (gateway, service, endpoint):
        gateway.pages = {
            b"GET /desc.xml": description(),
            b"GetExternalIPAddress": WAN,
            b"AddPort": fault(725),
        }
        gateway.pages[b"GetSpecific"] = fault(714)
        with pytest.raises(PortMappingError) as caught:
            await service.open(endpoint)
        assert caught.value.reason is R.PERMANENT_ONLY
        assert service.gateway.wan == OUTSIDE
        assert not any(b"NewLeaseDuration>0<" in request for request in gateway.requests)


async def test_a_port_that_is_always_taken_is_a_conflict(quick):
    async with around() as (gateway, service, endpoint):
        gateway.pages = {
            b"GET /desc.xml": description(),
            b"GetExternalIPAddress": WAN,
            b"AddPort": fault(718),
        }
        gateway.pages[b"GetSpecific"] = fault(714)
        with pytest.raises(PortMappingError) as caught:
            await service.open(endpoint)
        assert caught.value.reason is R.CONFLICT
        assert sum(b"AddPort" in request for request in gateway.requests) == 1 + upnp_module.CONFLICTS


HUGE = b"HTTP/1.1 200 OK\r\n\r\n" + b"<a>" * 30_000
DTD = page("<!DOCTYPE root [<!ENTITY x 'y'>]><root/>")


@pytest.mark.parametrize(
    ("pages", "location", "sentence"),
    [
        ({b"GET": description()}, "http://127.0.0.1:9/desc.xml", "points at another computer"),
        ({b"GET": description()}, "https://{host}/desc.xml", "did not answer"),
        ({b"GET": description("http://127.0.0.1:9/ctl")}, None, "points at another computer"),
        ({b"GET": page("", "302 Found", "Location: http://127.0.0.1:9/\r\n")}, None, "HTTP status 302"),
        ({b"GET": HUGE}, None, "64 KB"),
        ({b"GET": DTD}, None, "document type"),
        ({b"GET": b"SSH-2.0-hello\r\n\r\n"}, None, "not an HTTP response"),
        ({b"GET": page("<root/>")}, None, "no WAN connection service"),
        ({b"nothing": b""}, None, "did not answer"),
    ],
)
async def test_a_hostile_upnp_answer_is_not_followed(quick, monkeypatch, pages, location, sentence):
    monkeypatch.setattr(upnp_module.exchange, "__kwdefaults__", {"timeout_s": 0.3})
    async with around() as (gateway, service, _):
        gateway.pages = pages
        if location:
            gateway.location = location.format(host=gateway.net.gateway)
        found = await service.detect()
        (upnp,) = [tried for tried in found.spoken if tried.protocol is MappingProtocol.UPNP]
        assert sentence in upnp.failure


def test_a_broken_list_of_mappings_is_begun_anew(tmp_path):
    path = tmp_path / "records.json"
    for content in (b"{", b"[1]", b"\xff" * 100, b"[" * 100_000):
        path.write_bytes(content)
        assert Records(path).read(0.0) == ()
