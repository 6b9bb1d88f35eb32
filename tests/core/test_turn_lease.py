"""What a server granted, and when it is asked again."""

import pytest

from netstack.core.turn_lease import Lease
from netstack.core.turn_recovery import Recovery
from netstack.model.address import Address
from netstack.model.turn import TurnError
from netstack.wire import stun_attributes as attr
from netstack.wire.stun import MessageClass, Method, StunMessage

RELAYED = Address("192.0.2.1", 50_000)


def _response(*attributes: attr.Attribute) -> StunMessage:
    return StunMessage(Method.ALLOCATE, MessageClass.SUCCESS, bytes(12), attributes)


@pytest.mark.parametrize(("granted_s", "refresh_s"), [(600, 540), (12, 8), (10_000_000, 86_340)])
def test_it_is_renewed_a_minute_or_a_third_before_its_end(granted_s: int, refresh_s: float) -> None:
    lease = Lease()
    assert (
        lease.grant(_response(attr.XOR_RELAYED_ADDRESS(RELAYED), attr.LIFETIME(granted_s)), 0.1, 0.0)
        == RELAYED
    )
    assert lease.refresh_s == refresh_s
    assert lease.facts(1.0, alive=False)["relayed_address"] is None
    lease.end()
    assert lease.refresh_s == lease.expires_s == float("inf")


def test_an_answer_without_an_address_or_a_lifetime_grants_nothing() -> None:
    for response in (
        _response(attr.LIFETIME(600)),
        _response(attr.XOR_RELAYED_ADDRESS(RELAYED)),
        _response(attr.XOR_RELAYED_ADDRESS(RELAYED._replace(port=0)), attr.LIFETIME(600)),
    ):
        assert Lease().grant(response, 0.1, 0.0) is None


def test_silence_and_refusals_make_it_doubtful_sooner() -> None:
    lease = Lease()
    assert lease.doubt_s(10.0, spoke=False, error=None) == 30.0
    assert lease.doubt_s(10.0, spoke=True, error=None) == 13.0
    assert lease.doubt_s(10.0, spoke=True, error=TurnError(TurnError.Reason.REFUSED)) == 10.5


def test_tries_come_less_and_less_often_and_end_after_five_minutes() -> None:
    recovery = Recovery()
    assert recovery.hopeless(0.0)
    recovery.begin(100.0)
    now, gaps = 100.0, []
    while not recovery.hopeless(now):
        recovery.wait(now)
        gaps.append(recovery.again_s - now)
        now = max(now + 0.01, recovery.again_s)
        assert recovery.take(now)
        assert not recovery.take(now)
    assert gaps[:5] == [0.0, 0.5, 1.0, 2.0, 4.0]
    assert max(gaps) == 30.0
    recovery.succeeded(now)
    assert not recovery.under_way
