from netstack.model.address import Address
from netstack.server.echo import EchoServer
from netstack.server.machine import StreamSend
from netstack.server.rate import SourceRate

HERE = Address("192.0.2.1", 7)
PEER = Address("198.51.100.7", 5000)


def test_datagrams_and_streams_come_back():
    server = EchoServer(HERE)
    server.receive(b"ping", PEER, HERE, 0.0)
    assert server.poll_transmit() == (b"ping", PEER, HERE)
    assert server.poll_transmit() is None
    server.stream_opened(1, PEER, HERE, 0.0)
    server.stream_received(1, b"over tcp", 0.0)
    assert server.poll_action() == StreamSend(1, b"over tcp")
    assert server.echoed == 2


def test_two_echo_servers_cannot_be_set_on_each_other():
    server = EchoServer(HERE)
    server.receive(b"ping", Address("198.51.100.9", 7), HERE, 0.0)
    server.receive(b"ping", Address("198.51.100.9", 0), HERE, 0.0)
    assert server.poll_transmit() is None
    assert server.limited == 2


def test_a_rate_bounds_the_datagrams():
    server = EchoServer(HERE, rate=SourceRate(1, 100, burst_s=2))
    for _ in range(5):
        server.receive(b"ping", PEER, HERE, 0.0)
    assert (server.echoed, server.limited) == (2, 3)
