"""Remembers across starts, in one SQLite file: one thread writes, twice a second, and whatever fails costs the app nothing.

The file is in WAL mode, so a program that is killed loses what it had not yet committed: at most the last second. A
disk that is full, or a file that is broken, gives one sentence; the app goes on, and so does the history as soon as it can.
"""

import json
import logging
import os
import queue
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

from netstack.core.history_facts import Report, facts_of, kind_of, standing_of, title_of
from netstack.model.path import PathReport
from netstack.observe.downsample import Downsampler, Span
from netstack.observe.history_schema import METRICS, MICRO, NewerFileError, prepare

COMMIT_S: Final = 0.5
TIDY_S: Final = 60.0
QUEUE_MAX: Final = 20_000
BUSY_S: Final = 5.0
UNDO_S: Final = 60.0
KEPT_S: Final = {1: 3600.0, 10: 86_400.0, 60: 30 * 86_400.0}
DAY_S: Final = 86_400.0
MAX_BODY_BYTES: Final = 4 << 20

FULL = "The disk is full: history is not kept until there is room again."
BROKEN = "The history file was damaged; it was put aside, and a new one was begun."
NEWER = "The history was written by a newer Peerscope; it is left alone, and nothing is added."
UNWRITABLE = "History cannot be written here; nothing is kept."

log = logging.getLogger(__name__)

_Statement = tuple[str, tuple[Any, ...]]


class Retention(msgspec.Struct, frozen=True):
    """How much is kept: diagnoses and sessions for so many days, and of all so many bytes."""

    days: int = 365
    max_bytes: int = 200_000_000


class History:
    """`open` it once; everything else may be called from any thread and never blocks or raises.

    `changed` is called from the writer's thread after something was written or could not be.
    """

    def __init__(
        self,
        path: Path,
        retention: Retention | None = None,
        *,
        wall_time: Callable[[], float] = time.time,
        changed: Callable[[], None] = lambda: None,
        commit_s: float = COMMIT_S,
    ) -> None:
        self.path = path
        self.problem = ""
        self.lost = 0
        self.revision = 0
        self.size_bytes = 0
        self.retention = retention or Retention()
        self._wall_time = wall_time
        self._changed = changed
        self._commit_s = commit_s
        self._queue: queue.Queue[_Statement | Callable[[sqlite3.Connection], None] | None] = queue.Queue(
            QUEUE_MAX
        )
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._next_session = self._next_series = 1
        self._hidden_at: float | None = None

    # Life.

    def open(self) -> None:
        """Makes the file ready and starts the writer. Blocks for a moment: not on a loop. Raises nothing."""
        database: sqlite3.Connection | None
        try:
            database = self._connect()
        except sqlite3.DatabaseError as error:
            database = self._after(error)
        except NewerFileError:
            self._tell(NEWER)
            return
        except OSError:
            self._tell(UNWRITABLE)
            return
        if database is None:
            return
        self._thread = threading.Thread(target=self._work, args=(database,), name="history", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Writes what waits and ends the thread. May be called twice."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    @property
    def kept(self) -> bool:
        """There is somebody who writes."""
        return self._thread is not None

    def now_s(self) -> float:
        """Seconds since 1970, by the clock of this history."""
        return self._wall_time()

    # What is remembered.

    def add_run(self, report: Report) -> None:
        """A diagnosis that has ended."""
        body = zlib.compress(msgspec.json.encode(report))
        if len(body) > MAX_BODY_BYTES:
            body = b""
        self._put(
            "INSERT INTO run (at_s, kind, network, title, standing, facts, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
            self._wall_time(),
            kind_of(report).value,
            getattr(report, "network", "real"),
            title_of(report),
            standing_of(report).value,
            json.dumps(facts_of(report), ensure_ascii=False),
            body,
        )

    def begin_session(self, peer: str) -> int:
        """A session is up; returns its number here."""
        with self._lock:
            number, self._next_session = self._next_session, self._next_session + 1
        self._put("INSERT INTO session (id, began_s, peer) VALUES (?, ?, ?)", number, self._wall_time(), peer)
        return number

    def end_session(self, session: int) -> None:
        """It is over."""
        self._put("UPDATE session SET ended_s = ? WHERE id = ?", self._wall_time(), session)

    def add_change(
        self, session: int, what: str, transport: str = "", remote: str = "", text: str = ""
    ) -> None:
        """Something happened to its paths."""
        self._put(
            "INSERT INTO change VALUES (?, ?, ?, ?, ?, ?)",
            session,
            self._wall_time(),
            what,
            transport,
            remote,
            text,
        )

    def begin_series(self, session: int, report: PathReport) -> "Track":
        """A path is watched."""
        with self._lock:
            number, self._next_series = self._next_series, self._next_series + 1
        self._put(
            "INSERT INTO series VALUES (?, ?, ?, ?, ?, ?)",
            number,
            session,
            self._wall_time(),
            report.peer,
            report.transport,
            report.remote,
        )
        return Track(lambda metric, span: self._put_span(number, metric, span))

    def forget(self) -> None:
        """Everything is gone for every reader now, and from the disk a minute later, unless `undo_forget` comes first."""
        self._hidden_at = self._wall_time()
        self._put("INSERT OR REPLACE INTO meta VALUES ('hidden_before', ?)", self._hidden_at)

    def undo_forget(self) -> None:
        """Brings back what was forgotten less than a minute ago."""
        self._hidden_at = None
        self._put("DELETE FROM meta WHERE key = 'hidden_before'")

    @property
    def undo_s(self) -> float:
        """How long `undo_forget` still helps."""
        hidden_at = self._hidden_at
        return 0.0 if hidden_at is None else max(0.0, hidden_at + UNDO_S - self._wall_time())

    # The writer.

    def _put_span(self, series: int, metric: str, span: Span) -> None:
        least, mean, most, p99 = (round(value * MICRO) for value in span[2:6])
        self._put(
            "INSERT OR REPLACE INTO point VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            span.step_s,
            span.at_s,
            series,
            METRICS.index(metric),
            least,
            mean,
            most,
            p99,
            span.n,
        )

    def _put(self, sql: str, *values: Any) -> None:
        if self._thread is None:
            return
        try:
            self._queue.put_nowait((sql, values))
        except queue.Full:
            self.lost += 1

    def _work(self, database: sqlite3.Connection) -> None:
        tidied_at = 0.0
        ending = False
        while not ending:
            try:
                first = self._queue.get(timeout=TIDY_S)
            except queue.Empty:
                batch: list[_Statement] = []
            else:
                batch, ending = self._gather(first)
            if batch:
                self._write(database, batch)
            now = self._wall_time()
            if abs(now - tidied_at) >= TIDY_S or (self._hidden_at is not None and not self.undo_s) or ending:
                tidied_at = now
                self._keep_small(database)
        database.close()

    def _gather(self, first: Any) -> tuple[list[_Statement], bool]:
        """What comes within half a second is one commit."""
        batch: list[_Statement] = []
        until = time.monotonic() + self._commit_s
        item = first
        while True:
            if item is None:
                return batch, True
            batch.append(item)
            try:
                item = self._queue.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                return batch, False

    def _write(self, database: sqlite3.Connection, batch: list[_Statement]) -> None:
        try:
            with database:
                for sql, values in batch:
                    database.execute(sql, values)
        except sqlite3.Error as error:
            self.lost += len(batch)
            self._tell(_sentence(error))
            return
        self.revision += 1
        self._measure(database)
        self._tell("" if self.problem != BROKEN else BROKEN)

    def _keep_small(self, database: sqlite3.Connection) -> None:
        """Drops what is too old or too much, and what was forgotten for good."""
        try:
            with database:
                self._drop_old(database)
            if self._hidden_at is not None and not self.undo_s:
                _erase(database, self._hidden_at)
                self._hidden_at = None
            for _ in range(64):
                if self._measure(database) <= self.retention.max_bytes or not self._drop_some(database):
                    break
            database.executescript("PRAGMA incremental_vacuum")  # `execute` frees one page
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._measure(database)
        except sqlite3.Error as error:
            self._tell(_sentence(error))

    def _drop_old(self, database: sqlite3.Connection) -> None:
        now = self._wall_time()
        for step_s, kept_s in KEPT_S.items():
            limit_s = now - min(kept_s, self.retention.days * DAY_S)
            database.execute("DELETE FROM point WHERE step_s = ? AND at_s < ?", (step_s, int(limit_s)))
        limit_s = now - self.retention.days * DAY_S
        database.execute("DELETE FROM run WHERE at_s < ?", (limit_s,))
        _drop_sessions(database, limit_s)

    def _drop_some(self, database: sqlite3.Connection) -> bool:
        """The oldest tenth of what there is; false when nothing is left."""
        oldest = database.execute(
            "SELECT min(at) FROM (SELECT min(at_s) AS at FROM point UNION ALL SELECT min(at_s) FROM run"
            " UNION ALL SELECT min(began_s) FROM session)"
        ).fetchone()[0]
        if oldest is None:
            return False
        limit_s = oldest + max(1.0, (self._wall_time() - oldest) / 10)
        with database:
            database.execute("DELETE FROM point WHERE at_s < ?", (int(limit_s) + 1,))
            database.execute("DELETE FROM run WHERE at_s < ?", (limit_s,))
            _drop_sessions(database, limit_s)
        return True

    def _measure(self, database: sqlite3.Connection) -> int:
        pages = database.execute("PRAGMA page_count").fetchone()[0]
        free = database.execute("PRAGMA freelist_count").fetchone()[0]
        page_bytes = database.execute("PRAGMA page_size").fetchone()[0]
        self.size_bytes = int((pages - free) * page_bytes)
        return self.size_bytes

    def _tell(self, problem: str) -> None:
        if problem and problem != self.problem:
            log.warning("%s", problem)
        self.problem = problem
        self._changed()

    # Beginning.

    def _connect(self) -> sqlite3.Connection:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.path.exists():
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        database = sqlite3.connect(self.path, timeout=BUSY_S, check_same_thread=False)
        try:
            prepare(database)
            hidden = database.execute("SELECT value FROM meta WHERE key = 'hidden_before'").fetchone()
            if hidden is not None:
                _erase(database, hidden[0])
            _mend(database)
            self._next_session = _after_last(database, "session")
            self._next_series = _after_last(database, "series")
            self._measure(database)
        except BaseException:
            database.close()
            raise
        return database

    def _after(self, error: sqlite3.DatabaseError) -> sqlite3.Connection | None:
        """A broken file is put aside; one that cannot be opened is left alone."""
        if isinstance(error, sqlite3.OperationalError):
            self._tell(_sentence(error))
            return None
        try:
            aside = self.path.with_name(f"{self.path.name}.damaged-{int(self._wall_time())}")
            self.path.replace(aside)
            for extra in ("-wal", "-shm"):
                self.path.with_name(self.path.name + extra).unlink(missing_ok=True)
            database = self._connect()
        except (OSError, sqlite3.Error) as again:
            log.warning("history: %s", again)
            self._tell(UNWRITABLE)
            return None
        self._tell(BROKEN)
        return database


class Track:
    """One path's series."""

    def __init__(self, put: Callable[[str, Span], None]) -> None:
        self._put = put
        self._metrics: dict[str, Downsampler] = {}

    def add(self, metric: str, wall_s: float, value: float, count: float) -> None:
        """A value, by a field of `PathSeries`, that stands for `count`."""
        sampler = self._metrics.get(metric)
        if sampler is None:
            sampler = self._metrics[metric] = Downsampler(lambda span: self._put(metric, span))
        sampler.add(wall_s, value, max(1, round(count)))

    def close(self) -> None:
        """The path is gone: what is open is over."""
        for sampler in self._metrics.values():
            sampler.close()


def _sentence(error: sqlite3.Error) -> str:
    text = str(error)
    if "full" in text:
        return FULL
    log.info("history: %s", text)
    return UNWRITABLE


def _drop_sessions(database: sqlite3.Connection, limit_s: float) -> None:
    database.execute("DELETE FROM session WHERE coalesce(ended_s, began_s) < ?", (limit_s,))
    database.execute("DELETE FROM change WHERE session NOT IN (SELECT id FROM session)")
    database.execute(
        "DELETE FROM series WHERE began_s < ? AND id NOT IN (SELECT DISTINCT series FROM point)", (limit_s,)
    )


def _erase(database: sqlite3.Connection, before_s: float) -> None:
    """What was hidden is overwritten."""
    with database:
        database.execute("DELETE FROM run WHERE at_s <= ?", (before_s,))
        database.execute("DELETE FROM change WHERE at_s <= ?", (before_s,))
        database.execute("DELETE FROM session WHERE began_s <= ?", (before_s,))
        database.execute("DELETE FROM point WHERE at_s <= ?", (int(before_s),))
        database.execute("DELETE FROM series WHERE id NOT IN (SELECT DISTINCT series FROM point)")
        database.execute("DELETE FROM meta WHERE key = 'hidden_before'")
    database.execute("VACUUM")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _mend(database: sqlite3.Connection) -> None:
    """A program that was killed had spans open: what of them was told in seconds becomes ten seconds and minutes.

    The p99 of such a span is the greatest of its parts.
    """
    with database:
        for fine_s, coarse_s in ((1, 10), (10, 60)):
            database.execute(
                "INSERT OR IGNORE INTO point SELECT ?, at_s / ? * ?, series, metric, min(least),"
                " sum(mean * n) / sum(n), max(most), max(p99), sum(n) FROM point WHERE step_s = ?"
                " GROUP BY at_s / ?, series, metric HAVING sum(n) > 0",
                (coarse_s, coarse_s, coarse_s, fine_s, coarse_s),
            )


def _after_last(database: sqlite3.Connection, table: str) -> int:
    known: Iterable[tuple[int | None]] = database.execute(f"SELECT max(id) FROM {table}")  # noqa: S608 - a name of ours
    return (next(iter(known))[0] or 0) + 1
