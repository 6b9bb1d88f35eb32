"""The status bar."""

import msgspec

from app.presenters.quantity import NOT_MEASURED, duration
from netstack.model.snapshot import Snapshot


class StatusView(msgspec.Struct, frozen=True):
    """`network` is where the stack lives; the lags are the worst of the last wake-ups."""

    network: str
    engine_lag: str
    window_lag: str


def status(snapshot: Snapshot, engine_lag_s: float | None, window_lag_s: float | None) -> StatusView:
    """The bar's texts."""
    network = "Real network" if snapshot.network == "real" else f"Lab: {snapshot.network}"
    return StatusView(network, _lag("Engine", engine_lag_s), _lag("Window", window_lag_s))


def _lag(who: str, lag_s: float | None) -> str:
    return f"{who} lag {NOT_MEASURED if lag_s is None else duration(lag_s)}"
