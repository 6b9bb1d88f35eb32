"""UPnP IGD: the gateway is searched by SSDP and called by SOAP. Only the default gateway itself is ever talked to."""

import asyncio
from contextlib import suppress
from ipaddress import ip_address

import msgspec

from netstack.core.port_mapping import Grant, Standing, Wish, upnp_refusal
from netstack.errors import DecodeError, NetError
from netstack.model.address import Address
from netstack.model.port_mapping import Carried, MappingProtocol, PortMappingError
from netstack.net.protocol import Net
from netstack.service import http_exchange
from netstack.service.port_mapping_gateway import facing
from netstack.wire import ssdp
from netstack.wire.http import HttpResponse, encode_request
from netstack.wire.upnp import SoapFault, WanService, encode_call, read_description, read_reply

SEARCH_SENDS_S = (0.0, 0.3, 0.9)
SEARCH_S = 3.0
CALL_S = 3.0
NAME = "Peerscope"
CONFLICTS = 3
NO_SUCH_ENTRY = frozenset({713, 714})

_R = PortMappingError.Reason


class _Search:
    """Collects the first LOCATION on the gateway (a `DatagramReceiver`)."""

    def __init__(self, gateway: str) -> None:
        self._gateway = gateway
        self.found: asyncio.Future[tuple[str, Address, str]] = asyncio.get_running_loop().create_future()
        self.foreign = 0
        self.dropped = 0

    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        """Takes an answer of the gateway that points at the gateway."""
        if remote.host != self._gateway:
            self.dropped += 1
            return
        try:
            target, location = ssdp.decode_answer(data)
            address, path = ssdp.read_http_url(location)
        except DecodeError:
            self.dropped += 1
            return
        if address.host != self._gateway:
            self.foreign += 1
        elif target in ssdp.TARGETS and not self.found.done():
            self.found.set_result((location, address, path))

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        """A closed port 1900 on the gateway: the group may still answer."""


async def search(
    net: Net, gateway: str, own_host: str, *, timeout_s: float = SEARCH_S
) -> tuple[str, Address, str]:
    """The gateway's LOCATION, split. Raises PortMappingError."""
    receiver = _Search(gateway)
    try:
        endpoint = await net.open_datagram(receiver, local=Address(own_host, 0))
    except NetError as error:
        raise PortMappingError(_R.NOT_SUPPORTED, error.sentence) from error
    began = net.now()
    try:
        for until_s in (*(s for s in SEARCH_SENDS_S[1:] if s < timeout_s), timeout_s):
            for remote in (Address(gateway, ssdp.PORT), ssdp.GROUP):
                for target in ssdp.TARGETS:
                    with suppress(NetError):  # no route for multicast
                        endpoint.send(ssdp.encode_search(target, remote), remote)
            await asyncio.wait((receiver.found,), timeout=max(0.0, began + until_s - net.now()))
            if receiver.found.done():
                return receiver.found.result()
    finally:
        endpoint.close()
        receiver.found.cancel()
    if receiver.foreign:
        raise PortMappingError(_R.FOREIGN_LOCATION)
    raise PortMappingError(_R.SILENT)


async def exchange(net: Net, remote: Address, request: bytes, *, timeout_s: float = CALL_S) -> HttpResponse:
    """One HTTP exchange of at most 64 KB and 3 s. Raises PortMappingError."""
    try:
        return await http_exchange.exchange(net, remote, request, timeout_s=timeout_s)
    except DecodeError as error:
        raise PortMappingError(_R.MALFORMED, error.detail) from error
    except NetError as error:
        silent = error.reason is NetError.Reason.TIMED_OUT
        raise PortMappingError(_R.SILENT, "in 3 s" if silent else error.sentence) from error


async def ask_wan(net: Net, *, timeout_s: float) -> str | None:
    """The default gateway's outside address by UPnP; None where it does not tell in time. Maps nothing."""
    with suppress(PortMappingError, TimeoutError):
        async with asyncio.timeout(timeout_s):
            host, own_host = await facing(net)
            client = await UpnpClient.find(net, host, own_host, timeout_s=timeout_s)
            return (await client.stand()).wan
    return None


class UpnpClient:
    """Mappings by UPnP's WAN connection service."""

    protocol = MappingProtocol.UPNP

    def __init__(self, net: Net, service: WanService, name: str) -> None:
        self._net = net
        self._service = service
        self._wan: str | None = None
        self.name = name

    @classmethod
    async def find(
        cls, net: Net, gateway: str, own_host: str, *, timeout_s: float = SEARCH_S
    ) -> "UpnpClient":
        """Searches, reads the description, and takes the first service that is connected. Raises PortMappingError."""
        location, address, path = await search(net, gateway, own_host, timeout_s=timeout_s)
        response = await exchange(net, address, encode_request("GET", address, path))
        if response.status != 200:
            raise PortMappingError(_R.MALFORMED, f"its description gave HTTP status {response.status}")
        try:
            name, services = read_description(response.body, location)
        except DecodeError as error:
            raise PortMappingError(_R.MALFORMED, error.detail) from error
        own = [service for service in services if service.control.host == gateway]
        if services and not own:
            raise PortMappingError(_R.FOREIGN_LOCATION, "its control URL")
        if not own:
            raise PortMappingError(_R.NOT_SUPPORTED, "it has no WAN connection service")
        for service in own:
            client = cls(net, service, name)
            with suppress(PortMappingError):
                if (await client.stand()).wan:
                    return client
        return cls(net, own[0], name)

    async def stand(self) -> Standing:
        """Asks for the outside address; None while it is not connected."""
        reply = await self._call("GetExternalIPAddress")
        wan = reply.get("NewExternalIPAddress", "")
        return Standing(wan if wan not in {"", "0.0.0.0"} else None, None)  # noqa: S104 - says that it has none

    async def map(self, wish: Wish) -> Grant:
        """Makes or renews a mapping; where the outside port is taken, three others are tried.

        Looked at first, because gateways let a computer overwrite what another program on it had asked for.
        """
        ports = [wish.external_port or wish.internal.port]
        ports += [
            49_152 + int.from_bytes(self._net.random_bytes(2), "big") % 16_384 for _ in range(CONFLICTS)
        ]
        for port in ports:
            try:
                if await self._holds_another(msgspec.structs.replace(wish, external_port=port)):
                    raise PortMappingError(_R.CONFLICT)
                await self._call(
                    "AddPortMapping",
                    NewRemoteHost="",
                    NewExternalPort=str(port),
                    NewProtocol=wish.carried.upper(),
                    NewInternalPort=str(wish.internal.port),
                    NewInternalClient=wish.internal.host,
                    NewEnabled="1",
                    NewPortMappingDescription=NAME,
                    NewLeaseDuration=str(wish.lifetime_s),
                )
            except PortMappingError as error:
                if error.reason is not _R.CONFLICT or port == ports[-1]:
                    raise
            else:
                self._wan = (await self.stand()).wan
                return Grant(self._wan, port, wish.lifetime_s)
        raise AssertionError("the last port returns or raises")

    async def unmap(self, wish: Wish) -> None:
        """Removes a mapping if it is this computer's."""
        try:
            entry = await self._call("GetSpecificPortMappingEntry", **_key(wish))
            if _is_ours(entry, wish):
                await self._call("DeletePortMapping", **_key(wish))
        except _FaultError as fault:
            if fault.code not in NO_SUCH_ENTRY:
                raise

    async def holder(self, carried: Carried, port: int) -> Address | None:
        """To whom an outside port is forwarded; None: there is no such mapping. Raises PortMappingError."""
        key = {"NewRemoteHost": "", "NewExternalPort": str(port), "NewProtocol": carried.upper()}
        try:
            entry = await self._call("GetSpecificPortMappingEntry", **key)
            return Address(str(ip_address(entry["NewInternalClient"])), int(entry["NewInternalPort"]))
        except _FaultError as fault:
            if fault.code in NO_SUCH_ENTRY:
                return None
            raise
        except (KeyError, ValueError) as error:
            raise PortMappingError(_R.MALFORMED, "its list of mappings") from error

    async def _holds_another(self, wish: Wish) -> bool:
        try:
            return not _is_ours(await self._call("GetSpecificPortMappingEntry", **_key(wish)), wish)
        except _FaultError:  # there is none, or it does not tell
            return False

    async def lost(self, wish: Wish) -> bool:
        """Whether the gateway no longer has the mapping, or has another outside address."""
        try:
            entry = await self._call("GetSpecificPortMappingEntry", **_key(wish))
        except _FaultError as fault:
            return fault.code in NO_SUCH_ENTRY
        return not _is_ours(entry, wish) or (await self.stand()).wan != self._wan

    async def _call(self, action: str, **arguments: str) -> dict[str, str]:
        headers, body = encode_call(self._service, action, arguments)
        control = self._service.control
        response = await exchange(
            self._net, control, encode_request("POST", control, self._service.path, headers, body)
        )
        if response.status not in {200, 500}:
            raise PortMappingError(_R.MALFORMED, f"{action} gave HTTP status {response.status}")
        try:
            reply = read_reply(response.body, action)
        except DecodeError as error:
            raise PortMappingError(_R.MALFORMED, error.detail) from error
        if isinstance(reply, SoapFault):
            raise _FaultError(reply)
        return reply


def _key(wish: Wish) -> dict[str, str]:
    return {
        "NewRemoteHost": "",
        "NewExternalPort": str(wish.external_port),
        "NewProtocol": wish.carried.upper(),
    }


def _is_ours(entry: dict[str, str], wish: Wish) -> bool:
    theirs = (entry.get("NewInternalClient"), entry.get("NewInternalPort"))
    return theirs == (wish.internal.host, str(wish.internal.port))


class _FaultError(PortMappingError):
    """A SOAP fault, with its code."""

    def __init__(self, fault: SoapFault) -> None:
        error = upnp_refusal(fault.code, fault.description)
        super().__init__(error.reason, error.detail)
        self.code = fault.code
