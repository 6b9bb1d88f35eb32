"""The user's caps hold in both directions."""

import pytest

from netstack.core.traffic_caps import MAX_CAPS, TrafficCaps
from netstack.model.session import Drop, Priority, TransportKind
from tests.core.session_bed import Bed

UDP, TCP = TransportKind.UDP, TransportKind.TCP


def test_the_lowest_that_speaks_of_a_peer_and_a_transport_holds():
    caps = TrafficCaps()
    assert caps.of(b"ana", UDP) is None
    caps.set(None, None, 1000.0)
    caps.set(b"ana", None, 500.0)
    caps.set(b"ana", TCP, 100.0)
    assert (caps.of(b"ana", UDP), caps.of(b"ana", TCP), caps.of(b"ben", TCP)) == (500.0, 100.0, 1000.0)
    caps.set(b"ana", None, None)
    assert caps.of(b"ana", UDP) == 1000.0
    with pytest.raises(ValueError, match="above 0"):
        caps.set(None, None, 0.0)


def test_the_table_is_bounded():
    caps = TrafficCaps()
    for number in range(MAX_CAPS):
        caps.set(number.to_bytes(4, "big"), None, 1.0)
    with pytest.raises(ValueError, match="4,096"):
        caps.set(b"one more", None, 1.0)
    caps.set(bytes(4), None, 2.0)


def rate(bed, size):
    """Bytes a second that a message of `size` takes after the first second."""
    bed.run(1.0)
    bed.ana.session.send_message(bytes(size), Priority.BULK)
    return size / bed.run(60.0, until=lambda: bed.ben.messages)


def test_what_is_sent_keeps_to_the_cap():
    bed = Bed()
    caps = TrafficCaps()
    caps.set(None, UDP, 200_000.0)
    bed.ana.session.cap(caps, bed.now)
    assert 150_000 < rate(bed, 1_000_000) <= 210_000
    assert not bed.ben.session.drops


def test_what_comes_in_is_kept_to_the_cap_though_the_peer_knows_of_none():
    bed = Bed()
    caps = TrafficCaps()
    caps.set(None, UDP, 200_000.0)
    bed.ben.session.cap(caps, bed.now)
    assert rate(bed, 1_000_000) <= 220_000
    assert bed.ben.session.drops[Drop.OVER_RATE] > 0


def test_a_cap_that_is_taken_away_is_gone():
    bed = Bed()
    caps = TrafficCaps()
    caps.set(None, None, 1000.0)
    bed.ana.session.cap(caps, bed.now)
    caps.set(None, None, None)
    bed.ana.session.cap(caps, bed.now)
    assert rate(bed, 1_000_000) > 1_000_000
