"""Which router to ask for a port, and who we are to it."""

from netstack.model.address import Family
from netstack.model.port_mapping import PortMappingError
from netstack.net.protocol import Net


async def facing(net: Net) -> tuple[str, str]:
    """The default IPv4 gateway and our own address on its interface. Raises PortMappingError."""
    gateways = [gateway for gateway in await net.gateways() if gateway.family is Family.IPV4]
    for gateway in gateways:
        for interface in await net.interfaces():
            hosts = [host for host in interface.hosts if ":" not in host]
            if hosts and gateway.is_on(interface):
                return gateway.host, gateway.interface if gateway.interface in hosts else hosts[0]
    raise PortMappingError(PortMappingError.Reason.NO_GATEWAY)
