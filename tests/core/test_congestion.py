"""Controllers over a simulated bottleneck: 100 Mbit/s, 20 ms round trip, in virtual time."""

import pytest

from netstack.core.bbr import LEAST_RTT_KEPT_S, Bbr, Phase
from netstack.core.congestion import MINIMUM_PACKETS, Sample
from netstack.core.cubic import Cubic
from netstack.core.send_control import SendControl
from tests.core.bottleneck import PACKET_BYTES, Flow, Link, World, run

RATE = 12.5e6
DELAY_S = 0.01
PRODUCT = RATE * 2 * DELAY_S


def link(*, queue=1.0, loss=0.0, seed=1):
    return Link(RATE, DELAY_S, PRODUCT * queue, loss, seed)


@pytest.mark.parametrize(("loss", "least"), [(0.0, 0.94), (0.01, 0.9), (0.02, 0.88), (0.05, 0.8)])
def test_random_loss_costs_little_more_than_itself(loss, least):
    (flow,) = run(link(loss=loss), 3.0, {})
    assert flow.goodput_bytes_per_s(0.5, 3.0) >= least * RATE
    assert flow.control.spurious_packets == 0


def test_a_shallow_queue_is_enough():
    (flow,) = run(link(queue=0.25), 3.0, {})
    assert flow.goodput_bytes_per_s(0.5, 3.0) >= 0.9 * RATE


def test_the_queue_is_not_kept_full():
    (flow,) = run(link(queue=4.0), 3.0, {})
    assert flow.control.rtt.smoothed_s < 0.025


@pytest.mark.parametrize("queue", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("seeds", [(0, 1), (1, 1), (3, 0)])
def test_two_flows_share_no_worse_than_70_to_30(queue, seeds):
    flows = run(link(queue=queue), 8.0, {"seed": seeds[0]}, {"seed": seeds[1], "start_s": 1.0})
    shares = sorted(flow.goodput_bytes_per_s(3.0, 8.0) for flow in flows)
    assert shares[0] >= 0.3 * sum(shares)
    assert sum(shares) >= 0.9 * RATE


@pytest.mark.parametrize(("queue", "least"), [(1.0, 0.17), (3.0, 0.2)])
def test_who_yields_to_every_loss_gets_a_share(queue, least):
    flows = run(link(queue=queue), 12.0, {"congestion": Cubic}, {"start_s": 1.3})
    shares = [flow.goodput_bytes_per_s(5.0, 12.0) for flow in flows]
    assert shares[0] >= least * sum(shares)
    assert sum(shares) >= 0.9 * RATE


def test_the_same_run_gives_the_same_figures():
    def figures():
        (flow,) = run(link(loss=0.02, seed=7), 1.0, {"seed": 3})
        return flow.history, flow.control.sent_packets, flow.control.lost_packets

    assert figures() == figures()


def test_it_gives_way_when_the_path_becomes_narrow():
    path = link()
    world = World()
    flow = Flow(world, path)
    world.run(2.0)
    path.bytes_per_s = RATE / 10
    sent, lost = flow.control.sent_packets, flow.control.lost_packets
    world.run(6.0)
    assert flow.goodput_bytes_per_s(4.0, 6.0) >= 0.8 * RATE / 10
    assert flow.control.lost_packets - lost < 0.15 * (flow.control.sent_packets - sent)


def test_it_takes_what_becomes_free():
    path = link()
    world = World()
    path.bytes_per_s = RATE / 4
    flow = Flow(world, path)
    world.run(2.0)
    path.bytes_per_s = RATE
    world.run(5.0)
    assert flow.goodput_bytes_per_s(4.0, 5.0) >= 0.9 * RATE


def test_the_least_round_trip_is_measured_anew_on_an_almost_empty_pipe():
    path = link()
    world = World()
    flow = Flow(world, path)
    world.run(5.0)
    path.delay_s = 3 * DELAY_S  # a longer way: the old figure must not live on
    least_in_flight = PRODUCT
    seen = False
    while world.now < 5.0 + LEAST_RTT_KEPT_S + 2.0:
        world.run(world.now + 0.01)
        if flow.control.congestion.phase is Phase.PROBE_RTT:
            seen = True
            least_in_flight = min(least_in_flight, flow.control.bytes_in_flight)
    assert seen
    assert least_in_flight < PRODUCT
    assert flow.goodput_bytes_per_s(world.now - 1, world.now) >= 0.9 * RATE


def sample(now, **fields):
    made = Sample(now)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def running_bbr():
    bbr = Bbr(1000)
    for turn in range(1, 12):
        bbr.update(
            sample(
                turn * 0.02,
                round_start=True,
                rate=1e6,
                rtt_s=0.02,
                acked_bytes=20_000,
                prior_in_flight_bytes=20_000,
            )
        )
    assert bbr.phase is Phase.PROBE_RATE
    return bbr


def lost(packets, now=0.3, sent_at=0.29):
    return sample(
        now,
        lost_packets=packets,
        lost_bytes=packets * 1000,
        largest_lost_sent_at_s=sent_at,
        prior_in_flight_bytes=40_000,
    )


def test_a_tenth_of_a_round_lost_cuts_the_window_and_the_pace():
    bbr = running_bbr()
    window, pace = bbr.window_bytes, bbr.bytes_per_s
    bbr.update(lost(4))
    assert bbr.window_bytes == window
    bbr.update(lost(8))
    assert bbr.window_bytes <= 0.71 * window
    assert bbr.bytes_per_s < 1.3 * pace
    cut = bbr.window_bytes
    bbr.update(lost(20, now=0.31, sent_at=0.295))  # sent before the cut
    assert bbr.window_bytes == cut


def test_persistent_congestion_forgets_the_rate():
    bbr = running_bbr()
    bbr.update(sample(0.4, persistent_congestion=True, acked_bytes=1000, rate=1e4))
    assert bbr.bytes_per_s <= 1.25e4


def test_the_window_never_closes():
    for controller in (Bbr(1000), Cubic(1000)):
        for turn in range(1, 100):
            controller.update(
                sample(
                    turn * 0.1,
                    lost_packets=100,
                    lost_bytes=100_000,
                    largest_lost_sent_at_s=turn * 0.1 - 0.01,
                    persistent_congestion=True,
                )
            )
        assert controller.window_bytes >= MINIMUM_PACKETS * 1000
        assert controller.bytes_per_s > 0


def test_a_packet_alone_tells_the_round_trip_and_nothing_of_the_rate():
    for controller in (Bbr(1000), Cubic(1000)):
        window = controller.window_bytes
        for turn in range(100):
            controller.quiet(0.02, turn * 0.1)
        assert controller.window_bytes == window
        assert controller.bytes_per_s >= 10 * 1000 / 0.02


def test_an_unlucky_small_round_is_no_congestion():
    bbr = running_bbr()
    window = bbr.window_bytes
    few = {"lost_packets": 8, "lost_bytes": 8000, "largest_lost_sent_at_s": 0.29}
    bbr.update(sample(0.3, prior_in_flight_bytes=70_000, **few))
    assert bbr.window_bytes >= window


def test_cubic_fills_a_clean_path_and_shares_it():
    flows = run(link(), 6.0, {"congestion": Cubic}, {"congestion": Cubic, "start_s": 0.5})
    shares = sorted(flow.goodput_bytes_per_s(3.0, 6.0) for flow in flows)
    assert sum(shares) >= 0.9 * RATE
    assert shares[0] >= 0.3 * sum(shares)


def test_cubic_takes_a_reduction_back_when_the_loss_was_none():
    cubic = Cubic(1000)
    before = cubic.window_bytes
    cubic.update(lost(1))
    assert cubic.window_bytes < before
    cubic.update(sample(0.31, spurious_packets=1, app_limited=True))
    assert cubic.window_bytes == before


def test_a_users_cap_holds():
    (flow,) = run(link(), 3.0, {"cap_bytes_per_s": 1e6})
    assert 0.9e6 <= flow.goodput_bytes_per_s(1.0, 3.0) <= 1.05e6


def test_the_peers_credit_holds():
    (flow,) = run(link(), 2.0, {"peer_window_bytes": 20 * PACKET_BYTES})
    rate = flow.goodput_bytes_per_s(1.0, 2.0)
    # an acknowledgement may be held back for 5 ms: 25 ms a window instead of 20
    assert 0.75 <= rate / (20 * PACKET_BYTES / (2 * DELAY_S)) <= 1.05


def test_a_busy_computer_does_not_teach_a_slow_pace():
    """The sender sleeps 30 ms of every 40: the path's rate stays known."""
    control = SendControl(0.0, 1000)
    world_s, number, in_air = 0.0, 0, []
    for turn in range(4000):
        world_s += 0.0005
        while in_air and in_air[0][0] <= world_s:
            _, first, count = in_air.pop(0)
            control.acked([(first, first + count - 1)], 0.0, world_s)
        if turn < 400 or turn % 80 < 20:
            count = min(control.allowance(world_s) // 1000, 44)
            if count:
                control.sent(number, count, 1000, world_s)
                in_air.append((world_s + 0.01, number, count))
                number += count
        if turn == 400:
            known = control.pace_bytes_per_s
    assert control.pace_bytes_per_s >= 0.5 * known
