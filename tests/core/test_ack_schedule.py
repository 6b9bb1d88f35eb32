from netstack.core.ack_schedule import EAGER_PACKETS, LONE_BATCH_S, MAX_ACK_DELAY_S, RIDE_AFTER_S, AckSchedule


def seasoned():
    schedule = AckSchedule()
    schedule.received(EAGER_PACKETS, True, 0.0)
    schedule.sent(0.0)
    return schedule


def test_a_young_path_acknowledges_every_second_packet():
    schedule = AckSchedule()
    schedule.received(1, True, 1.0)
    assert schedule.deadline() is not None
    assert not schedule.due(1.0)
    schedule.received(1, True, 1.0)
    assert schedule.due(1.0)


def test_packets_are_counted_and_not_reads():
    schedule = seasoned()
    schedule.received(44, True, 1.0)
    assert not schedule.due(1.0)
    schedule.received(44, True, 1.0)
    assert schedule.due(1.0)
    schedule.sent(0.0)
    assert schedule.deadline() is None
    for _ in range(15):
        schedule.received(1, True, 2.0)
    assert not schedule.due(2.0)
    schedule.received(1, True, 2.0)
    assert schedule.due(2.0)


def test_a_lonely_packet_waits_a_moment():
    schedule = seasoned()
    schedule.received(1, True, 1.0)
    assert schedule.deadline() == 1.0 + MAX_ACK_DELAY_S
    assert schedule.due(1.0 + MAX_ACK_DELAY_S)


def test_a_gap_is_told_at_once():
    schedule = seasoned()
    schedule.received(1, False, 1.0)
    assert schedule.due(1.0)


def test_an_acknowledgement_rides_along_but_not_on_every_packet_of_a_quick_exchange():
    schedule = seasoned()
    assert not schedule.rides(1.0)
    schedule.received(1, True, 1.0)
    assert schedule.rides(1.0)
    schedule.sent(1.0)
    schedule.received(1, True, 1.0001)
    assert not schedule.rides(1.0002)
    assert schedule.rides(1.0001 + RIDE_AFTER_S)
    schedule.received(15, True, 1.0003)
    assert schedule.rides(1.0003)


def test_a_batch_that_comes_alone_is_acknowledged_soon():
    schedule = seasoned()
    schedule.received(20, True, 1.0)
    assert not schedule.due(1.0)
    assert schedule.due(1.0 + LONE_BATCH_S)
