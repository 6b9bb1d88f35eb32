"""The race in words, rows and files."""

from app.presenters.race import present_race, race_csv, race_lines
from netstack.model.path import Samples
from netstack.model.race import Lane, RaceState

UDP = Lane(
    transport="udp",
    sent=60,
    arrived=59,
    late=2,
    p50_s=0.002,
    p99_s=0.009,
    jitter_s=0.0005,
    series=Samples((0.1, 0.2), (0.002, 0.009)),
)
BLE = Lane(transport="ble", sent=60, arrived=60, p50_s=0.03, p99_s=0.06)
WEBRTC = Lane(transport="webrtc", failure="It did not open in time.")


def test_before_any_race():
    view = present_race(RaceState())
    assert view.headline == "Which transport suits a game best here?"
    assert (view.rows, view.curves, view.progress) == ((), (), None)


def test_it_runs():
    view = present_race(RaceState(running=True, elapsed_s=5.0, seconds=15.0, lanes=(UDP, BLE)))
    assert view.headline.startswith("UDP leads")
    assert view.progress == 5 / 15
    assert view.rows[0][4] == "–", "what is under way is not lost yet"


def test_the_end():
    state = RaceState(elapsed_s=15.0, seconds=15.0, where="this computer", lanes=(UDP, BLE, WEBRTC))
    view = present_race(state)
    assert view.headline.startswith("UDP won")
    assert "this computer" in view.note
    assert "lab's radio" in view.note
    assert view.rows[0][0] == "UDP"
    assert view.rows[0][4:] == ("1", "2", "60")
    assert view.rows[2] == ("WEBRTC", "It did not open in time.", "", "", "", "", "")
    assert [curve.transport for curve in view.curves] == ["udp", "ble"]
    assert len(race_lines(state)) == 3 + 1 + 3


def test_nothing_arrived():
    assert present_race(RaceState(lanes=(WEBRTC,))).headline == "Nothing arrived."


def test_export():
    assert race_csv(RaceState(lanes=(UDP,))) == (
        "transport,arrived_s,took_s\nudp,0.100000,0.002000\nudp,0.200000,0.009000\n"
    )
