"""The history keeps what it was given, through kills, full disks, broken files and other versions; and lets go of it."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netstack.errors import InputError
from netstack.model.history import RunKind, Standing
from netstack.model.nat import Filtering, Mapping, NatReport, Udp, Verdict
from netstack.model.path import PathReport, PathState
from netstack.observe import history as module
from netstack.observe.history import BROKEN, FULL, NEWER, UNDO_S, UNWRITABLE, History, Retention
from netstack.observe.history_reader import HistoryReader
from netstack.observe.history_schema import MIGRATIONS

NAT = NatReport(
    verdict=Verdict.MODERATE,
    headline="Moderate - one port for all.",
    udp=Udp.OK,
    mapping=Mapping.ENDPOINT_INDEPENDENT,
    filtering=Filtering.ADDRESS_DEPENDENT,
    public_addresses=("203.0.113.7",),
)
PATH = PathReport(key="1/0", peer="Ana", transport="udp", remote="203.0.113.9:4000", state=PathState.UP)


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(tmp_path: Path, clock: Clock) -> Iterator[Callable[..., History]]:
    made: list[History] = []

    def make(**options: object) -> History:
        history = History(tmp_path / "history.db", wall_time=clock, commit_s=0.01, **options)
        made.append(history)
        history.open()
        return history

    yield make
    for history in made:
        history.close()


def written(history: History, turns: int = 1) -> None:
    """Waits until what was put is in the file."""
    before = history.revision
    until = time.monotonic() + 10
    while history.revision < before + turns and time.monotonic() < until:
        time.sleep(0.002)


def read(history: History) -> HistoryReader:
    history.close()
    return HistoryReader(history.path)


def test_a_diagnosis_comes_back_with_its_facts_and_whole(make) -> None:
    history = make()
    history.add_run(NAT)
    reader = read(history)
    (run,) = reader.runs()
    assert (run.kind, run.standing, run.title) == (RunKind.NAT, Standing.FINE, NAT.headline)
    assert run.facts["Mapping"] == "endpoint-independent"
    assert run.facts["VPN"] is None
    assert json.loads(reader.body(run.id) or b"")["verdict"] == "moderate"
    assert reader.runs(kind=RunKind.TURN) == ()
    assert (history.path.stat().st_mode & 0o777) == 0o600


def test_sessions_tell_what_happened_to_their_paths(make, clock) -> None:
    history = make()
    session = history.begin_session("Ana")
    track = history.begin_series(session, PATH)
    history.add_change(session, "path opened", "udp", "203.0.113.9:4000")
    for turn in range(200):
        track.add("rtt", clock.now_s + turn / 10, 0.02 + turn / 10_000, 1)
    track.close()
    clock.now_s += 30
    history.end_session(session)
    reader = read(history)
    (past,) = reader.sessions()
    assert (past.peer, past.ended_s - past.began_s, past.transports) == ("Ana", 30, ("udp",))
    assert [change.what for change in past.changes] == ["path opened"]
    (series,) = reader.tracks(clock.now_s - 60, clock.now_s, "rtt")
    assert (series.peer, series.transport, len(series.points)) == ("Ana", "udp", 20)
    first = series.points[0]
    assert (first.step_s, first.n, first.least) == (1, 10, 0.02)
    assert first.most == pytest.approx(0.0209)
    assert reader.tracks(clock.now_s - 60, clock.now_s, "sent") == ()


def test_numbers_go_on_after_a_restart(make, tmp_path, clock) -> None:
    first = make()
    assert first.begin_session("Ana") == 1
    first.close()
    assert make().begin_session("Ben") == 2


def test_a_killed_program_loses_at_most_the_last_second(tmp_path) -> None:
    path = tmp_path / "history.db"
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from netstack.observe.history import History\n"
        "from netstack.model.path import PathReport, PathState\n"
        "h = History(Path(sys.argv[1])); h.open()\n"
        "report = PathReport(key='1/0', peer='Ana', transport='udp', remote='', state=PathState.UP)\n"
        "track = h.begin_series(h.begin_session('Ana'), report)\n"
        "while True:\n"
        "    now = time.time(); track.add('rtt', now, 0.02, 1); h.add_change(1, 'tick', text=repr(now))\n"
        "    print(now, flush=True); time.sleep(0.01)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True
    ) as child:
        began, last = time.monotonic(), 0.0
        while time.monotonic() - began < 3.5:
            last = float(child.stdout.readline())
        os.kill(child.pid, signal.SIGKILL)
        last = max([last, *(float(line) for line in child.stdout.read().split("\n")[:-1] if line)])
    history = History(path)  # opens what the other left, and mends it
    history.open()
    history.close()
    assert history.problem == ""
    reader = HistoryReader(path)
    (past,) = reader.sessions()
    assert past.ended_s is None
    with sqlite3.connect(path) as database:
        newest = float(database.execute("SELECT text FROM change ORDER BY at_s DESC").fetchone()[0])
        spans = dict(database.execute("SELECT step_s, sum(n) FROM point GROUP BY step_s").fetchall())
        (check,) = database.execute("PRAGMA integrity_check").fetchone()
    database.close()
    assert last - newest < 1.0
    assert check == "ok"
    assert spans[1] == spans[10] == spans[60] > 50  # what was in seconds is in the coarser steps too


def test_a_full_disk_is_one_sentence_and_nothing_else(make, expected_logs) -> None:
    expected_logs("The disk is full")
    told: list[str] = []
    history = make(changed=lambda: told.append(history.problem))
    history.add_run(NAT)
    written(history)
    history._put("PRAGMA max_page_count = 1")  # SQLite's own "database or disk is full", from now on
    for _ in range(30):
        history.add_run(NAT)
        history._put("INSERT INTO change VALUES (1, 1, 'x', '', '', ?)", "x" * 50_000)
    until = time.monotonic() + 10
    while not history.problem and time.monotonic() < until:
        time.sleep(0.01)
    assert history.problem == FULL
    assert history.lost > 0
    history._put("PRAGMA max_page_count = 1000000")
    written(history)
    history.add_run(NAT)
    written(history)
    assert history.problem == ""  # and it goes on as soon as there is room
    assert len(read(history).runs()) >= 2
    assert FULL in told


def test_a_broken_file_is_put_aside(make, tmp_path, expected_logs) -> None:
    expected_logs("damaged")
    (tmp_path / "history.db").write_bytes(b"this is no database" * 500)
    history = make()
    assert history.problem == BROKEN
    history.add_run(NAT)
    assert len(read(history).runs()) == 1
    (aside,) = tmp_path.glob("history.db.damaged-*")
    assert aside.read_bytes().startswith(b"this is no database")


def test_a_newer_file_is_left_alone(make, tmp_path, expected_logs) -> None:
    expected_logs("newer Peerscope")
    with sqlite3.connect(tmp_path / "history.db") as database:
        database.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    database.close()
    before = (tmp_path / "history.db").read_bytes()
    history = make()
    assert (history.kept, history.problem) == (False, NEWER)
    history.add_run(NAT)
    assert history.begin_session("Ana") == 1
    history.close()
    assert (tmp_path / "history.db").read_bytes() == before
    with pytest.raises(InputError):
        HistoryReader(history.path).runs()


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path, expected_logs) -> None:
    expected_logs("cannot be written")
    (tmp_path / "file").write_text("in the way")
    history = History(tmp_path / "file" / "history.db")
    history.open()
    assert (history.kept, history.problem) == (False, UNWRITABLE)


def test_a_failed_migration_leaves_the_file_as_it_was(tmp_path, monkeypatch) -> None:
    first = History(tmp_path / "history.db")
    first.open()
    first.add_run(NAT)
    first.close()
    monkeypatch.setattr(
        "netstack.observe.history_schema.MIGRATIONS",
        (*MIGRATIONS, "CREATE TABLE more (x); CREATE TABLE run (y);"),
    )
    with sqlite3.connect(tmp_path / "history.db") as database, pytest.raises(sqlite3.Error):
        module.prepare(database)
    database.close()
    monkeypatch.undo()
    assert len(HistoryReader(tmp_path / "history.db").runs()) == 1


def test_what_is_too_old_goes(make, clock) -> None:
    history = make(retention=Retention(days=10))
    history.add_run(NAT)
    track = history.begin_series(history.begin_session("Ana"), PATH)
    track.add("rtt", clock.now_s, 0.01, 1)
    track.close()
    written(history)
    clock.now_s += 2 * 86_400
    history.add_run(NAT)
    history.close()
    with sqlite3.connect(history.path) as database:
        assert database.execute("SELECT DISTINCT step_s FROM point").fetchall() == [(60,)]
    database.close()
    again = make(retention=Retention(days=1))
    reader = read(again)
    assert len(reader.runs()) == 1
    assert reader.sessions() == ()


def test_what_is_too_much_goes_oldest_first(make, clock) -> None:
    history = make(retention=Retention(max_bytes=400_000))
    for day in range(40):
        clock.now_s += 3600
        history._put(
            "INSERT INTO run VALUES (NULL, ?, 'nat', 'real', ?, 'fine', '{}', ?)",
            clock.now_s,
            f"{day}",
            os.urandom(20_000),
        )
    written(history)
    reader = read(history)
    kept = [int(run.title) for run in reader.runs()]
    assert kept == list(range(39, 39 - len(kept), -1))
    assert 5 < len(kept) < 25
    assert history.size_bytes <= 400_000
    assert history.path.stat().st_size <= 420_000


def test_forgetting_hides_at_once_can_be_undone_and_erases(make, clock) -> None:
    history = make()
    history.add_run(NAT)
    written(history)
    history.forget()
    written(history)
    assert HistoryReader(history.path).runs() == ()
    assert history.undo_s == UNDO_S
    history.undo_forget()
    written(history)
    assert len(HistoryReader(history.path).runs()) == 1
    history.forget()
    clock.now_s += UNDO_S + 1
    history.begin_session("after")
    reader = read(history)
    assert [past.peer for past in reader.sessions()] == ["after"]
    assert reader.runs() == ()
    files = b"".join(each.read_bytes() for each in history.path.parent.glob("history.db*"))
    assert NAT.headline.encode() not in files


def test_what_was_forgotten_is_erased_at_the_next_start(make, clock) -> None:
    history = make()
    history.add_run(NAT)
    history.forget()
    history.close()
    assert NAT.headline.encode() in history.path.read_bytes()
    again = make()
    again.close()
    assert NAT.headline.encode() not in again.path.read_bytes()


def test_without_a_file_there_is_nothing(tmp_path) -> None:
    reader = HistoryReader(tmp_path / "none.db")
    assert (reader.runs(), reader.sessions(), reader.size_bytes()) == ((), (), 0)
    assert reader.tracks(0, 1, "rtt") == ()
    assert not (tmp_path / "none.db").exists()


def test_a_point_costs_little(make, clock) -> None:
    """A day at full rate is about 550,000 of them (tests/bench/history_day.py prints what they take)."""
    history = make()
    track = history.begin_series(history.begin_session("Ana"), PATH)
    for turn in range(20_000):
        track.add("rtt", clock.now_s - 3500 + turn / 10, 0.02 + turn % 100 / 10_000, 1)
    track.close()
    history.close()
    with sqlite3.connect(history.path) as database:
        (count,) = database.execute("SELECT count(*) FROM point").fetchone()
    database.close()
    assert count > 2000
    assert history.path.stat().st_size / count < 60
