import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.errors import DecodeError
from netstack.wire import nat_pmp
from netstack.wire.nat_pmp import (
    ExternalAddressRequest,
    ExternalAddressResponse,
    MappingRequest,
    MappingResponse,
    Protocol,
    Result,
)

ports = st.integers(0, 65535)
seconds = st.integers(0, 2**32 - 1)
protocols = st.sampled_from(Protocol)
requests = st.just(ExternalAddressRequest()) | st.builds(MappingRequest, protocols, ports, ports, seconds)
responses = st.builds(
    ExternalAddressResponse, st.just(0), seconds, st.ip_addresses(v=4).map(str)
) | st.builds(MappingResponse, protocols, st.just(0), seconds, ports, ports, seconds)


@given(requests)
def test_requests_read_as_written(request_):
    assert nat_pmp.decode_request(nat_pmp.encode_request(request_)) == request_


@given(responses)
def test_responses_read_as_written(response):
    assert nat_pmp.decode_response(nat_pmp.encode_response(response)) == response


@given(st.binary(max_size=20))
def test_any_bytes_give_a_value_or_a_decode_error(data):
    for read in (nat_pmp.decode_request, nat_pmp.decode_response):
        try:
            read(data)
        except DecodeError:
            continue


def test_the_bytes_are_those_of_rfc_6886():
    assert nat_pmp.encode_request(ExternalAddressRequest()) == bytes.fromhex("0000")
    assert nat_pmp.encode_request(MappingRequest(Protocol.UDP, 4000, 5000, 7200)) == bytes.fromhex(
        "000100000fa0138800001c20"
    )
    assert nat_pmp.decode_response(bytes.fromhex("0080000000000064cb007165")) == ExternalAddressResponse(
        Result.SUCCESS, 100, "203.0.113.101"
    )
    assert nat_pmp.decode_response(bytes.fromhex("00820000000000640fa0138800000e10")) == MappingResponse(
        Protocol.TCP, Result.SUCCESS, 100, 4000, 5000, 3600
    )


@pytest.mark.parametrize("tail", ["", "cb007165"])
def test_a_refusal_needs_no_more_than_its_head(tail):
    response = nat_pmp.decode_response(bytes.fromhex("0080000300000064" + tail))
    assert response == ExternalAddressResponse(Result.NETWORK_FAILURE, 100, None)


def test_a_pcp_answer_is_told_apart():
    with pytest.raises(DecodeError) as caught:
        nat_pmp.decode_response(bytes.fromhex("0280000100000000") + bytes(16))
    assert caught.value.reason is DecodeError.Reason.WRONG_VERSION


def test_values_out_of_range_are_value_errors():
    with pytest.raises(ValueError, match=r".+"):
        nat_pmp.encode_request(MappingRequest(Protocol.UDP, 70000, 0, 0))
    with pytest.raises(ValueError, match=r".+"):
        nat_pmp.encode_response(MappingResponse(Protocol.UDP, 0, -1, 1, 1, 1))
