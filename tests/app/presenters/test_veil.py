"""The veil: an address that tells who somebody is never stands in the clear, and nothing else is touched."""

import pytest

from app.presenters.veil import Veil, of_report
from netstack.model.address import Family
from netstack.model.nat import FamilyReport, NatReport, ServerReport

HOSTS = ("203.0.113.7", "2001:db8::1")


@pytest.mark.parametrize(
    ("text", "veiled"),
    [
        ("203.0.113.7", "(hidden)"),
        ("203.0.113.7:4000", "(hidden):4000"),
        ("it is 203.0.113.7.", "it is (hidden)."),
        ("[2001:db8::1]:33", "[(hidden)]:33"),
        ("2001:DB8::1", "(hidden)"),
        ("203.0.113.70", "203.0.113.70"),
        ("203.0.113.7.1", "203.0.113.7.1"),
        ("1203.0.113.7", "1203.0.113.7"),
        ("2001:db8::12", "2001:db8::12"),
    ],
)
def test_only_the_whole_address_is_hidden(text, veiled):
    assert Veil(HOSTS)(text) == veiled


def test_lifted_it_hides_nothing_and_still_says_that_there_is_something():
    veil = Veil(HOSTS, lifted=True)
    assert veil("203.0.113.7") == "203.0.113.7"
    assert veil.needed
    assert not Veil(()).needed


def test_every_field_of_a_report_that_can_hold_a_public_address_is_covered():
    report = NatReport(
        public_addresses=("203.0.113.1",),
        local_addresses=("192.168.1.2", "2001:db8::2"),
        gateway="203.0.113.3",
        gateway_wan="203.0.113.4",
        families=(FamilyReport(Family.IPV4, public_addresses=("203.0.113.5",), local_address="203.0.113.6"),),
        servers=(
            ServerReport(
                "stun:198.51.100.1:3478", "198.51.100.1:3478", True, 0.01, 0, mapped="203.0.113.7:9"
            ),
            ServerReport("stun:x:3478", None, True, 0.01, 0, mapped="[2001:db8::8]:99"),
        ),
    )
    veil = of_report(report)
    for secret in ("203.0.113.1", "2001:db8::2", *(f"203.0.113.{n}" for n in range(3, 8)), "2001:db8::8"):
        assert veil(secret) == "(hidden)", secret
    for known in ("192.168.1.2", "198.51.100.1:3478"):
        assert veil(known) == known


def test_an_address_that_everybody_has_is_no_secret():
    assert not of_report(NatReport(public_addresses=("192.168.7.7",), local_addresses=("127.0.0.1",))).needed
    assert not of_report(None).needed
