"""Cyclic garbage is collected on the UI thread only.

Python collects cycles in whichever thread happens to allocate. A widget that dies in the engine's thread
takes Qt down with it (its timers and its window belong to the UI thread), so automatic collection is off
and a timer of the UI thread does the same work by the same thresholds.
"""

import gc

from PySide6.QtCore import QObject, QTimerEvent

PERIOD_MS = 1000


class UiGarbage(QObject):
    """Takes over from the automatic collector until `stop`.

    Whatever is there after the first period (modules, above all) is set aside for good: going through it
    would stop both threads for some 10 ms each time.
    """

    def __init__(self) -> None:
        super().__init__()
        gc.disable()
        self._started = False
        self._timer = self.startTimer(PERIOD_MS)

    def stop(self) -> None:
        """Gives the work back to the automatic collector, once no other thread runs."""
        self.killTimer(self._timer)
        gc.unfreeze()
        gc.enable()

    def timerEvent(self, _event: QTimerEvent) -> None:  # noqa: N802
        """Collects the generations that are due."""
        if not self._started:
            self._started = True
            gc.collect()
            gc.freeze()
            return
        young, middle, old = (
            count > limit for count, limit in zip(gc.get_count(), gc.get_threshold(), strict=True)
        )
        if young:
            gc.collect(2 if old else 1 if middle else 0)
