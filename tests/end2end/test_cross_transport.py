"""Every ordered pair of transports, on this computer's loopback (Bluetooth: virtual controllers), and in the lab.

In the lab WebRTC's library runs unmodified on the lab's sockets and clock, as all of it does.
"""

import asyncio

import pytest

from netstack.lab.ice import lab_adapters
from netstack.lab.loop import LabLoop, on
from netstack.lab.net import LabNet
from netstack.net.system import SystemNet
from netstack.service.two_ends import KINDS, TwoEnds
from tests.end2end.crossing import SIZES, cross_all
from tests.lab.town import Town

PAIRS = len(KINDS) * (len(KINDS) - 1)


@pytest.mark.timeout(240)
async def test_every_ordered_pair_on_loopback():
    net = SystemNet()
    async with TwoEnds(net, net, "127.0.0.1") as ends:
        assert await cross_all(ends) >= PAIRS * (len(SIZES) - 1)


def test_every_ordered_pair_in_the_lab():
    async def work():
        town = Town()
        near, far = LabNet(town.host("near", "192.0.2.1")), LabNet(town.host("far", "192.0.2.7"))
        with lab_adapters():
            async with TwoEnds(near, far, "192.0.2.7", at=lambda net, work: on(net.host, work)) as ends:
                return await cross_all(ends)

    with asyncio.Runner(loop_factory=LabLoop) as runner:
        assert runner.run(work()) >= PAIRS * (len(SIZES) - 1)
