"""Numbers: three significant digits, a unit, and words that do not flicker."""

import pytest

from app.presenters.quantity import ago, digits, duration, percent

PLAIN = str.maketrans({"\N{NARROW NO-BREAK SPACE}": " "})


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 µs"),
        (0.00034, "340 µs"),
        (0.0009999, "1.00 ms"),
        (0.0123, "12.3 ms"),
        (0.1234, "123 ms"),
        (0.9996, "1.00 s"),
        (9.996, "10.0 s"),
        (59.94, "59.9 s"),
        (119.6, "2 min"),
        (125, "2 min 5 s"),
    ],
)
def test_a_time_has_three_digits_and_the_unit_that_suits_it(seconds, text):
    assert duration(seconds).translate(PLAIN) == text


def test_thousands_stand_apart():
    assert digits(1234567).translate(PLAIN) == "1 234 567"
    assert digits(-0.0123) == "-0.012"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "just now"),
        (14, "10 s ago"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (7300, "2 h ago"),
        (200000, "2 d ago"),
    ],
)
def test_ago_is_coarse(seconds, text):
    assert ago(seconds).translate(PLAIN) == text


def test_percent():
    assert percent(0.604).translate(PLAIN) == "60 %"
