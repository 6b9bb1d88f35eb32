"""A path's packet size: found, used, lost again, remembered."""

import pytest

from netstack.core.mtu_search import RAISE_S, MtuCache
from netstack.model.session import TCP_TRAITS, UDP_TRAITS, Mode, Priority
from tests.core.session_bed import ANA_AT, BEN_AT, Bed, record


def bulk(bed, size=400_000):
    before = len(bed.ben.messages)
    bed.ana.session.send_message(bytes(size), Priority.BULK)
    bed.run(60.0, until=lambda: len(bed.ben.messages) > before and not bed.ana.session.queued_bytes)
    assert len(bed.ben.messages) == before + 1
    bed.run(5.0)  # the search goes on though nothing is sent


def path_of(side):
    return side.session.paths.table[0]


def sizes(bed):
    kept = []
    record(bed, bed.ana, kept)
    bulk(bed)
    return [len(packet) for packet in kept]


@pytest.mark.parametrize("mtu_bytes", [1200, 1280, 1399, 1452, 1472, 9000])
@pytest.mark.parametrize("loss", [0.0, 0.05])
def test_the_largest_size_that_passes_is_found_and_used(mtu_bytes, loss):
    bed = Bed(loss=loss)
    bed.mtu_bytes = mtu_bytes
    bulk(bed)
    bulk(bed)
    found = path_of(bed.ana).mtu_bytes
    slack = 40 if loss else 8  # three probes of a size may be lost by chance
    assert max(1200, min(mtu_bytes, 1472) - slack) <= found <= min(mtu_bytes, 1472)
    used = sizes(bed)
    full = found - found % 4  # fragments are whole units
    assert sum(size == full for size in used) > 0.8 * len(used)
    assert path_of(bed.ben).mtu_bytes == 1200  # each direction for itself, and that side sent nothing large


def test_a_black_hole_is_noticed_and_what_was_lost_arrives():
    bed = Bed()
    bulk(bed)
    assert path_of(bed.ana).mtu_bytes == 1472
    bed.mtu_bytes = 1300
    bulk(bed)
    bulk(bed)
    assert 1292 <= path_of(bed.ana).mtu_bytes <= 1300
    assert path_of(bed.ana).mtu.black_holes >= 1


@pytest.mark.parametrize("seed", range(3))
def test_loss_alone_is_no_black_hole(seed):
    bed = Bed(loss=0.1, seed=seed)
    for _ in range(3):
        bulk(bed)
    assert path_of(bed.ana).mtu_bytes == 1472
    assert path_of(bed.ana).mtu.black_holes == 0


def test_what_the_system_refuses_is_not_sent_again():
    bed = Bed()
    bulk(bed)
    bed.ana.session.packet_refused(0, 1472, bed.now)
    assert path_of(bed.ana).mtu_bytes == 1200
    used = sizes(bed)
    assert max(used) < 1472
    assert max(used) >= 1452


def test_a_larger_way_is_found_after_the_raise_timer():
    bed = Bed()
    bed.mtu_bytes = 1300
    bulk(bed)
    assert path_of(bed.ana).mtu_bytes <= 1300
    bed.mtu_bytes = 1472
    bed.run(RAISE_S + 20)
    assert path_of(bed.ana).mtu_bytes == 1472


def test_small_messages_and_streams_search_for_nothing():
    bed = Bed()
    for _ in range(50):
        bed.ana.session.send_message(bytes(500), Priority.REALTIME, Mode.UNRELIABLE)
        bed.run(0.01)
    assert path_of(bed.ana).mtu is None
    stream = Bed(traits=TCP_TRAITS)
    bulk(stream)
    assert path_of(stream.ana).mtu is None


def test_the_next_session_begins_with_what_was_found():
    cache = MtuCache()
    first = Bed()
    first.ana.session._sender.mtu_cache = cache
    first.mtu_bytes = 1407
    bulk(first)
    found = path_of(first.ana).mtu_bytes
    second = Bed()
    second.ana.session._sender.mtu_cache = cache
    second.mtu_bytes = 1407
    assert next(size for size in sizes(second) if size > UDP_TRAITS.mtu_bytes) == found


def test_a_peer_that_moves_is_sent_what_surely_passes():
    bed = Bed()
    bulk(bed)
    bed.ben.at[0] = BEN_AT._replace(port=4999)
    bed.ben.session.ping()
    bed.run(0.05)
    assert path_of(bed.ana).flow.remote.port == 4999
    assert path_of(bed.ana).mtu_bytes == 1200
    assert ANA_AT != BEN_AT
