"""Who may allocate: long-term users, time-limited users of a shared secret, and the nonces in between."""

import hashlib
import hmac

from netstack.errors import DecodeError, InputError
from netstack.model.address import Address
from netstack.server.turn_refusal import Refusal
from netstack.wire import stun_attributes as attr
from netstack.wire.password_algorithm import (
    PasswordAlgorithm,
    decode_algorithms,
    encode_algorithms,
    hash_name,
    nonce_with_algorithms,
)
from netstack.wire.stun import StunMessage, long_term_key, verify_integrity
from netstack.wire.turn import time_limited_password

NONCE_MAC_BYTES = 12
MAX_USER_BYTES = 512
_OFFER = encode_algorithms(PasswordAlgorithm.SHA256, PasswordAlgorithm.MD5)
_NONCE_HEAD = len(nonce_with_algorithms(b""))


class Credentials:
    """Long-term credentials (RFC 8489 section 9.2).

    `users` maps names to passwords; with `secret`, users whose name begins with a time in the future (seconds
    since 1970) are good too. `epoch_s` is that time at 0 on the clock of `now`.
    """

    def __init__(
        self,
        realm: str,
        users: dict[str, str],
        nonce_key: bytes,
        *,
        secret: str | None = None,
        epoch_s: float = 0.0,
        nonce_s: float = 3600.0,
    ) -> None:
        self.realm = realm
        self._users = users
        self._secret = secret
        self._nonce_key = nonce_key
        self._epoch_s = epoch_s
        self._nonce_s = nonce_s

    def key(
        self, username: str, now: float, algorithm: PasswordAlgorithm = PasswordAlgorithm.MD5
    ) -> bytes | None:
        """The integrity key of a user, None where there is none or its time is over."""
        password = self._users.get(username)
        if password is None and self._secret is not None:
            expiry = username.partition(":")[0]
            if (
                expiry.isascii()
                and expiry.isdigit()
                and len(expiry) <= 12
                and int(expiry) > self._epoch_s + now
            ):
                password = time_limited_password(self._secret, username)
        if password is None:
            return None
        try:
            return long_term_key(username, self.realm, password, algorithm=hash_name(algorithm))
        except InputError:  # a time-limited name is anybody's text
            return None

    def authenticate(
        self, data: bytes, message: StunMessage, client: Address, now: float
    ) -> tuple[str, bytes]:
        """The user and the key behind a request (RFC 8489 section 9.2.4). Raises Refusal."""
        fresh = (
            attr.REALM(self.realm),
            attr.NONCE(self.nonce(client, now)),
            attr.PASSWORD_ALGORITHMS(_OFFER),
        )
        if message.get(attr.MESSAGE_INTEGRITY) is None and message.get(attr.MESSAGE_INTEGRITY_SHA256) is None:
            raise Refusal(401, *fresh)
        username, nonce = message.get(attr.USERNAME), message.get(attr.NONCE)
        if username is None or nonce is None or message.get(attr.REALM) is None:
            raise Refusal(400)
        if len(username) > MAX_USER_BYTES:
            raise Refusal(400)
        key = self.key(username, now, self._algorithm(message))
        if key is None or not verify_integrity(data, key):
            raise Refusal(401, *fresh)
        if not self.is_fresh(nonce, client, now):
            raise Refusal(438, *fresh)
        return username, key

    @staticmethod
    def _algorithm(message: StunMessage) -> PasswordAlgorithm:
        """What the client chose; who chooses repeats the offer, so that a changed one is noticed. Raises Refusal."""
        offer, choice = message.get(attr.PASSWORD_ALGORITHMS), message.get(attr.PASSWORD_ALGORITHM)
        if offer is None and choice is None:
            return PasswordAlgorithm.MD5
        try:
            chosen = decode_algorithms(choice or b"")
        except DecodeError:
            chosen = ()
        if offer != _OFFER or len(chosen) != 1:
            raise Refusal(400)
        return chosen[0]

    def nonce(self, client: Address, now: float) -> bytes:
        """A nonce for this client: its time and a MAC, so that nothing needs to be kept."""
        return self._nonce(client, int(now * 1000))

    def is_fresh(self, nonce: bytes, client: Address, now: float) -> bool:
        """Whether the nonce is ours, this client's, and young enough."""
        try:
            at_ms = int(nonce[_NONCE_HEAD : _NONCE_HEAD + 12], 16)
        except ValueError:
            return False
        age_s = now - at_ms / 1000
        return -1 < age_s <= self._nonce_s and hmac.compare_digest(nonce, self._nonce(client, at_ms))

    def _nonce(self, client: Address, at_ms: int) -> bytes:
        stamp = f"{at_ms:012x}"
        mac = hmac.digest(self._nonce_key, f"{stamp} {client}".encode(), hashlib.sha256)
        return nonce_with_algorithms((stamp + mac[:NONCE_MAC_BYTES].hex()).encode())
