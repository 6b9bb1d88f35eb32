"""What to ask a gateway for a port mapping over PCP or NAT-PMP, and what its answer means. Pure.

A reader returns None for bytes that answer something else, and raises PortMappingError for a refusal.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from netstack.errors import DecodeError
from netstack.model.address import Address, Scope, scope
from netstack.model.port_mapping import LEASE_S, Carried, PortMappingError
from netstack.wire import nat_pmp, pcp

IP_PROTOCOL = {Carried.UDP: 17, Carried.TCP: 6}
NAT_PMP_PROTOCOL = {Carried.UDP: nat_pmp.Protocol.UDP, Carried.TCP: nat_pmp.Protocol.TCP}

_R = PortMappingError.Reason
PCP_REFUSALS = {
    pcp.Result.UNSUPP_VERSION: _R.NOT_SUPPORTED,
    pcp.Result.NOT_AUTHORIZED: _R.NOT_AUTHORIZED,
    pcp.Result.UNSUPP_OPCODE: _R.NOT_SUPPORTED,
    pcp.Result.NETWORK_FAILURE: _R.GATEWAY_OFFLINE,
    pcp.Result.NO_RESOURCES: _R.NO_RESOURCES,
    pcp.Result.UNSUPP_PROTOCOL: _R.NOT_SUPPORTED,
    pcp.Result.USER_EX_QUOTA: _R.NO_RESOURCES,
    pcp.Result.CANNOT_PROVIDE_EXTERNAL: _R.CONFLICT,
    pcp.Result.ADDRESS_MISMATCH: _R.WRONG_ADDRESS,
}
NAT_PMP_REFUSALS = {
    nat_pmp.Result.UNSUPPORTED_VERSION: _R.NOT_SUPPORTED,
    nat_pmp.Result.NOT_AUTHORIZED: _R.NOT_AUTHORIZED,
    nat_pmp.Result.NETWORK_FAILURE: _R.GATEWAY_OFFLINE,
    nat_pmp.Result.OUT_OF_RESOURCES: _R.NO_RESOURCES,
    nat_pmp.Result.UNSUPPORTED_OPCODE: _R.NOT_SUPPORTED,
}
UPNP_REFUSALS = {
    401: _R.NOT_SUPPORTED,
    501: _R.GATEWAY_OFFLINE,
    606: _R.NOT_AUTHORIZED,
    718: _R.CONFLICT,
    725: _R.PERMANENT_ONLY,
    728: _R.NO_RESOURCES,
    729: _R.CONFLICT,
}


class Wish(msgspec.Struct, frozen=True):
    """What is wanted: `internal` is our own bound port, `external_port` only a wish; `nonce` makes it ours (PCP)."""

    carried: Carried
    internal: Address
    external_port: int
    nonce: bytes
    lifetime_s: int = LEASE_S


class Grant(msgspec.Struct, frozen=True):
    """What was given. `external_host` is None where the protocol does not tell with the mapping (NAT-PMP)."""

    external_host: str | None
    external_port: int
    lifetime_s: int
    epoch_s: int | None = None


class Standing(msgspec.Struct, frozen=True):
    """That the gateway lives: its outside address where it tells, and its uptime where it tells."""

    wan: str | None
    epoch_s: int | None


def pcp_announce(own_host: str) -> bytes:
    """Asks whether PCP is spoken (RFC 6887 section 14.1)."""
    return pcp.encode_request(pcp.Request(own_host))


def pcp_map(wish: Wish, *, delete: bool = False) -> bytes:
    """Asks for a mapping, or for its end (sections 11.1, 15.1)."""
    external = Address("0.0.0.0", 0 if delete else wish.external_port)  # noqa: S104 - "any" of section 11.1
    fields = pcp.MapFields(wish.nonce, IP_PROTOCOL[wish.carried], wish.internal.port, external)
    return pcp.encode_request(pcp.Request(wish.internal.host, 0 if delete else wish.lifetime_s, fields))


def read_pcp_announce(data: bytes) -> Standing | None:
    """The answer to `pcp_announce`."""
    response = _read_pcp(data)
    if response is None or response.opcode != pcp.Opcode.ANNOUNCE:
        return None
    _refuse(PCP_REFUSALS, response.result, "PCP")
    return Standing(None, response.epoch_s)


def read_pcp_map(data: bytes, wish: Wish, *, delete: bool = False) -> Grant | None:
    """The answer to `pcp_map`; one with another nonce, protocol or port is not ours (section 11.4)."""
    response = _read_pcp(data)
    if response is None or response.opcode != pcp.Opcode.MAP:
        return None
    fields = response.map
    if fields is not None and (
        (fields.nonce, fields.protocol, fields.internal_port)
        != (wish.nonce, IP_PROTOCOL[wish.carried], wish.internal.port)
    ):
        return None
    _refuse(PCP_REFUSALS, response.result, "PCP")
    if fields is None or (not delete and (fields.external.port == 0 or response.lifetime_s == 0)):
        raise PortMappingError(_R.MALFORMED, "PCP gave no port")
    lifetime_s = min(response.lifetime_s, LEASE_S)
    return Grant(fields.external.host, fields.external.port, lifetime_s, response.epoch_s)


def _read_pcp(data: bytes) -> pcp.Response | None:
    """NAT-PMP's "unsupported version" says that the gateway knows no PCP (RFC 6887 appendix A)."""
    try:
        return pcp.decode_response(data)
    except DecodeError:
        pass
    try:
        older = nat_pmp.decode_response(data)
    except DecodeError:
        return None
    if older.result == nat_pmp.Result.UNSUPPORTED_VERSION:
        raise PortMappingError(_R.NOT_SUPPORTED, "NAT-PMP only")
    return None


def nat_pmp_ask_wan() -> bytes:
    """Asks for the outside address (RFC 6886 section 3.2)."""
    return nat_pmp.encode_request(nat_pmp.ExternalAddressRequest())


def nat_pmp_map(wish: Wish, *, delete: bool = False) -> bytes:
    """Asks for a mapping, or for its end (sections 3.3, 3.4)."""
    port, lifetime_s = (0, 0) if delete else (wish.external_port, wish.lifetime_s)
    return nat_pmp.encode_request(
        nat_pmp.MappingRequest(NAT_PMP_PROTOCOL[wish.carried], wish.internal.port, port, lifetime_s)
    )


def read_nat_pmp_wan(data: bytes) -> Standing | None:
    """The answer to `nat_pmp_ask_wan`."""
    response = _read_nat_pmp(data)
    if not isinstance(response, nat_pmp.ExternalAddressResponse):
        return None
    _refuse(NAT_PMP_REFUSALS, response.result, "NAT-PMP")
    return Standing(response.host, response.epoch_s)


def read_nat_pmp_map(data: bytes, wish: Wish, *, delete: bool = False) -> Grant | None:
    """The answer to `nat_pmp_map`. A refusal names no port, so it counts for what is being asked."""
    response = _read_nat_pmp(data)
    if not isinstance(response, nat_pmp.MappingResponse):
        return None
    if response.protocol is not NAT_PMP_PROTOCOL[wish.carried]:
        return None
    _refuse(NAT_PMP_REFUSALS, response.result, "NAT-PMP")
    if response.internal_port != wish.internal.port:
        return None
    port, lifetime_s = response.external_port or 0, response.lifetime_s or 0
    if not delete and (port == 0 or lifetime_s == 0):
        raise PortMappingError(_R.MALFORMED, "NAT-PMP gave no port")
    return Grant(None, port, min(lifetime_s, LEASE_S), response.epoch_s)


def _read_nat_pmp(data: bytes) -> nat_pmp.Response | None:
    try:
        return nat_pmp.decode_response(data)
    except DecodeError:
        pass
    try:
        newer = pcp.decode_response(data)
    except DecodeError:
        return None
    if newer.result == pcp.Result.UNSUPP_VERSION:
        raise PortMappingError(_R.NOT_SUPPORTED, "PCP only")
    return None


def _refuse(table: Mapping[Any, PortMappingError.Reason], result: int, protocol: str) -> None:
    if result != 0:
        raise PortMappingError(table.get(result, _R.REFUSED), f"{protocol} result {result}")


def upnp_refusal(code: int, description: str) -> PortMappingError:
    """A SOAP fault as an error."""
    detail = f"UPnP error {code}, {description}" if description else f"UPnP error {code}"
    return PortMappingError(UPNP_REFUSALS.get(code, _R.REFUSED), detail)


def check_wan(wan: str | None) -> str:
    """The gateway's outside address where a stranger can reach it. Raises PortMappingError."""
    try:
        kind = scope(wan or "0.0.0.0")  # noqa: S104 - says that it has none
    except ValueError:
        raise PortMappingError(_R.MALFORMED, "the outside address is none") from None
    if kind is Scope.UNSPECIFIED:
        raise PortMappingError(_R.GATEWAY_OFFLINE, "it has no outside address")
    if wan is None or kind is not Scope.PUBLIC:
        raise PortMappingError(_R.NOT_PUBLIC, f"{wan} is {kind.value}")
    return wan
