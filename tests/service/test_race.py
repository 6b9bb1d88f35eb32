"""Every transport runs the same race on real loopback (Bluetooth: the lab's radio)."""

from netstack.core.turn_uri import TurnUri
from netstack.model.session import TransportKind
from netstack.model.turn import TurnCredentials
from netstack.net.system import SystemNet
from netstack.service.race import MESSAGES_PER_S, race
from netstack.service.two_ends import KINDS, RelayPlace


async def test_all_get_the_same_and_what_arrives_is_counted():
    net = SystemNet()
    told = []
    end = await race(net, net, "127.0.0.1", seconds=2.0, tell=told.append)
    assert [lane.transport for lane in end.lanes] == [kind.value for kind in KINDS]
    assert told[0].running
    assert not told[-1].running
    for lane in end.lanes:
        assert lane.failure is None
        assert lane.sent == 2 * MESSAGES_PER_S
        assert lane.arrived >= 0.95 * lane.sent
        assert len(lane.series.times_s) == lane.arrived
        assert 0 < lane.p50_s <= lane.p99_s


async def test_what_cannot_run_stands_aside():
    net = SystemNet()
    nowhere = RelayPlace(TurnUri("127.0.0.1", 9), TurnCredentials("user", "password"))
    end = await race(
        net, net, "127.0.0.1", seconds=0.2, kinds=(TransportKind.UDP, TransportKind.TURN), relay=nowhere
    )
    udp, turn = end.lanes
    assert (udp.failure, udp.sent) == (None, 12)
    assert turn.sent == 0
    assert turn.failure
