from netstack.core.ack_schedule import EAGER_PACKETS, MAX_ACK_DELAY_S, AckSchedule


def seasoned():
    schedule = AckSchedule()
    schedule.received(EAGER_PACKETS, True, 0.0)
    schedule.sent()
    return schedule


def test_a_young_path_acknowledges_every_second_packet():
    schedule = AckSchedule()
    schedule.received(1, True, 1.0)
    assert schedule.wanted
    assert not schedule.due(1.0)
    schedule.received(1, True, 1.0)
    assert schedule.due(1.0)


def test_packets_are_counted_and_not_reads():
    schedule = seasoned()
    schedule.received(44, True, 1.0)
    assert not schedule.due(1.0)
    schedule.received(44, True, 1.0)
    assert schedule.due(1.0)
    schedule.sent()
    assert not schedule.wanted
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
