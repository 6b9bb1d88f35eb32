"""A TURN client and a server agree on SHA-256, and nobody on the way can talk them out of it."""

from collections import deque

import pytest

from netstack.core.turn_requests import Requests
from netstack.model.address import Address
from netstack.model.turn import TurnCredentials, TurnError
from netstack.server.turn_credentials import Credentials
from netstack.server.turn_refusal import Refusal
from netstack.wire import stun
from netstack.wire import stun_attributes as attr
from netstack.wire.password_algorithm import PasswordAlgorithm, encode_algorithms, nonce_with_algorithms
from netstack.wire.stun import Method, StunMessage, long_term_key

CLIENT = Address("192.0.2.1", 5000)
SERVER = Credentials("lab", {"u": "p"}, bytes(32))
SHA256 = encode_algorithms(PasswordAlgorithm.SHA256)
BOTH = encode_algorithms(PasswordAlgorithm.MD5, PasswordAlgorithm.SHA256)


class Bed:
    def __init__(self) -> None:
        self.out: deque[bytes] = deque()
        self.count = 0
        self.requests = Requests(lambda: TurnCredentials("u", "p"), self.entropy, self.out, stream=False)
        self.requests.begin()
        self.requests.start(Method.ALLOCATE, (attr.REQUESTED_TRANSPORT(17),), None, 0.0)

    def entropy(self, size: int) -> bytes:
        self.count += 1
        return self.count.to_bytes(size, "big")

    def sent(self) -> tuple[bytes, StunMessage]:
        data = self.out.popleft()
        return data, stun.decode(data)

    def challenge(self, *attributes: attr.Attribute) -> object:
        _, message = self.sent()
        answer = stun.failure(message, 401, "Unauthorized", attr.REALM("lab"), *attributes)
        data = stun.encode(answer)
        return self.requests.receive(stun.decode(data), data, 0.01)


def _refused(data: bytes, message: StunMessage) -> Refusal:
    with pytest.raises(Refusal) as told:
        SERVER.authenticate(data, message, CLIENT, 1.0)
    return told.value


def test_both_take_sha_256() -> None:
    bed = Bed()
    data, message = bed.sent()
    bed.out.appendleft(data)
    assert bed.challenge(*_refused(data, message).attributes[1:]) is None
    data, message = bed.sent()
    assert message.get(attr.PASSWORD_ALGORITHM) == SHA256
    assert message.get(attr.MESSAGE_INTEGRITY) is None
    key = long_term_key("u", "lab", "p", algorithm="sha256")
    assert SERVER.authenticate(data, message, CLIENT, 1.0) == ("u", key)
    assert stun.integrity_of(key) == "sha256"


def test_who_offers_nothing_gets_md5() -> None:
    bed = Bed()
    assert bed.challenge(attr.NONCE(b"plain"), attr.PASSWORD_ALGORITHMS(BOTH)) is None
    data, message = bed.sent()
    assert message.get(attr.PASSWORD_ALGORITHM) is None
    assert stun.verify_integrity(data, long_term_key("u", "lab", "p"))


@pytest.mark.parametrize(
    "offer", [(), (attr.PASSWORD_ALGORITHMS(bytes.fromhex("00090000")),), (attr.PASSWORD_ALGORITHMS(b"\0"),)]
)
def test_an_offer_that_was_taken_out_ends_it(offer: tuple) -> None:
    bed = Bed()
    outcome = bed.challenge(attr.NONCE(nonce_with_algorithms(b"x")), *offer)
    assert outcome.error.reason is TurnError.Reason.BAD_ANSWER  # type: ignore[attr-defined]
    assert not bed.out


def test_the_server_notices_a_changed_offer() -> None:
    key = long_term_key("u", "lab", "p")
    for more in (
        (attr.PASSWORD_ALGORITHM(SHA256),),
        (attr.PASSWORD_ALGORITHMS(BOTH), attr.PASSWORD_ALGORITHM(SHA256)),
        (attr.PASSWORD_ALGORITHMS(BOTH),),
    ):
        auth = (attr.USERNAME("u"), attr.REALM("lab"), attr.NONCE(SERVER.nonce(CLIENT, 1.0)), *more)
        request = StunMessage(Method.ALLOCATE, stun.MessageClass.REQUEST, bytes(12), auth)
        data = stun.encode(request, integrity_key=key)
        assert _refused(data, stun.decode(data)).code == 400
