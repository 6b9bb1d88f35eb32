"""The order of servers is RFC 2782's."""

import random
from collections import Counter

from netstack.core.srv_order import in_order
from netstack.wire.dns import Srv


def _srv(priority: int, weight: int, target: str) -> Srv:
    return Srv(priority, weight, 3478, target)


def test_priorities_go_before_weights() -> None:
    records = (_srv(20, 9, "c"), _srv(10, 0, "a"), _srv(10, 0, "b"))
    assert [each.target for each in in_order(records, b"\xff" * 6)][2] == "c"
    assert in_order((), b"") == ()


def test_weights_are_shares() -> None:
    dice = random.Random(1)
    records = (_srv(1, 75, "big"), _srv(1, 25, "small"))
    first = Counter(in_order(records, dice.randbytes(4))[0].target for _ in range(4000))
    assert 0.71 < first["big"] / 4000 < 0.79


def test_every_record_comes_once_whatever_the_dice_say() -> None:
    records = tuple(_srv(1, weight, str(weight)) for weight in (0, 1, 5, 65_535))
    for entropy in (b"", b"\0" * 8, b"\xff" * 8):
        assert sorted(in_order(records, entropy)) == sorted(records)
