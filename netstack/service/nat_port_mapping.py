"""Would a port mapping make this NAT Open? One port is opened for seconds, knocked at from outside, and closed."""

from typing import NamedTuple

from netstack.errors import NetError
from netstack.model.address import Address, Family
from netstack.model.nat import NatReport
from netstack.model.port_mapping import PortMappingError
from netstack.net.protocol import Net
from netstack.service.port_mapping import PortMappingService
from netstack.service.port_mapping_proof import ProofSocket, prove

REFUSALS = frozenset({PortMappingError.Reason.NOT_AUTHORIZED, PortMappingError.Reason.REFUSED})


class TryOut(NamedTuple):
    """What came of it. `reachable` None: no router, or no server of the report, could show it.

    `refused`: the router said no; None: it was not even asked, or did not answer.
    """

    reachable: bool | None
    text: str
    refused: bool | None


async def try_out(net: Net, mappings: PortMappingService, report: NatReport) -> TryOut:
    """Whether a stranger comes in by a port that the router opened. The caller has the user's consent."""
    mappings.allow(True)
    sink = ProofSocket()
    try:
        await sink.open(net)
        held = await mappings.open(sink)
        if held.mapping is None:
            return TryOut(None, "the router took the port back at once", refused=True)
        try:
            proof = await prove(net, sink, held.mapping, _servers(report))
        finally:
            await mappings.close_mapping(held)
        opened = f"the router opened port {held.wish.external_port} by {held.client.protocol.value}"
        return TryOut(proof.reachable, f"{opened}; {proof.text}", refused=False)
    except PortMappingError as error:
        return TryOut(None, error.sentence, refused=True if error.reason in REFUSALS else None)
    except NetError as error:
        return TryOut(None, error.sentence, refused=None)
    finally:
        sink.close()


def _servers(report: NatReport) -> tuple[Address, ...]:
    found = []
    for server in report.servers:
        if server.answered and server.address and not server.struck_for:
            host, _, port = server.address.rpartition(":")
            address = Address(host.strip("[]"), int(port))
            if address.family is Family.IPV4:
                found.append(address)
    return tuple(found)
