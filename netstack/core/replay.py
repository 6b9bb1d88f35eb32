"""The replay window: which packet numbers of a path have been opened."""

from typing import Final

WINDOW: Final = 8192


class ReplayWindow:
    """`WINDOW` numbers as the bits of an int above a floor that rises over what came without a gap.

    In order, the int is 0 and costs nothing. A number is added only after its packet has opened.
    """

    __slots__ = ("_floor", "_seen", "highest")

    def __init__(self) -> None:
        self.highest = -1
        self._floor = 0  # lower numbers were seen, or are too old to be told apart from seen ones
        self._seen = 0  # bit i: number floor + i was seen

    def fresh(self, number: int) -> bool:
        """Not seen, and not too old to know."""
        above = number - self._floor
        return above >= 0 and not self._seen >> above & 1

    def add(self, first: int, count: int = 1) -> None:
        """Takes the numbers `first` to `first + count - 1`, all of them fresh."""
        if first == self._floor and not self._seen:
            self._floor = first + count
            self.highest = self._floor - 1
            return
        self.highest = max(self.highest, first + count - 1)
        self._seen |= ((1 << count) - 1) << (first - self._floor)
        too_old = self.highest - WINDOW + 1 - self._floor
        if too_old > 0:
            self._rise(too_old)
        if self._seen & 1:
            self._rise((~self._seen & (self._seen + 1)).bit_length() - 1)

    def _rise(self, by: int) -> None:
        self._floor += by
        self._seen >>= by
