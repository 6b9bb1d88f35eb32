"""Two people, each behind a NAT of some kind, on links drawn from a seed: one cell of the NAT x NAT grid."""

from random import Random

from netstack.lab.kinds import KINDS
from netstack.lab.link import Shape
from netstack.lab.scenario import BoxPart, Expectation, HostPart, InterfacePart, PairExpectation, Scenario

_PUBLIC = {"anna": "198.51.100", "ben": "192.0.2"}
_PRIVATE = {"anna": "10.0.1", "ben": "10.0.2"}
_WAN = {"anna": "203.0.113.101", "ben": "203.0.113.102"}
_DELAYS_S = (0.004, 0.04)


def duel(anna: str, ben: str, random: Random, *, loss: float = 0.0, hairpin: bool = False) -> Scenario:
    """Anna and Ben behind boxes of two kinds; `random` draws the delays (4 to 40 ms one way each)."""
    boxes, hosts = [], []
    for person, kind in (("anna", anna), ("ben", ben)):
        low, high = _DELAYS_S
        shape = Shape(delay_s=round(low + (high - low) * random.random(), 6), loss=loss)
        network = (_PRIVATE if KINDS[kind].translates else _PUBLIC)[person]
        router = f"{person}-router"
        boxes.append(
            BoxPart(
                name=router,
                nat=kind,
                wan=_WAN[person],
                lan=f"{network}.1/24",
                link=shape,
                hairpin=hairpin,
                nat_pmp=KINDS[kind].translates,
            )
        )
        interface = InterfacePart(behind=router, hosts=(f"{network}.2",))
        hosts.append(HostPart(name=person, interface=(interface,)))
    return Scenario(
        name=f"{anna} + {ben}",
        title=f"{anna} meets {ben}",
        story="",
        pair=("anna", "ben"),
        box=tuple(boxes),
        host=tuple(hosts),
        expect=Expectation(pair=PairExpectation(connected=True, direct=True)),
    )
