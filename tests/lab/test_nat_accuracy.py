"""How right and how quick the NAT check is over many lossy worlds, in virtual time; the figures are printed.

Accuracy: verdict, mapping and filtering are all what the expectations say. Discovery time: from the start of
the check until the mapping is known (until UDP is called blocked, where it is), at most two servers' round
trips of 6 to 60 ms, which are printed beside it. Two links lose up to 5 % of the packets each way.
"""

from random import Random
from statistics import median, quantiles
from typing import NamedTuple

import msgspec
import pytest

from netstack.lab.duel import duel
from netstack.lab.kinds import KINDS
from netstack.lab.lab import Lab
from netstack.lab.link import Shape
from netstack.lab.matrix import wilson
from netstack.model.nat import Mapping, NatReport, Udp
from netstack.service.nat import NatService
from tests.expectations import judge, nat

MAX_LOSS = 0.05
FACTS = ("verdict", "mapping", "filtering")


class Found(NamedTuple):
    kind: str
    wrong: tuple[str, ...]
    unknown: tuple[str, ...]
    mapping_s: float | None
    rtt_s: float
    whole_s: float


def found(seed: int) -> Found:
    random = Random(seed)
    kind = tuple(KINDS)[seed % len(KINDS)]
    scenario = duel(kind, "open", random)
    shape = Shape(
        delay_s=random.uniform(0.001, 0.028),
        jitter_s=random.uniform(0, 0.005),
        loss=random.uniform(0, MAX_LOSS),
    )
    box = msgspec.structs.replace(scenario.box[0], link=shape)
    scenario = msgspec.structs.replace(scenario, box=(box, scenario.box[1]))
    known_s: list[float] = []

    async def check(lab: Lab) -> NatReport:
        net = lab.net()
        began_s = net.now()

        def tell(done: float, step: str, report: NatReport) -> None:
            if report.mapping is not Mapping.UNKNOWN or report.udp is Udp.BLOCKED:
                known_s.append(net.now() - began_s)

        return await NatService(net).check(lab.stun_servers, progress=tell)

    report = Lab(scenario, seed=seed).run(check)
    judgement = judge(report, nat(kind), hairpin=False)
    return Found(
        kind,
        judgement.wrong,
        tuple(fact for fact in judgement.undecided if fact in FACTS),
        min(known_s, default=None),
        2 * (shape.delay_s + 0.002),
        report.duration_s,
    )


def measure(worlds: int) -> None:
    results = [found(seed) for seed in range(worlds)]
    right = sum(not result.wrong and not result.unknown for result in results)
    low, high = wilson(right, worlds)
    print(f"\naccuracy {right / worlds:.2%} ({low:.1%} to {high:.1%}), n={worlds}, loss up to {MAX_LOSS:.0%}")
    unknown = sum(bool(result.unknown) and not result.wrong for result in results)
    print(f"of the others, {unknown} said they did not know and {worlds - right - unknown} were wrong")
    for kind in KINDS:
        mine = [result for result in results if result.kind == kind]
        times = [result.mapping_s for result in mine if result.mapping_s is not None]
        p90 = quantiles(times, n=10)[-1]
        print(
            f"{kind:<28} mapping known after {median(times) * 1000:7.1f} ms (p90 {p90 * 1000:7.1f}), round trip "
            f"{median(r.rtt_s for r in mine) * 1000:5.1f} ms, whole check {median(r.whole_s for r in mine):.2f} s, "
            f"right {sum(not r.wrong and not r.unknown for r in mine)}/{len(mine)}, n={len(times)}"
        )
    for result in results:
        if result.wrong:
            print("wrong:", result)
    assert right / worlds > 0.973
    assert not any(result.wrong for result in results)


def test_a_hundred_lossy_worlds() -> None:
    measure(100)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_thousand_lossy_worlds() -> None:
    measure(1000)
