"""Ways to meet in words."""

import pytest

from app.presenters.peer_ways import ChoiceView, WayChoice, WayLine, choice, chosen_ways, summary, way_lines
from app.presenters.tone import Tone
from netstack.model.meeting import MeetingError, Way, WayHealth, WayState

BROKERS = ("mqtts://broker.example:8883", "mqtts://other.example:8883")


def test_each_way_says_how_it_fares() -> None:
    ways = (
        WayHealth(Way.LAN, "lan", WayState.READY, "ready"),
        WayHealth(Way.MQTT, BROKERS[0], WayState.HEARD, "ready"),
        WayHealth(Way.WEBSOCKET, "ws://192.0.2.1:7000", WayState.FAILED, "nothing listens there"),
        WayHealth(Way.MEMORY, "memory", WayState.OPENING, "opening"),
    )
    assert way_lines(ways) == (
        WayLine(Tone.GOOD, "This network", "waiting there"),
        WayLine(Tone.GOOD, "Broker broker.example", "the other side is there"),
        WayLine(Tone.BAD, "Server 192.0.2.1", "Nothing listens there"),
        WayLine(Tone.UNKNOWN, "The lab", "opening"),
    )


@pytest.mark.parametrize(
    ("ways", "brokers", "view"),
    [
        ((), BROKERS, ChoiceView(WayChoice.BROKER, BROKERS, BROKERS[0], "")),
        ((), (), ChoiceView(WayChoice.LAN, (), "", "")),
        (("ble",), BROKERS, ChoiceView(WayChoice.BLE, BROKERS, BROKERS[0], "")),
        (("lan",), BROKERS, ChoiceView(WayChoice.LAN, BROKERS, BROKERS[0], "")),
        ((BROKERS[1], "lan"), BROKERS, ChoiceView(WayChoice.BROKER, BROKERS, BROKERS[1], "")),
        (
            ("wss://own.example:443",),
            BROKERS,
            ChoiceView(WayChoice.OWN, BROKERS, BROKERS[0], "wss://own.example:443"),
        ),
    ],
)
def test_the_question_marks_the_present_answer(ways, brokers, view) -> None:
    assert choice(ways, brokers) == view


def test_what_the_answers_mean() -> None:
    assert chosen_ways(WayChoice.BROKER, BROKERS[0], "") == (BROKERS[0], "lan")
    assert chosen_ways(WayChoice.LAN, BROKERS[0], "nonsense") == ("lan",)
    assert chosen_ways(WayChoice.BLE, BROKERS[0], "") == ("ble",)
    assert chosen_ways(WayChoice.OWN, "", " WSS://Own.example ") == ("wss://own.example:443",)
    for bad in ("", "lan", "paste", "https://own.example"):
        with pytest.raises(MeetingError):
            chosen_ways(WayChoice.OWN, "", bad)


def test_the_summary() -> None:
    assert summary((BROKERS[0], "lan")) == "Meeting by broker.example and this network"
    assert summary(("ble",)) == "Meeting by Bluetooth"
    assert summary(()) == ""
