import pytest

from netstack.core.port_mapping import (
    Grant,
    Standing,
    Wish,
    check_wan,
    nat_pmp_map,
    pcp_map,
    read_nat_pmp_map,
    read_nat_pmp_wan,
    read_pcp_announce,
    read_pcp_map,
    upnp_refusal,
)
from netstack.model.address import Address
from netstack.model.port_mapping import Carried, PortMappingError
from netstack.wire import nat_pmp, pcp

R = PortMappingError.Reason
WISH = Wish(Carried.UDP, Address("10.0.1.2", 4000), 4000, b"n" * 12)

OUTSIDE = Address("203.0.113.101", 5000)


def pcp_answer(nonce=b"n" * 12, port=4000, protocol=17, external=OUTSIDE, life=3600, result=0):
    fields = pcp.MapFields(nonce, protocol, port, external)
    return pcp.encode_response(pcp.Response(pcp.Opcode.MAP, result, life, 77, fields))


def test_pcp_asks_for_our_port_and_deletes_with_lifetime_0():
    asked = pcp.decode_request(pcp_map(WISH))
    assert (asked.client_host, asked.lifetime_s) == ("10.0.1.2", 3600)
    assert asked.map == pcp.MapFields(b"n" * 12, 17, 4000, Address("0.0.0.0", 4000))
    deleted = pcp.decode_request(pcp_map(WISH, delete=True))
    assert (deleted.lifetime_s, deleted.map.external.port) == (0, 0)


def test_a_pcp_grant_is_never_longer_than_an_hour():
    assert read_pcp_map(pcp_answer(life=90_000), WISH) == Grant("203.0.113.101", 5000, 3600, 77)


@pytest.mark.parametrize("changed", [{"nonce": b"x" * 12}, {"port": 4001}, {"protocol": 6}])
def test_a_pcp_answer_to_somebody_else_is_not_ours(changed):
    assert read_pcp_map(pcp_answer(**changed), WISH) is None
    assert read_pcp_map(pcp_answer(**changed, result=2), WISH) is None


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (2, R.NOT_AUTHORIZED),
        (7, R.GATEWAY_OFFLINE),
        (8, R.NO_RESOURCES),
        (12, R.WRONG_ADDRESS),
        (99, R.REFUSED),
    ],
)
def test_a_pcp_refusal_has_a_reason(result, reason):
    with pytest.raises(PortMappingError) as caught:
        read_pcp_map(pcp_answer(result=result), WISH)
    assert caught.value.reason is reason
    assert f"PCP result {result}" in caught.value.sentence


@pytest.mark.parametrize("changed", [{"external": Address("203.0.113.101", 0)}, {"life": 0}])
def test_a_grant_of_nothing_is_refused(changed):
    with pytest.raises(PortMappingError) as caught:
        read_pcp_map(pcp_answer(**changed), WISH)
    assert caught.value.reason is R.MALFORMED
    assert read_pcp_map(pcp_answer(**changed), WISH, delete=True) is not None


def test_a_gateway_that_knows_the_other_protocol_only_says_so():
    older = nat_pmp.encode_response(nat_pmp.ExternalAddressResponse(1, 5, None))
    newer = pcp.encode_response(pcp.Response(0, pcp.Result.UNSUPP_VERSION, 0, 5))
    for read, data in ((read_pcp_announce, older), (read_nat_pmp_wan, newer)):
        with pytest.raises(PortMappingError, match="only"):
            read(data)


def test_nat_pmp_asks_and_deletes():
    assert nat_pmp.decode_request(nat_pmp_map(WISH)).lifetime_s == 3600
    assert nat_pmp.decode_request(nat_pmp_map(WISH, delete=True)) == nat_pmp.MappingRequest(
        nat_pmp.Protocol.UDP, 4000, 0, 0
    )


def test_nat_pmp_answers():
    def answer(protocol, result, port):
        return nat_pmp.encode_response(nat_pmp.MappingResponse(protocol, result, 9, port, 5000, 7200))

    assert read_nat_pmp_map(answer(nat_pmp.Protocol.UDP, 0, 4000), WISH) == Grant(None, 5000, 3600, 9)
    assert read_nat_pmp_map(answer(nat_pmp.Protocol.UDP, 0, 4001), WISH) is None
    assert read_nat_pmp_map(answer(nat_pmp.Protocol.TCP, 0, 4000), WISH) is None
    with pytest.raises(PortMappingError) as caught:
        read_nat_pmp_map(answer(nat_pmp.Protocol.UDP, 2, 4000), WISH)
    assert caught.value.reason is R.NOT_AUTHORIZED
    wan = nat_pmp.encode_response(nat_pmp.ExternalAddressResponse(0, 9, "203.0.113.101"))
    assert read_nat_pmp_wan(wan) == Standing("203.0.113.101", 9)
    assert read_nat_pmp_map(wan, WISH) is None


@pytest.mark.parametrize("read", [read_pcp_announce, read_nat_pmp_wan])
def test_rubbish_answers_nothing(read):
    for data in (b"", b"\x02", b"\x00\x80", b"rubbish" * 9):
        assert read(data) is None


@pytest.mark.parametrize(
    ("wan", "reason"),
    [
        (None, R.GATEWAY_OFFLINE),
        ("0.0.0.0", R.GATEWAY_OFFLINE),
        ("192.168.1.7", R.NOT_PUBLIC),
        ("100.64.3.2", R.NOT_PUBLIC),
        ("no address", R.MALFORMED),
    ],
)
def test_an_outside_address_that_strangers_cannot_reach_is_refused(wan, reason):
    with pytest.raises(PortMappingError) as caught:
        check_wan(wan)
    assert caught.value.reason is reason
    assert check_wan("203.0.113.101") == "203.0.113.101"


def test_every_reason_has_one_sentence():
    for reason in R:
        error = PortMappingError(reason)
        assert error.sentence.count(". ") == 0
        assert error.sentence.endswith(".")
    assert upnp_refusal(725, "OnlyPermanentLeasesSupported").reason is R.PERMANENT_ONLY
    assert upnp_refusal(999, "").reason is R.REFUSED
