"""How quick and right the NAT check is, and how often two people connect directly: in virtual time."""

from random import Random
from statistics import median
from typing import Final

import msgspec

from netstack.lab.duel import duel
from netstack.lab.kinds import KINDS
from netstack.lab.lab import Lab
from netstack.lab.link import Shape
from netstack.lab.matrix import cell, wilson
from netstack.lab.scenario import load_scenario
from netstack.model.figures import Figure, Place
from netstack.model.nat import Label, Mapping, NatReport, Udp
from netstack.service.nat import NatService

GROUP: Final = "NAT"
LABELS: Final = {
    "full-cone": Label.FULL_CONE,
    "address-restricted": Label.RESTRICTED_CONE,
    "port-restricted": Label.PORT_RESTRICTED_CONE,
    "symmetric": Label.SYMMETRIC,
}
GOALS: Final = {
    "full-cone": "99.1 %",
    "address-restricted": "96.7 %",
    "port-restricted": "91.4 %",
    "symmetric": "78.9 %",
}
LINE_S: Final = 0.005
LOSS: Final = 0.02


def nat_figures(tries: int) -> list[Figure]:
    """`tries` worlds for each kind of NAT."""
    return [*_discovery(tries), *_punching(tries)]


def _check(kind: str, seed: int, *, loss: float) -> tuple[NatReport, float]:
    """The report and when the mapping was first known, behind a line of 2 x 5 ms."""
    scenario = duel(kind, "open", Random(seed))  # noqa: S311 - repeatable on purpose
    box = msgspec.structs.replace(scenario.box[0], link=Shape(delay_s=LINE_S, loss=loss))
    return _run(Lab(msgspec.structs.replace(scenario, box=(box, scenario.box[1])), seed=seed))


def _run(lab: Lab) -> tuple[NatReport, float]:
    known_s: list[float] = []

    async def check(lab: Lab) -> NatReport:
        net = lab.net()
        began_s = net.now()

        def tell(_done: float, _step: str, report: NatReport) -> None:
            if not known_s and (report.mapping is not Mapping.UNKNOWN or report.udp is Udp.BLOCKED):
                known_s.append(net.now() - began_s)

        return await NatService(net).check(lab.stun_servers, progress=tell)

    report = lab.run(check)
    return report, known_s[0] if known_s else report.duration_s


def _discovery(tries: int) -> list[Figure]:
    rows = []
    times: dict[str, list[float]] = {}
    right = total = 0
    for kind, label in LABELS.items():
        for seed in range(tries):
            report, known_s = _check(kind, seed, loss=LOSS)
            times.setdefault("symmetric" if kind == "symmetric" else "cone", []).append(known_s)
            right += report.label is label
            total += 1
    for name, goal in (("cone", "23 ms"), ("symmetric", "67 ms")):
        found = times[name]
        rows.append(
            Figure(
                group=GROUP,
                name=f"Discovery, {name} NAT",
                goal=goal,
                value=f"{median(found) * 1000:.0f} ms median, {max(found) * 1000:.0f} ms at most",
                definition=(
                    f"From the start until the mapping is known by two servers (the filtering takes the tests that no answer may follow, "
                    f"half a second more); a line of {LINE_S * 2000:.0f} ms "
                    f"round trip, the servers 4 ms beyond it, {LOSS:.0%} of the packets lost each way"
                ),
                place=Place.LAB,
                n=len(found),
            )
        )
    report, blocked_s = _run(Lab(load_scenario("udp-blocked")))
    rows.append(
        Figure(
            group=GROUP,
            name="Discovery, nothing answers",
            goal="2.1 s",
            value=f"{blocked_s:.2f} s" if report.udp is Udp.BLOCKED else "not found",
            definition="From the start until UDP is called blocked (scenario udp-blocked)",
            place=Place.LAB,
            n=1,
        )
    )
    low, high = wilson(right, total)
    rows.append(
        Figure(
            group=GROUP,
            name="Classification accuracy",
            goal="97.3 %",
            value=f"{right / total:.1%} (95 % interval {low:.1%} to {high:.1%})",
            definition=f"The label is the one that the lab built, {LOSS:.0%} of the packets lost each way; unknown counts as wrong",
            place=Place.LAB,
            n=total,
        )
    )
    return rows


def _punching(tries: int) -> list[Figure]:
    rows = []
    for kind, goal in GOALS.items():
        found = [cell((*sorted((kind, other), key=list(KINDS).index), tries, 0)) for other in GOALS]  # type: ignore[arg-type]
        direct, connected = sum(each.direct for each in found), sum(each.connected for each in found)
        n = tries * len(found)
        low, high = wilson(direct, n)
        rows.append(
            Figure(
                group=GROUP,
                name=f"Hole punching, {kind}",
                goal=goal,
                value=(
                    f"{direct / n:.1%} direct ({low:.1%} to {high:.1%}), {connected / n:.1%} connected in all"
                ),
                definition="With a peer behind each of the four kinds; direct means without a relay (two symmetric NATs have no direct way but luck)",
                place=Place.LAB,
                n=n,
            )
        )
    return rows
