"""The web server of one answer."""

from netstack.model.address import Address
from netstack.server.machine import StreamClose, StreamSend
from netstack.server.web import MAX_HEAD_BYTES, WebServer
from netstack.wire.http import decode_response

PLACE = Address("203.0.113.50", 80)


def answers(server):
    return list(iter(server.poll_action, None))


def test_it_answers_at_the_end_of_the_head_with_its_date():
    server = WebServer(PLACE, epoch_s=1_700_000_000.0)
    server.stream_received(1, b"GET / HTTP/1.1\r\nHost: x\r\n", 5.0)
    assert answers(server) == []
    server.stream_received(1, b"\r\n", 5.0)
    sent, closed = answers(server)
    response = decode_response(sent.data, ended=True)
    assert (response.status, response.headers["date"]) == (204, "Tue, 14 Nov 2023 22:13:25 GMT")
    assert closed == StreamClose(1)


def test_the_login_page_answers_instead():
    server = WebServer(PLACE, epoch_s=0.0, login=True)
    server.stream_received(1, b"GET / HTTP/1.1\r\n\r\n", 0.0)
    sent = answers(server)[0]
    assert isinstance(sent, StreamSend)
    assert decode_response(sent.data, ended=True).status == 200


def test_a_head_that_never_ends_is_cut_and_forgotten():
    server = WebServer(PLACE, epoch_s=0.0)
    for _ in range(MAX_HEAD_BYTES // 1000 + 1):
        server.stream_received(1, b"x" * 1000, 0.0)
    assert StreamClose(1) in answers(server)
    server.stream_closed(1, 0.0)
    server.stream_received(1, b"\r\n\r\n", 0.0)
    assert len(answers(server)) == 2
