"""When to dial again after a connection was lost: at once, then ever more seldom, while the session can still be saved."""

from collections.abc import Iterator
from typing import Final

from netstack.model.address import Address

PAUSES_S: Final = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 16.0)
CALM_S: Final = 10.0


class Redial:
    """Where a session was dialled. One that is lost again at once waits a second before it is dialled again."""

    __slots__ = ("_at_s", "places")

    def __init__(self, places: tuple[Address, ...]) -> None:
        self.places = places
        self._at_s = float("-inf")

    def pauses_s(self, now: float) -> Iterator[float]:
        """How long to wait before each attempt; 47 s together, as a silent session ends after 60."""
        flaps, self._at_s = now - self._at_s < CALM_S, now
        return iter(PAUSES_S[2:] if flaps else PAUSES_S)
