import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.errors import DecodeError
from netstack.model.address import Address
from netstack.wire import pcp
from netstack.wire.pcp import MapFields, Opcode, Request, Response, Result

ports = st.integers(0, 65535)
seconds = st.integers(0, 2**32 - 1)
hosts = st.ip_addresses(v=4).map(str) | st.just("2001:db8::7")
fields = st.builds(
    MapFields,
    st.binary(min_size=12, max_size=12),
    st.sampled_from((6, 17)),
    ports,
    st.builds(Address, hosts, ports),
)
requests = st.builds(Request, hosts, seconds, st.none() | fields)
responses = st.builds(Response, st.just(1), st.integers(0, 255), seconds, seconds, fields) | st.builds(
    Response, st.just(0), st.integers(0, 255), seconds, seconds
)
MAPPED = Response(
    Opcode.MAP, Result.SUCCESS, 3600, 100, MapFields(b"n" * 12, 17, 4000, Address("203.0.113.101", 5000))
)


@given(requests)
def test_requests_read_as_written(request_):
    assert pcp.decode_request(pcp.encode_request(request_)) == request_


@given(responses)
def test_responses_read_as_written(response):
    assert pcp.decode_response(pcp.encode_response(response)) == response


@given(st.binary(max_size=80) | st.binary(max_size=80).map(lambda tail: b"\x02\x81" + tail))
def test_any_bytes_give_a_value_or_a_decode_error(data):
    for read in (pcp.decode_request, pcp.decode_response):
        try:
            read(data)
        except DecodeError:
            continue


def test_the_bytes_are_those_of_rfc_6887():
    request = Request("10.0.1.2", 3600, MapFields(bytes(range(12)), 17, 4000, Address("0.0.0.0", 5000)))
    assert pcp.encode_request(request) == bytes.fromhex(
        "02010000" "00000e10" "00000000000000000000ffff0a000102"
        "000102030405060708090a0b" "11000000" "0fa0" "1388" "00000000000000000000ffff00000000"
    )  # fmt: skip


def test_a_refusal_needs_no_more_than_its_head():
    refusal = Response(Opcode.MAP, Result.NOT_AUTHORIZED, 1800, 5)
    assert pcp.decode_response(pcp.encode_response(refusal)) == refusal
    with pytest.raises(DecodeError):
        pcp.decode_response(pcp.encode_response(Response(Opcode.MAP, Result.SUCCESS, 1800, 5)))


def test_options_are_skipped_and_must_end_with_the_message():
    data = pcp.encode_response(MAPPED)
    assert pcp.decode_response(data + bytes.fromhex("8100000301020300")) == MAPPED
    with pytest.raises(DecodeError, match="ends before"):
        pcp.decode_response(data + bytes.fromhex("8100000901020304"))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x01" + pcp.encode_response(MAPPED)[1:], DecodeError.Reason.WRONG_VERSION),
        (pcp.encode_response(MAPPED) + bytes(1041), DecodeError.Reason.OVERSIZED),
        (pcp.encode_response(MAPPED) + b"x", DecodeError.Reason.MALFORMED),
        (pcp.encode_request(Request("10.0.1.2")), DecodeError.Reason.MALFORMED),
    ],
)
def test_what_is_wrong_is_named(data, reason):
    with pytest.raises(DecodeError) as caught:
        pcp.decode_response(data)
    assert caught.value.reason is reason
