"""A curve as Qt draws it fastest: points written straight into the polygon's memory, one column a pixel where there are many."""

from array import array
from typing import TYPE_CHECKING, Any

from PySide6.QtGui import QPolygonF
from shiboken6 import Shiboken

if TYPE_CHECKING:
    import numpy as np

POINT_BYTES = 16


def polygons(
    times: "array[float]",
    values: "array[float]",
    to_x: tuple[float, float],
    to_y: tuple[float, float],
    gap_s: float,
    log: bool,
) -> list[QPolygonF]:
    """Polygons of the points, a new one after each pause longer than `gap_s`; x = a t + b, y = c v + d (or of log10 v)."""
    import numpy as np  # noqa: PLC0415 - the first window need not wait for it

    if not len(times):
        return []
    t, v = np.frombuffer(times), np.frombuffer(values)
    if log:
        v = np.log10(np.maximum(v, 1e-12))
    x, y = to_x[0] * t + to_x[1], to_y[0] * v + to_y[1]
    cuts = np.flatnonzero(np.diff(t) > gap_s) + 1
    pieces = zip(np.split(x, cuts), np.split(y, cuts), strict=True) if cuts.size else ((x, y),)
    return [_polygon(*_thinned(px, py)) for px, py in pieces]


def _thinned(
    x: "np.ndarray[Any, Any]", y: "np.ndarray[Any, Any]"
) -> "tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]":
    """Least and most of each pixel column, where there are more than two points in it on average."""
    import numpy as np  # noqa: PLC0415

    if x.size < 4 or x.size <= 2 * (x[-1] - x[0]):
        return x, y
    columns = np.floor(x)
    starts = np.concatenate(([0], np.flatnonzero(np.diff(columns)) + 1))
    thin_x, thin_y = np.repeat(columns[starts], 2), np.empty(2 * starts.size)
    thin_y[0::2], thin_y[1::2] = np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts)
    return thin_x, thin_y


def _polygon(x: "np.ndarray[Any, Any]", y: "np.ndarray[Any, Any]") -> QPolygonF:
    import numpy as np  # noqa: PLC0415

    polygon = QPolygonF()
    polygon.resize(x.size)
    shiboken: Any = Shiboken  # its stubs know less than it does
    memory = shiboken.VoidPtr(polygon.data(), POINT_BYTES * x.size, True)
    points = np.frombuffer(memory, dtype=np.float64).reshape(-1, 2)
    points[:, 0], points[:, 1] = x, y
    return polygon
