"""Worlds drawn from a seed, and a program that runs in them: our own stack, over UDP and TCP."""

import asyncio
import hashlib
from contextlib import suppress
from random import Random

import msgspec

from netstack.errors import NetError
from netstack.lab.duel import duel
from netstack.lab.kinds import KINDS
from netstack.lab.lab import Lab
from netstack.lab.link import Burst, Shape
from netstack.lab.net import LabNet
from netstack.lab.scenario import Scenario
from netstack.model.address import Address
from netstack.model.nat import NatReport
from netstack.service.nat import NatService
from tests.lab.town import Inbox

MAX_LOSS = 0.03


def drawn_shape(random: Random) -> Shape:
    """A link that does a little of everything."""
    return Shape(
        delay_s=random.uniform(0.002, 0.06),
        jitter_s=random.choice((0.0, 0.01)),
        loss=random.choice((0.0, random.uniform(0.0, MAX_LOSS))),
        burst=random.choice((None, None, Burst(good_s=0.5, bad_s=0.02))),
        duplicate=random.choice((0.0, 0.02)),
        reorder=random.choice((0.0, 0.05)),
        bandwidth_bps=random.choice((None, 2e6, 20e6)),
    )


def drawn_world(seed: int) -> Scenario:
    """Two people behind NATs of any kind, on links of any shape."""
    random = Random(seed)
    kinds = random.choices(tuple(KINDS), k=2)
    scenario = duel(*kinds, random, hairpin=random.random() < 0.5)
    boxes = tuple(msgspec.structs.replace(box, link=drawn_shape(random)) for box in scenario.box)
    return msgspec.structs.replace(scenario, box=boxes)


async def program(lab: Lab) -> NatReport:
    """A NAT check, a shot at punching a hole, and bytes over TCP; NAT reboots and a link changes meanwhile."""
    world = lab.world
    world.at(world.now() + 2.0, lab.reboot_nat, "ben-router")
    world.at(world.now() + 2.5, lambda _: lab.set_link("anna-router-internet", delay_s=0.02), None)
    report = await NatService(lab.net("anna")).check(lab.stun_servers)
    nets = [lab.net("anna"), lab.net("ben")]
    ends = [await net.open_datagram(Inbox()) for net in nets]
    ends[0].send(b"nobody is there", Address("203.0.113.30", 99))
    for _ in range(3):
        for end, wan in zip(ends, ("203.0.113.102", "203.0.113.101"), strict=True):
            end.send(nets[0].random_bytes(100), Address(wan, end.local.port))
        await asyncio.sleep(0.2)
    with suppress(NetError):  # a lossy link may be too much for it
        await _transfer(lab.net("ben"), LabNet(lab.hosts["stun3"]))
    return report


async def _transfer(client: LabNet, server: LabNet) -> None:
    where = Address("203.0.113.30", 9)
    streams = []
    listener = await server.listen_stream(streams.append, local=where)
    stream = await client.open_stream(where, timeout_s=30)
    stream.write(client.random_bytes(30_000))
    await asyncio.sleep(5)
    stream.abort()
    await asyncio.sleep(1)
    listener.close()
    for each in streams:
        each.abort()


def run_world(seed: int) -> tuple[str, NatReport]:
    """The whole event log and what the check said."""
    lab = Lab(drawn_world(seed), seed=seed, log=True)
    report = lab.run(program)
    return lab.world.log_text(), report


def fingerprint(seed: int) -> str:
    """A digest of all that can be told apart: the event log and the report."""
    log, report = run_world(seed)
    return hashlib.sha256(log.encode() + msgspec.json.encode(report)).hexdigest()


if __name__ == "__main__":
    import sys

    for number in map(int, sys.argv[1:]):
        print(number, fingerprint(number))
