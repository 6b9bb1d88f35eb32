"""Positions of the sliders and typed values mean the same."""

import pytest

from app.presenters.lab_knobs import KNOBS, STEPS, Turned, turned

BY_FIELD = {knob.field: knob for knob in KNOBS}


@pytest.mark.parametrize("knob", KNOBS, ids=lambda knob: knob.label)
def test_every_position_means_a_value_that_leads_back_to_it_and_can_be_typed(knob):
    for position in range(STEPS + 1):
        value = knob.value(position)
        assert abs(knob.position(value) - position) <= 1
        assert abs(knob.position(knob.parse(knob.text(value))) - position) <= 1


@pytest.mark.parametrize("knob", KNOBS, ids=lambda knob: knob.label)
def test_a_slider_never_goes_back(knob):
    values = [knob.value(position) for position in range(STEPS)]
    assert values == sorted(values)


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("delay_s", "20 ms", 0.02),
        ("delay_s", "20", 0.02),
        ("delay_s", "1,5 s", 1.5),
        ("delay_s", "300µs", 0.0003),
        ("distance_m", "10 m", 10.0),
        ("distance_m", "80cm", 0.8),
        ("loss", "5 %", 0.05),
        ("loss", "100", 1.0),
        ("bandwidth_bps", "12 Mbit/s", 12e6),
        ("bandwidth_bps", "64k", 64e3),
        ("bandwidth_bps", "1 gbit/s", 1e9),
        ("bandwidth_bps", "No limit", None),
    ],
)
def test_what_is_typed(field, text, value):
    assert BY_FIELD[field].parse(text) == (None if value is None else pytest.approx(value))


@pytest.mark.parametrize(
    ("field", "text", "says"),
    [
        ("delay_s", "soon", "20 ms"),
        ("delay_s", "-3 ms", "20 ms"),
        ("delay_s", "20 %", "20 ms"),
        ("delay_s", "61 s", "60 s"),
        ("delay_s", "", "20 ms"),
        ("loss", "101", "100 %"),
        ("distance_m", "2 km", "10 m"),
        ("distance_m", "0", "0.1 m"),
        ("bandwidth_bps", "3 bit/s", "1 kbit/s"),
        ("bandwidth_bps", "fast", "no limit"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(field, text, says):
    with pytest.raises(ValueError, match=says):
        BY_FIELD[field].parse(text)


def test_how_a_knob_stands():
    assert turned("delay_s", 0.0) == Turned("delay_s", 0, "0\N{NARROW NO-BREAK SPACE}ms")
    assert turned("delay_s", 60.0).position == STEPS
    assert turned("loss", 0.25) == Turned("loss", 50, "25.0\N{NARROW NO-BREAK SPACE}%")
    assert turned("bandwidth_bps", None) == Turned("bandwidth_bps", STEPS, "no limit")
    assert turned("bandwidth_bps", 1e12).position == STEPS - 1
    assert turned("bandwidth_bps", 1000.0) == Turned(
        "bandwidth_bps", 0, "1.00\N{NARROW NO-BREAK SPACE}kbit/s"
    )
