import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.errors import DecodeError
from netstack.model.address import Address
from netstack.wire.http import decode_response, encode_request

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n"
LENGTH = HEAD + b"Content-Length: 5\r\n\r\nhello"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"


@pytest.mark.parametrize("data", [LENGTH, CHUNKED])
def test_a_response_is_whole_only_at_its_last_byte(data):
    last = data[: data.rindex(b"0\r\n") + 2] if data is CHUNKED else data[:-1]
    for end in range(0, len(last), 7):
        assert decode_response(data[:end], ended=False) is None
    assert decode_response(data, ended=False).body == b"hello"
    with pytest.raises(DecodeError, match="ends before"):
        decode_response(last, ended=True)


def test_no_content_is_whole_at_its_head():
    response = decode_response(b"HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n", ended=False)
    assert (response.status, response.body, response.headers["date"]) == (204, b"", "x")


def test_without_a_length_the_end_of_the_connection_ends_it():
    data = HEAD + b"\r\nhello"
    assert decode_response(data, ended=False) is None
    response = decode_response(data, ended=True)
    assert (response.status, response.headers["content-type"], response.body) == (200, "text/xml", b"hello")


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        HEAD + b"nonsense\r\n\r\n",
        HEAD + b"Content-Length: -5\r\n\r\nhello",
        HEAD + b"Content-Length: 9999999999\r\n\r\nhello",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_not_http_is_refused(data):
    with pytest.raises(DecodeError):
        decode_response(data, ended=True)


@given(st.binary(max_size=100).map(lambda tail: HEAD + tail) | st.binary(max_size=100), st.booleans())
def test_any_bytes_give_a_value_or_a_decode_error(data, ended):
    with contextlib.suppress(DecodeError):
        assert decode_response(data, ended=ended) is not None or not ended


def test_a_request_ends_the_connection_and_states_its_length():
    request = encode_request("POST", Address("192.0.2.1", 5000), "/ctl", {"SOAPAction": '"x"'}, b"body")
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"POST /ctl HTTP/1.1",
        b"Host: 192.0.2.1:5000",
        b"Connection: close",
        b'SOAPAction: "x"',
        b"Content-Length: 4",
    ]
    assert body == b"body"


def test_a_line_break_cannot_smuggle_a_header():
    with pytest.raises(ValueError, match="line break"):
        encode_request("GET", Address("192.0.2.1", 80), "/", {"A": "b\r\nC: d"})
