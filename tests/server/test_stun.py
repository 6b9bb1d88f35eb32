import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.errors import DecodeError
from netstack.model.address import Address
from netstack.server.machine import StreamClose, StreamSend
from netstack.server.rate import SourceRate
from netstack.server.stun import LIE, Behaviour, StunServer
from netstack.wire import stun
from netstack.wire import stun_attributes as attr
from netstack.wire.stun import MessageClass, Method, StunMessage
from netstack.wire.stun_attributes import Attribute, ChangeRequest

A1 = Address("192.0.2.1", 3478)
A2 = Address("192.0.2.1", 3479)
B1 = Address("192.0.2.2", 3478)
B2 = Address("192.0.2.2", 3479)
CLIENT = Address("198.51.100.7", 5000)
ID = bytes(range(12))


def ask(server, request=None, *, local=A1, remote=CLIENT, **options):
    """The decoded answer, where it went to and where it came from; None without one."""
    request = request or stun.binding_request(ID, **options)
    server.receive(stun.encode(request), remote, local, 0.0)
    sent = server.poll_transmit()
    assert server.poll_transmit() is None
    return sent and (stun.decode(sent.data, classic=True), sent.remote, sent.local)


def test_it_binds_two_addresses_by_two_ports():
    assert set(StunServer(A1, B2).addresses) == {A1, A2, B1, B2}
    assert StunServer(A1).addresses == (A1,)
    with pytest.raises(ValueError, match="differs"):
        StunServer(A1, A2)


@pytest.mark.parametrize(("local", "other"), [(A1, B2), (A2, B1), (B1, A2), (B2, A1)])
def test_it_tells_where_the_request_came_from_and_its_other_address(local, other):
    answer, remote, origin = ask(StunServer(A1, B2), local=local)
    assert (remote, origin) == (CLIENT, local)
    assert answer.transaction_id == ID
    assert answer.message_class is MessageClass.SUCCESS
    assert answer.mapped_address == answer.get(attr.MAPPED_ADDRESS) == CLIENT
    assert answer.response_origin == local
    assert answer.other_address == other


@pytest.mark.parametrize(
    ("change", "origin"),
    [((True, True), B2), ((True, False), B1), ((False, True), A2), ((False, False), A1)],
)
def test_change_request_moves_the_origin(change, origin):
    answer, remote, sent_from = ask(StunServer(A1, B2), change_ip=change[0], change_port=change[1])
    assert (remote, sent_from, answer.response_origin) == (CLIENT, origin, origin)


def test_without_a_second_address_it_says_that_it_cannot():
    answer, *_ = ask(StunServer(A1))
    assert answer.other_address is None
    answer, remote, origin = ask(StunServer(A1), change_port=True)
    assert (remote, origin) == (CLIENT, A1)
    assert answer.error.code == 420
    assert answer.get(attr.UNKNOWN_ATTRIBUTES) == (attr.CHANGE_REQUEST.code,)


def test_unknown_attributes_that_must_be_understood_are_named():
    request = StunMessage(
        Method.BINDING,
        MessageClass.REQUEST,
        ID,
        (Attribute(0x7001, b""), Attribute(0x9001, b""), attr.LIFETIME(1), Attribute(0x7001, b"")),
    )
    answer, *_ = ask(StunServer(A1), request)
    assert answer.error.code == 420
    assert answer.get(attr.UNKNOWN_ATTRIBUTES) == (0x7001, attr.LIFETIME.code)


def test_response_port_and_padding():
    answer, remote, _ = ask(StunServer(A1, B2), response_port=4001)
    assert remote == Address(CLIENT.host, 4001)
    assert answer.mapped_address == CLIENT
    answer, *_ = ask(StunServer(A1, B2), padding_bytes=1200)
    assert len(answer.get(attr.PADDING)) == 1200
    answer, remote, _ = ask(StunServer(A1, B2), padding_bytes=1200, response_port=4001)
    assert (answer.error.code, remote) == (400, CLIENT)


def test_rfc_3489_clients_get_the_attributes_that_they_know():
    request = StunMessage(
        Method.BINDING,
        MessageClass.REQUEST,
        bytes(range(16)),
        (attr.CHANGE_REQUEST(ChangeRequest(change_ip=True)),),
    )
    answer, _, origin = ask(StunServer(A1, B2), request)
    assert origin == B1
    assert answer.transaction_id == request.transaction_id
    assert [found.code for found in answer.attributes] == [1, 4, 5]
    assert (answer.mapped_address, answer.response_origin, answer.other_address) == (CLIENT, B1, B2)


def test_a_fingerprint_is_answered_with_one():
    server = StunServer(A1)
    server.receive(stun.encode(stun.binding_request(ID), fingerprint=True), CLIENT, A1, 0.0)
    assert stun.decode(server.poll_transmit().data).attributes[-1].code == attr.FINGERPRINT.code


@pytest.mark.parametrize(
    "message",
    [
        StunMessage(Method.BINDING, MessageClass.INDICATION, ID),
        StunMessage(Method.BINDING, MessageClass.SUCCESS, ID, (attr.XOR_MAPPED_ADDRESS(CLIENT),)),
        StunMessage(Method.ALLOCATE, MessageClass.REQUEST, ID),
    ],
)
def test_only_binding_requests_are_answered(message):
    assert ask(StunServer(A1), message) is None


def test_it_never_answers_itself_or_port_zero():
    server = StunServer(A1, B2)
    assert ask(server, remote=B2) is None
    assert ask(server, remote=Address(CLIENT.host, 0)) is None


def test_a_source_network_has_a_budget():
    server = StunServer(A1, rate=SourceRate(1, 100, burst_s=3))
    answers = [ask(server, remote=Address(f"198.51.100.{host}", 9)) for host in range(1, 6)]
    assert sum(answer is not None for answer in answers) == 3
    assert server.limited == 2
    assert ask(server, remote=Address("203.0.113.5", 9))


@given(st.binary(max_size=100))
def test_no_bytes_raise(data):
    server = StunServer(A1, B2)
    server.receive(data, CLIENT, A1, 0.0)
    server.stream_opened(1, CLIENT, A1, 0.0)
    server.stream_received(1, data, 0.0)
    server.stream_received(1, data, 0.0)
    server.stream_closed(1, 0.0)


def drain(server):
    return list(iter(server.poll_action, None))


def test_over_tcp_requests_are_answered_in_order_however_they_are_cut():
    server = StunServer(A1, B2)
    server.stream_opened(7, CLIENT, A1, 0.0)
    wire = b"".join(stun.encode(stun.binding_request(bytes([n]) * 12)) for n in range(3))
    for position in range(0, len(wire), 7):
        server.stream_received(7, wire[position : position + 7], 0.0)
    answers = drain(server)
    assert all(isinstance(action, StreamSend) and action.stream_id == 7 for action in answers)
    messages = [stun.decode(action.data) for action in answers]
    assert [message.transaction_id[0] for message in messages] == [0, 1, 2]
    assert messages[0].mapped_address == CLIENT


def test_over_tcp_rubbish_ends_the_connection_and_nothing_can_change():
    server = StunServer(A1, B2)
    server.stream_opened(7, CLIENT, A1, 0.0)
    server.stream_received(7, stun.encode(stun.binding_request(ID, change_port=True)), 0.0)
    (refusal,) = drain(server)
    assert stun.decode(refusal.data).error.code == 420
    server.stream_received(7, b"\xff\xfe rubbish", 0.0)
    server.stream_received(7, b"more", 0.0)
    assert drain(server) == [StreamClose(7)]
    server.stream_closed(7, 0.0)
    assert server._streams == {}


def test_a_liar_tells_another_address():
    answer, *_ = ask(StunServer(A1, B2, behaviour=Behaviour.LIES))
    assert answer.mapped_address == LIE


def test_one_that_is_its_own_alternate_makes_every_nat_look_open():
    for server in (StunServer(A1, behaviour=Behaviour.SELF_ALTERNATE),) * 2:
        answer, _, origin = ask(server, change_ip=True, change_port=True)
        assert answer.message_class is MessageClass.SUCCESS
        assert answer.other_address == origin == A1


def test_one_that_ignores_change_request_answers_from_the_same_place():
    answer, _, origin = ask(
        StunServer(A1, B2, behaviour=Behaviour.IGNORES_CHANGE), change_ip=True, change_port=True
    )
    assert (answer.other_address, origin, answer.response_origin) == (B2, A1, A1)


def test_rubbish_is_rubbish_and_silence_is_silence():
    server = StunServer(A1, behaviour=Behaviour.RUBBISH)
    server.receive(stun.encode(stun.binding_request(ID)), CLIENT, A1, 0.0)
    with pytest.raises(DecodeError):
        stun.decode(server.poll_transmit().data)
    assert ask(StunServer(A1, behaviour=Behaviour.SILENT)) is None
