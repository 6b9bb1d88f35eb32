from netstack.lab.kinds import KINDS
from tests import expectations


def test_the_ten_kinds_are_those_of_the_expectations() -> None:
    assert tuple(KINDS) == expectations.KINDS
    assert len({kind.title for kind in KINDS.values()}) == len(KINDS)
