import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.errors import DecodeError, InputError
from netstack.model.address import Address, Family
from netstack.wire import stun
from netstack.wire import stun_attributes as attr
from netstack.wire.stun import MessageClass, Method, StunMessage
from netstack.wire.stun_attributes import Attribute, ChangeRequest, ErrorCode

VECTORS = {
    name: bytes.fromhex(vector["hex"])
    for name, vector in json.loads((Path(__file__).parents[1] / "vectors/stun.json").read_text()).items()
}
SHORT_TERM_KEY = b"VOkJxbRl1RmTxUk/WvJxBt"
MATRIX = "\u30de\u30c8\u30ea\u30c3\u30af\u30b9"
MATRIX_PASSWORD = "The\u00adM\u00aatr\u2168"
ICE_ID = bytes.fromhex("b7e7a701bc34d686fa87dfae")
LONG_TERM_ID = bytes.fromhex("78ad3433c6ad72c029da412e")


@pytest.mark.parametrize(
    ("name", "message", "key", "options"),
    [
        (
            "request",
            StunMessage(
                Method.BINDING,
                MessageClass.REQUEST,
                ICE_ID,
                (
                    attr.SOFTWARE("STUN test client"),
                    attr.PRIORITY(0x6E0001FF),
                    attr.ICE_CONTROLLED(0x932FF9B151263B36),
                    attr.USERNAME("evtj:h6vY"),
                ),
            ),
            SHORT_TERM_KEY,
            {"fingerprint": True, "pad_byte": 0x20},
        ),
        (
            "ipv4_response",
            StunMessage(
                Method.BINDING,
                MessageClass.SUCCESS,
                ICE_ID,
                (attr.SOFTWARE("test vector"), attr.XOR_MAPPED_ADDRESS(Address("192.0.2.1", 32853))),
            ),
            SHORT_TERM_KEY,
            {"fingerprint": True, "pad_byte": 0x20},
        ),
        (
            "ipv6_response",
            StunMessage(
                Method.BINDING,
                MessageClass.SUCCESS,
                ICE_ID,
                (
                    attr.SOFTWARE("test vector"),
                    attr.XOR_MAPPED_ADDRESS(Address("2001:db8:1234:5678:11:2233:4455:6677", 32853)),
                ),
            ),
            SHORT_TERM_KEY,
            {"fingerprint": True, "pad_byte": 0x20},
        ),
        (
            "long_term_request",
            StunMessage(
                Method.BINDING,
                MessageClass.REQUEST,
                LONG_TERM_ID,
                (
                    attr.USERNAME(MATRIX),
                    attr.NONCE(b"f//499k954d6OL34oL9FSTvy64sA"),
                    attr.REALM("example.org"),
                ),
            ),
            stun.long_term_key(MATRIX, "example.org", MATRIX_PASSWORD),
            {},
        ),
        (
            "sha256_request",
            StunMessage(
                Method.BINDING,
                MessageClass.REQUEST,
                LONG_TERM_ID,
                (
                    attr.USERHASH(hashlib.sha256(f"{MATRIX}:example.org".encode()).digest()),
                    attr.NONCE(b"obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA"),
                    attr.REALM("example.org"),
                    attr.PASSWORD_ALGORITHM(b"\0\2\0\0"),
                ),
            ),
            stun.long_term_key(MATRIX, "example.org", MATRIX_PASSWORD, algorithm="sha256"),
            {"integrity": "sha256"},
        ),
    ],
)
def test_published_vectors_read_and_write_byte_for_byte(name, message, key, options):
    data = VECTORS[name]
    assert stun.encode(message, integrity_key=key, **options) == data
    read = stun.decode(data)
    trailers = 2 if options.get("fingerprint") else 1
    assert read == StunMessage(
        message.method,
        message.message_class,
        message.transaction_id,
        message.attributes + read.attributes[-trailers:],
    )
    assert stun.is_stun(data)
    assert stun.verify_integrity(data, key)
    assert not stun.verify_integrity(data, key + b"x")


@pytest.mark.parametrize("name", VECTORS)
def test_a_flipped_bit_anywhere_is_noticed(name):
    data = VECTORS[name]
    key = {
        "long_term_request": stun.long_term_key(MATRIX, "example.org", "TheMatrIX"),
        "sha256_request": stun.long_term_key(MATRIX, "example.org", "TheMatrIX", algorithm="sha256"),
    }.get(name, SHORT_TERM_KEY)
    covered = len(data) - (
        8 if attr.FINGERPRINT.code in [c.code for c in stun.decode(data).attributes] else 0
    )
    for position in range(8, covered):
        changed = data[:position] + bytes((data[position] ^ 1,)) + data[position + 1 :]
        assert not stun.verify_integrity(changed, key)


def test_a_wrong_fingerprint_is_refused():
    data = VECTORS["request"]
    with pytest.raises(DecodeError) as caught:
        stun.decode(data[:-1] + bytes((data[-1] ^ 1,)))
    assert caught.value.reason is DecodeError.Reason.BAD_CHECKSUM


hosts = st.ip_addresses().map(lambda ip: str(ip) if ip.version == 4 else attr._host(ip.packed))
addresses = st.builds(Address, hosts, st.integers(0, 65535))
texts = st.text(st.characters(codec="utf-8"), max_size=128)
VALUES = {
    "ADDRESS": addresses,
    "USERNAME": texts,
    "REALM": texts,
    "SOFTWARE": texts,
    "ALTERNATE-DOMAIN": texts,
    "NONCE": st.binary(max_size=200),
    "PASSWORD-ALGORITHM": st.binary(max_size=20),
    "PASSWORD-ALGORITHMS": st.binary(max_size=20),
    "PADDING": st.binary(max_size=1500),
    "DATA": st.binary(max_size=1500),
    "USERHASH": st.binary(min_size=32, max_size=32),
    "RESERVATION-TOKEN": st.binary(min_size=8, max_size=8),
    "ERROR-CODE": st.builds(ErrorCode, st.integers(300, 699), texts),
    "ADDRESS-ERROR-CODE": st.builds(
        attr.AddressErrorCode, st.sampled_from(Family), st.integers(300, 699), texts
    ),
    "UNKNOWN-ATTRIBUTES": st.lists(st.integers(0, 65535), max_size=9).map(tuple),
    "CHANGE-REQUEST": st.builds(ChangeRequest, st.booleans(), st.booleans()),
    "RESPONSE-PORT": st.integers(0, 65535),
    "CHANNEL-NUMBER": st.integers(0, 65535),
    "PRIORITY": st.integers(0, 2**32 - 1),
    "LIFETIME": st.integers(0, 2**32 - 1),
    "ICE-CONTROLLED": st.integers(0, 2**64 - 1),
    "ICE-CONTROLLING": st.integers(0, 2**64 - 1),
    "REQUESTED-TRANSPORT": st.integers(0, 255),
    "REQUESTED-ADDRESS-FAMILY": st.sampled_from(Family),
    "ADDITIONAL-ADDRESS-FAMILY": st.sampled_from(Family),
    "EVEN-PORT": st.booleans(),
    "USE-CANDIDATE": st.just(True),
    "DONT-FRAGMENT": st.just(True),
    "ICMP": st.builds(attr.Icmp, st.integers(0, 255), st.integers(0, 255), st.binary(min_size=4, max_size=4)),
}
known = st.one_of(
    *(
        VALUES.get(kind.name, addresses).map(kind)
        for kind in attr.KINDS.values()
        if kind.code not in stun._TRAILERS
    )
)
unknown = st.builds(
    Attribute, st.integers(0, 65535).filter(lambda code: code not in attr.KINDS), st.binary(max_size=40)
)
messages = st.builds(
    StunMessage,
    st.integers(0, 0xFFF),
    st.sampled_from(MessageClass),
    st.binary(min_size=12, max_size=12),
    st.lists(known | unknown, max_size=12).map(tuple),
)


@given(messages)
def test_what_is_written_reads_the_same(message):
    assert stun.decode(stun.encode(message)) == message


@given(messages, st.binary(max_size=40), st.sampled_from(["sha1", "sha256"]))
def test_trailers_are_added_after_the_message_and_hold(message, key, integrity):
    data = stun.encode(message, integrity_key=key, integrity=integrity, fingerprint=True)
    assert stun.decode(data).attributes[:-2] == message.attributes
    assert stun.verify_integrity(data, key)
    assert not stun.verify_integrity(stun.encode(message), key)


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_give_a_message_or_a_decode_error(data, classic):
    stun.is_stun(data)
    stun.verify_integrity(data, b"key")
    try:
        message = stun.decode(data, classic=classic)
    except DecodeError:
        return
    assert stun.decode(stun.encode(message), classic=classic).attributes == tuple(
        found for found in message.attributes if found.code not in stun._TRAILERS
    )


@given(messages, st.data())
def test_a_damaged_message_gives_a_message_or_a_decode_error(message, data):
    encoded = bytearray(stun.encode(message, integrity_key=b"key"))
    for _ in range(data.draw(st.integers(1, 4))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    size = data.draw(st.integers(0, len(encoded)))
    for damaged in (bytes(encoded), bytes(encoded[:size])):
        try:
            stun.decode(damaged, classic=True)
        except DecodeError:
            continue


def binding(*attributes, message_class=MessageClass.SUCCESS):
    return StunMessage(Method.BINDING, message_class, bytes(12), attributes)


def test_lookups_prefer_the_newer_attributes():
    old, new = Address("192.0.2.1", 1), Address("192.0.2.2", 2)
    message = binding(
        attr.MAPPED_ADDRESS(old),
        attr.SOURCE_ADDRESS(old),
        attr.CHANGED_ADDRESS(old),
        attr.XOR_MAPPED_ADDRESS(new),
        attr.RESPONSE_ORIGIN(new),
        attr.OTHER_ADDRESS(new),
    )
    assert (message.mapped_address, message.response_origin, message.other_address) == (new, new, new)
    classic = binding(*message.attributes[:3])
    assert (classic.mapped_address, classic.response_origin, classic.other_address) == (old, old, old)
    assert binding().mapped_address is None
    assert binding().other_address is None
    assert binding().error is None


def test_the_first_of_repeated_attributes_counts():
    message = binding(attr.SOFTWARE("first"), attr.SOFTWARE("second"))
    assert message.get(attr.SOFTWARE) == "first"
    assert message.get_all(attr.SOFTWARE) == ("first", "second")


def test_what_must_be_understood_and_is_not_stays_visible():
    message = stun.decode(
        stun.encode(binding(Attribute(0x7001, b"x"), Attribute(0x9001, b"y"), Attribute(0x7001, b"z")))
    )
    assert message.unknown_required == (0x7001,)
    assert message.attributes[0] == Attribute(0x7001, b"x")


@pytest.mark.parametrize("value", ["1234", "12340000"])
def test_response_port_is_read_in_both_lengths(value):
    raw = bytes.fromhex(value)
    data = stun.encode(binding(Attribute(0x7FFF, raw))).replace(b"\x7f\xff", b"\x00\x27")
    assert stun.decode(data).get(attr.RESPONSE_PORT) == 0x1234


def test_attributes_after_integrity_are_left_out():
    signed = stun.encode(binding(attr.SOFTWARE("a")), integrity_key=b"key")
    added = attr.XOR_MAPPED_ADDRESS(Address("192.0.2.66", 6))
    tail = stun.encode(binding(added))[20:]
    forged = signed[:2] + (len(signed) - 20 + len(tail)).to_bytes(2, "big") + signed[4:] + tail
    assert stun.verify_integrity(forged, b"key")
    assert stun.decode(forged).mapped_address is None


def test_a_shortened_sha256_counts_from_16_bytes_on():
    whole = stun.encode(binding(), integrity_key=b"key", integrity="sha256")

    def shortened(size):
        mac = stun.hmac.digest(b"key", whole[:2] + (4 + size).to_bytes(2, "big") + whole[4:20], "sha256")
        head = whole[:2] + (4 + size).to_bytes(2, "big") + whole[4:20]
        return head + b"\0\x1c" + size.to_bytes(2, "big") + mac[:size]

    assert stun.verify_integrity(shortened(16), b"key")
    assert not stun.verify_integrity(shortened(12), b"key")


def test_rfc_3489_messages_are_read_only_when_asked_for():
    old = StunMessage(
        Method.BINDING,
        MessageClass.REQUEST,
        bytes(range(16)),
        (attr.CHANGE_REQUEST(ChangeRequest(change_ip=True)),),
    )
    data = stun.encode(old)
    assert not stun.is_stun(data)
    with pytest.raises(DecodeError) as caught:
        stun.decode(data)
    assert caught.value.reason is DecodeError.Reason.WRONG_VERSION
    assert stun.decode(data, classic=True) == old


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "truncated"),
        (bytes(19), "truncated"),
        (b"\x40" + VECTORS["request"][1:], "malformed"),
        (VECTORS["request"][:-4], "truncated"),
        (VECTORS["request"] + b"\0\0\0\0", "oversized"),
        (bytes.fromhex("010100042112a442") + bytes(12) + bytes.fromhex("00200008"), "truncated"),
        (bytes.fromhex("010100082112a442") + bytes(12) + bytes.fromhex("0020000400010203"), "malformed"),
        (
            bytes.fromhex("0101000c2112a442") + bytes(12) + bytes.fromhex("002000080003020304050607"),
            "malformed",
        ),
        (bytes.fromhex("010100082112a442") + bytes(12) + bytes.fromhex("00090004000002ff"), "malformed"),
        (bytes.fromhex("010100082112a442") + bytes(12) + bytes.fromhex("00060002ff000000"), "malformed"),
        (bytes.fromhex("010104042112a442") + bytes(12) + bytes.fromhex("c0010000") * 257, "oversized"),
    ],
)
def test_bad_messages_name_their_fault(data, reason):
    with pytest.raises(DecodeError) as caught:
        stun.decode(data)
    assert caught.value.reason == reason


def test_rubbish_in_text_for_people_does_not_cost_the_answer():
    data = stun.encode(binding(Attribute(0xFFFF, b"\xff\xfe"))).replace(b"\xff\xff\0\2", b"\x80\x22\0\2")
    assert stun.decode(data).get(attr.SOFTWARE) == "\ufffd\ufffd"


@pytest.mark.parametrize(
    "bad",
    [
        StunMessage(Method.BINDING, MessageClass.REQUEST, bytes(11)),
        StunMessage(0x1000, MessageClass.REQUEST, bytes(12)),
        binding(attr.LIFETIME(-1)),
        binding(attr.RESPONSE_PORT(65536)),
        binding(attr.XOR_MAPPED_ADDRESS(Address("192.0.2.1", 65536))),
        binding(attr.ERROR_CODE(ErrorCode(200, ""))),
        binding(attr.SOFTWARE("x" * 764)),
        binding(attr.RESERVATION_TOKEN(b"short")),
        binding(attr.DATA(bytes(65533))),
        binding(attr.DATA(bytes(40000)), attr.DATA(bytes(40000))),
        binding(*[attr.DATA(b"")] * 257),
    ],
)
def test_what_cannot_be_written_is_a_value_error(bad):
    with pytest.raises(ValueError, match=r".+"):
        stun.encode(bad)


def test_a_binding_request_asks_for_what_was_named():
    message = stun.binding_request(
        bytes(12), change_ip=True, change_port=True, response_port=4000, padding_bytes=64, software="s"
    )
    assert message.get(attr.CHANGE_REQUEST) == ChangeRequest(change_ip=True, change_port=True)
    assert message.get(attr.RESPONSE_PORT) == 4000
    assert message.get(attr.PADDING) == bytes(64)
    assert stun.encode(stun.binding_request(bytes(12), change_port=True))[20:] == bytes.fromhex(
        "0003000400000002"
    )
    assert stun.binding_request(bytes(12)).attributes == ()


def test_a_scoped_host_is_written_without_its_scope():
    message = binding(attr.MAPPED_ADDRESS(Address("fe80::1%eth0", 9)))
    assert stun.decode(stun.encode(message)).mapped_address == Address("fe80::1", 9)


def test_mapped_ipv4_is_written_as_operating_systems_write_it():
    message = binding(attr.XOR_MAPPED_ADDRESS(Address("::ffff:192.0.2.1", 9)))
    assert stun.decode(stun.encode(message)) == message


def test_credentials_that_saslprep_forbids_are_an_input_error():
    with pytest.raises(InputError):
        stun.long_term_key("bell\u0007", "example.org", "x")
