"""Stateless cookies: under load, who wants a handshake shows first that it hears at its address."""

import hmac
from typing import Final

from netstack.core.handshake import Entropy
from netstack.model.session import Flow
from netstack.wire.handshake import COOKIE_BYTES

SECRET_LIFETIME_S: Final = 120.0


class CookieJar:
    """Makes and checks cookies. The secret is replaced every 120 s; the one before still counts."""

    __slots__ = ("_entropy", "_previous", "_renew_s", "_secret")

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._secret = entropy(32)
        self._previous = self._secret
        self._renew_s: float | None = None

    def make(self, flow: Flow, now: float) -> bytes:
        """The cookie of a flow."""
        self._renew(now)
        return _cookie(self._secret, flow)

    def check(self, cookie: bytes, flow: Flow, now: float) -> bool:
        """Whether the cookie was made for this flow, at most 240 s ago."""
        self._renew(now)
        return any(hmac.compare_digest(cookie, _cookie(key, flow)) for key in (self._secret, self._previous))

    def _renew(self, now: float) -> None:
        if self._renew_s is None:
            self._renew_s = now + SECRET_LIFETIME_S
        elif now >= self._renew_s:
            twice = now >= self._renew_s + SECRET_LIFETIME_S
            fresh = self._entropy(32)
            self._previous = fresh if twice else self._secret
            self._secret = fresh
            self._renew_s = now + SECRET_LIFETIME_S


def _cookie(secret: bytes, flow: Flow) -> bytes:
    return hmac.digest(secret, f"{flow.link}|{flow.remote}".encode(), "sha256")[:COOKIE_BYTES]
