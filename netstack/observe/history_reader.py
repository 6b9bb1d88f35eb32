"""Reads the history, beside whoever writes it. Each call opens the file for itself: use it in a thread."""

import json
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from netstack.errors import InputError
from netstack.model.history import PastSession, PathChange, Point, Run, RunKind, Standing, Track
from netstack.observe.history_schema import METRICS, MICRO, MIGRATIONS

MAX_ROWS = 10_000


class HistoryReader:
    """What is hidden (forgotten, and not yet erased) is not there. Raises InputError for a file that cannot be read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def runs(
        self, *, kind: RunKind | None = None, limit: int = 200, before_s: float | None = None
    ) -> tuple[Run, ...]:
        """Diagnoses, newest first."""
        with self._open() as (database, hidden_s):
            rows = database.execute(
                "SELECT id, at_s, kind, network, title, standing, facts FROM run WHERE at_s > ?"
                " AND (? IS NULL OR kind = ?) AND (? IS NULL OR at_s < ?) ORDER BY at_s DESC LIMIT ?",
                (hidden_s, kind, kind, before_s, before_s, min(limit, MAX_ROWS)),
            ).fetchall()
        return tuple(_run(row) for row in rows)

    def body(self, run_id: int) -> bytes | None:
        """A diagnosis as it was told then (JSON)."""
        with self._open() as (database, hidden_s):
            row = database.execute(
                "SELECT body FROM run WHERE id = ? AND at_s > ?", (run_id, hidden_s)
            ).fetchone()
        return None if row is None or not row[0] else zlib.decompress(row[0])

    def sessions(self, *, limit: int = 200) -> tuple[PastSession, ...]:
        """Sessions with what happened to their paths, newest first."""
        with self._open() as (database, hidden_s):
            rows = database.execute(
                "SELECT id, began_s, ended_s, peer FROM session WHERE began_s > ? ORDER BY began_s DESC LIMIT ?",
                (hidden_s, min(limit, MAX_ROWS)),
            ).fetchall()
            return tuple(self._session(database, row) for row in rows)

    def tracks(self, begin_s: float, end_s: float, metric: str, *, most: int = 4000) -> tuple[Track, ...]:
        """Every path's points of a metric in the finest step that is kept that far back and gives at most `most` a path."""
        with self._open() as (database, hidden_s):
            begin_s = max(begin_s, hidden_s)
            for step_s in (1, 10, 60):
                if (end_s - begin_s) / step_s > most:
                    continue
                kept = database.execute("SELECT min(at_s) FROM point WHERE step_s = ?", (step_s,)).fetchone()[
                    0
                ]
                coarser = database.execute("SELECT min(at_s) FROM point").fetchone()[0]
                if kept is not None and (
                    kept <= begin_s + step_s or kept <= (coarser or 0) + 60 or step_s == 60
                ):
                    break
            rows = database.execute(
                "SELECT s.peer, s.transport, p.at_s, p.least, p.mean, p.most, p.p99, p.n FROM point p"
                " JOIN series s ON s.id = p.series WHERE p.step_s = ? AND p.at_s >= ? AND p.at_s <= ?"
                " AND p.metric = ? ORDER BY p.at_s",
                (step_s, int(begin_s), int(end_s), METRICS.index(metric)),
            ).fetchall()
        points: dict[tuple[str, str], list[Point]] = {}
        for peer, transport, at_s, *values, n in rows:
            least, mean, greatest, p99 = (value / MICRO for value in values)
            points.setdefault((peer, transport), []).append(
                Point(at_s, step_s, least, mean, greatest, p99, n)
            )
        return tuple(
            Track(peer=peer, transport=transport, metric=metric, points=tuple(found))
            for (peer, transport), found in points.items()
        )

    def size_bytes(self) -> int:
        """What the file takes."""
        return self._path.stat().st_size if self._path.exists() else 0

    @contextmanager
    def _open(self) -> Iterator[tuple[sqlite3.Connection, float]]:
        if not self._path.exists():
            with closing(sqlite3.connect(":memory:")) as empty:
                for script in MIGRATIONS:
                    empty.executescript(script)
                yield empty, float("-inf")
            return
        try:
            with closing(sqlite3.connect(f"{self._path.resolve().as_uri()}?mode=ro", uri=True)) as database:
                (version,) = database.execute("PRAGMA user_version").fetchone()
                if version != len(MIGRATIONS):
                    raise InputError(InputError.Reason.FILE, f"{self._path}: another version wrote it")
                row = database.execute("SELECT value FROM meta WHERE key = 'hidden_before'").fetchone()
                yield database, float("-inf") if row is None else row[0]
        except sqlite3.Error as error:
            raise InputError(InputError.Reason.FILE, f"{self._path}: {error}") from error

    def _session(self, database: sqlite3.Connection, row: tuple[Any, ...]) -> PastSession:
        number, began_s, ended_s, peer = row
        changes = database.execute(
            "SELECT at_s, what, transport, remote, text FROM change WHERE session = ? ORDER BY at_s LIMIT 500",
            (number,),
        ).fetchall()
        transports = database.execute(
            "SELECT DISTINCT transport FROM series WHERE session = ? ORDER BY id", (number,)
        ).fetchall()
        return PastSession(
            id=number,
            began_s=began_s,
            ended_s=ended_s,
            peer=peer,
            transports=tuple(name for (name,) in transports),
            changes=tuple(
                PathChange(at_s=at_s, what=what, transport=transport, remote=remote, text=text)
                for at_s, what, transport, remote, text in changes
            ),
        )


def _run(row: tuple[Any, ...]) -> Run:
    number, at_s, kind, network, title, standing, facts = row
    return Run(
        id=number,
        at_s=at_s,
        kind=RunKind(kind),
        network=network,
        title=title,
        standing=Standing(standing),
        facts=json.loads(facts),
    )
