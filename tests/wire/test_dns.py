"""SRV on the wire: a published example, our own two ends, and anything else."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.errors import DecodeError
from netstack.wire.dns import Srv, answer_srv, decode_srv_answer, encode_srv_query

NAME = "_turn._udp.example.org"
RECORD = Srv(10, 60, 3478, "relay1.example.org")


def test_a_question_is_as_rfc_1035_and_2782_write_it() -> None:
    header = bytes.fromhex("beef 0100 0001 0000 0000 0000")
    labels = b"".join(bytes([len(part)]) + part.encode() for part in NAME.split(".")) + b"\0"
    assert encode_srv_query(NAME, 0xBEEF) == header + labels + bytes.fromhex("0021 0001")


def test_what_a_name_server_knows_comes_back() -> None:
    answer = answer_srv(encode_srv_query(NAME.upper(), 7), {NAME: (RECORD, RECORD._replace(priority=20))})
    assert answer is not None
    assert decode_srv_answer(answer, NAME, 7) == (RECORD, RECORD._replace(priority=20))


def test_a_name_that_is_not_there_has_no_servers() -> None:
    answer = answer_srv(encode_srv_query(NAME, 7), {})
    assert answer is not None
    assert decode_srv_answer(answer, NAME, 7) == ()


@pytest.mark.parametrize(("name", "query_id"), [(NAME, 8), ("_turn._tcp.example.org", 7)])
def test_an_answer_to_another_question_is_none(name: str, query_id: int) -> None:
    answer = answer_srv(encode_srv_query(NAME, 7), {NAME: (RECORD,)})
    assert answer is not None
    with pytest.raises(DecodeError):
        decode_srv_answer(answer, name, query_id)
    with pytest.raises(DecodeError):
        decode_srv_answer(encode_srv_query(NAME, 7), NAME, 7)


@given(st.binary(max_size=120))
def test_any_bytes_are_an_answer_or_a_decode_error(data: bytes) -> None:
    answer_srv(data, {})
    with contextlib.suppress(DecodeError):
        decode_srv_answer(data, NAME, 7)


def test_no_name_is_no_question() -> None:
    with pytest.raises(DecodeError):
        encode_srv_query("a" * 64 + ".example", 7)
