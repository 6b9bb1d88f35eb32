"""Only a NAT that counts is predicted."""

import pytest

from netstack.core.port_prediction import PREDICTED, predict_ports


@pytest.mark.parametrize(
    ("seen", "first"),
    [
        ([40000, 40001], 40002),
        ([40000, 40002, 40004], 40006),
        ([40000, 39999, 39998], 39997),
        ([40000, 40001, 40003], 40004),
    ],
)
def test_a_counting_nat(seen: list[int], first: int) -> None:
    ports = predict_ports(seen)
    assert ports[0] == first
    assert len(ports) >= PREDICTED
    assert not set(ports) & set(seen)


@pytest.mark.parametrize(
    "seen", [[], [40000], [40000, 40000], [40000, 51234, 20111], [40000, 40001, 40000], [40000, 40100]]
)
def test_no_rule_no_prediction(seen: list[int]) -> None:
    assert predict_ports(seen) == ()


def test_ports_end_somewhere() -> None:
    assert predict_ports([65533, 65534]) == (65535, 65532, 65531, 65530)


def test_what_left_before_the_servers_were_asked_is_covered() -> None:
    assert {39999, 39998, 40001} <= set(predict_ports([40000, 40002, 40003]))
