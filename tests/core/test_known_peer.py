"""Two who know each other's key find the same place, each day another, and nobody else does."""

import pytest

from netstack.core.identity import Identity
from netstack.core.known_peer import DAY_S, daily_code, days, role_of
from netstack.model.meeting import Role

ANA, BEN, EVE = (Identity(bytes((number,)) * 32) for number in (1, 2, 3))


def test_both_find_the_same_place_and_others_another() -> None:
    code = daily_code(ANA, BEN.public, 20_000)
    assert code == daily_code(BEN, ANA.public, 20_000)
    others = {
        str(daily_code(*pair, day))
        for pair, day in (((ANA, BEN.public), 20_001), ((ANA, EVE.public), 20_000))
    }
    assert str(code) not in others
    assert len(others) == 2
    assert len(code.nameplate) == 32
    assert len(code.password) == 64
    assert code.words[0] not in repr(code)


def test_one_of_the_two_is_the_host() -> None:
    assert {role_of(ANA, BEN.public), role_of(BEN, ANA.public)} == set(Role)


@pytest.mark.parametrize(
    ("role", "at_s", "expected"),
    [
        (Role.HOST, 10 * DAY_S + 60, (10,)),
        (Role.GUEST, 10 * DAY_S + 60, (9, 10)),
        (Role.GUEST, 10 * DAY_S + 40_000, (10,)),
        (Role.GUEST, 11 * DAY_S - 60, (10, 11)),
    ],
)
def test_clocks_that_differ_by_an_hour_still_meet(role: Role, at_s: float, expected: tuple[int, ...]) -> None:
    assert days(role, at_s) == expected


def test_a_key_that_no_honest_peer_has_is_refused() -> None:
    with pytest.raises(ValueError, match="rror"):
        daily_code(ANA, bytes(32), 1)
