"""What is remembered of a server."""

import pytest

from netstack.core.server_track import MAX_SERVERS, ServerTrack, ServerTracks


def test_success_counts_the_last_hundred_only() -> None:
    track = ServerTrack()
    assert track.success_rate is None
    for _ in range(50):
        track.record(None, 0.0)
    assert track.consecutive_failures == 50
    for _ in range(75):
        track.record(0.02, 1.0)
    assert track.success_rate == pytest.approx(0.75)
    assert track.consecutive_failures == 0


def test_response_time_is_a_moving_average() -> None:
    track = ServerTrack()
    track.record(0.1, 0.0)
    track.record(0.2, 0.0)
    assert track.response_time_s == pytest.approx(0.12)
    track.record(None, 5.0)
    assert track.response_time_s == pytest.approx(0.12)
    assert track.last_used_s == 5.0


def test_memory_is_bounded() -> None:
    tracks = ServerTracks()
    tracks.of("first").strike()
    for number in range(MAX_SERVERS):
        tracks.of(str(number))
    assert tracks.of("first").strikes == 0
