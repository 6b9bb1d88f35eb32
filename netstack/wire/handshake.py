"""Handshake messages (docs/wire.md section 5)."""

from collections.abc import Callable
from typing import Final

import msgspec

from netstack.errors import DecodeError

VERSION: Final = 1
OLDEST: Final = 1
NEWEST: Final = 1
XX1_BYTES: Final = 128
KEY_BYTES: Final = 32
COOKIE_BYTES: Final = 16
MAC_BYTES: Final = 16
ECHO_BYTES: Final = 8
TOKEN_BYTES: Final = 16
HELLO_BYTES: Final = 22
SEALED_HELLO_BYTES: Final = HELLO_BYTES + 16
SEALED_KEY_BYTES: Final = KEY_BYTES + 16
NO_COOKIE: Final = bytes(COOKIE_BYTES)
LARGEST_BYTES: Final = 155

_XX1, _XX2, _XX3, _IK1, _IK2, _COOKIE, _VERSION, _REFUSED = range(0xD0, 0xD8)
_SIZES: Final = {_XX1: 128, _XX2: 126, _XX3: 91, _IK1: 155, _IK2: 78, _COOKIE: 29, _VERSION: 15, _REFUSED: 21}
_VERSION_ASKS_AT_LEAST = 78


class Hello(msgspec.Struct, frozen=True):
    """What both sides tell inside the handshake."""

    receiver_id: int
    token: bytes = bytes(TOKEN_BYTES)
    oldest: int = OLDEST
    newest: int = NEWEST
    flags: int = 0


class Xx1(msgspec.Struct, frozen=True):
    """First message of a first meeting: the Noise message is `e` and the commitment."""

    sender_id: int
    noise: bytes
    cookie: bytes = NO_COOKIE


class Xx2(msgspec.Struct, frozen=True):
    """Its answer."""

    receiver_id: int
    sender_id: int
    noise: bytes


class Xx3(msgspec.Struct, frozen=True):
    """The initiator shows itself."""

    receiver_id: int
    noise: bytes


class Ik1(msgspec.Struct, frozen=True):
    """First message between known peers. `mac1` covers `covered`, all that stands before it."""

    sender_id: int
    noise: bytes
    cookie: bytes = NO_COOKIE
    mac1: bytes = bytes(MAC_BYTES)

    @property
    def covered(self) -> bytes:
        """What `mac1` is computed over."""
        return _head(_IK1) + self.sender_id.to_bytes(3, "big") + self.noise + self.cookie


class Ik2(msgspec.Struct, frozen=True):
    """Its answer; the session may begin."""

    receiver_id: int
    sender_id: int
    noise: bytes


class Cookie(msgspec.Struct, frozen=True):
    """Say it again, with this."""

    receiver_id: int
    echo: bytes
    cookie: bytes


class Versions(msgspec.Struct, frozen=True):
    """Speak one of these."""

    receiver_id: int
    echo: bytes
    oldest: int
    newest: int


class Refused(msgspec.Struct, frozen=True):
    """No."""

    receiver_id: int
    tag: bytes


Message = Xx1 | Xx2 | Xx3 | Ik1 | Ik2 | Cookie | Versions | Refused


class WrongVersionError(DecodeError):
    """A first message of another version: whom to tell."""

    def __init__(self, receiver_id: int) -> None:
        super().__init__(DecodeError.Reason.WRONG_VERSION)
        self.receiver_id = receiver_id


def _head(kind: int) -> bytes:
    return bytes((kind, VERSION))


def _id(data: bytes, at: int = 2) -> int:
    return int.from_bytes(data[at : at + 3], "big")


def _read_xx1(data: bytes) -> Xx1:
    if any(data[101:]):
        raise DecodeError(DecodeError.Reason.MALFORMED, "padding that is not zero")
    return Xx1(_id(data), data[5:85], data[85:101])


_READERS: Final[dict[int, Callable[[bytes], Message]]] = {
    _XX1: _read_xx1,
    _XX2: lambda data: Xx2(_id(data), _id(data, 5), data[8:]),
    _XX3: lambda data: Xx3(_id(data), data[5:]),
    _IK1: lambda data: Ik1(_id(data), data[5:123], data[123:139], data[139:]),
    _IK2: lambda data: Ik2(_id(data), _id(data, 5), data[8:]),
    _COOKIE: lambda data: Cookie(_id(data), data[5:13], data[13:]),
    _VERSION: lambda data: Versions(_id(data), data[5:13], data[13], data[14]),
    _REFUSED: lambda data: Refused(_id(data), data[5:]),
}


def decode(data: bytes) -> Message:
    """A handshake message. Raises DecodeError; `WrongVersionError` when its sender should be told."""
    if len(data) < 2:
        raise DecodeError(DecodeError.Reason.TRUNCATED, "handshake")
    kind, version = data[0], data[1]
    size = _SIZES.get(kind)
    if size is None:
        raise DecodeError(DecodeError.Reason.MALFORMED, "not a handshake message")
    if version != (0 if kind == _VERSION else VERSION):
        if kind in (_XX1, _IK1) and len(data) >= _VERSION_ASKS_AT_LEAST:
            raise WrongVersionError(_id(data))
        raise DecodeError(DecodeError.Reason.WRONG_VERSION, "handshake")
    if len(data) != size:
        reason = DecodeError.Reason.TRUNCATED if len(data) < size else DecodeError.Reason.OVERSIZED
        raise DecodeError(reason, "handshake")
    return _READERS[kind](data)


def encode(message: Message) -> bytes:
    """The bytes of a handshake message."""
    match message:
        case Xx1(sender_id, noise, cookie):
            return (_head(_XX1) + sender_id.to_bytes(3, "big") + noise + cookie).ljust(XX1_BYTES, b"\0")
        case Xx2(receiver_id, sender_id, noise):
            return _head(_XX2) + receiver_id.to_bytes(3, "big") + sender_id.to_bytes(3, "big") + noise
        case Xx3(receiver_id, noise):
            return _head(_XX3) + receiver_id.to_bytes(3, "big") + noise
        case Ik1():
            return message.covered + message.mac1
        case Ik2(receiver_id, sender_id, noise):
            return _head(_IK2) + receiver_id.to_bytes(3, "big") + sender_id.to_bytes(3, "big") + noise
        case Cookie(receiver_id, echo, cookie):
            return _head(_COOKIE) + receiver_id.to_bytes(3, "big") + echo + cookie
        case Versions(receiver_id, echo, oldest, newest):
            return bytes((_VERSION, 0)) + receiver_id.to_bytes(3, "big") + echo + bytes((oldest, newest))
        case Refused(receiver_id, tag):
            return _head(_REFUSED) + receiver_id.to_bytes(3, "big") + tag


def encode_hello(hello: Hello) -> bytes:
    """22 bytes."""
    head = bytes((hello.oldest, hello.newest, hello.flags))
    return head + hello.receiver_id.to_bytes(3, "big") + hello.token


def decode_hello(data: bytes) -> Hello:
    """Raises DecodeError."""
    if len(data) != HELLO_BYTES:
        raise DecodeError(DecodeError.Reason.MALFORMED, "hello")
    return Hello(_id(data, 3), data[6:], data[0], data[1], data[2])
