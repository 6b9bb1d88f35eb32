"""One measure of latency under load for every page."""

import pytest

from netstack.model.load import LoadGrade, load_grade


@pytest.mark.parametrize(
    ("added_s", "grade"),
    [
        (None, None),
        (-0.01, LoadGrade.STEADY),
        (0.0299, LoadGrade.STEADY),
        (0.03, LoadGrade.NOTICED),
        (0.1, LoadGrade.LAGS),
        (0.3, LoadGrade.UNPLAYABLE),
    ],
)
def test_grades(added_s, grade):
    assert load_grade(added_s) is grade
