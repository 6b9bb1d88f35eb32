"""The tables of the history, and how an older file becomes a newer one.

Points are kept as whole millionths of their SI unit: SQLite stores small integers in one to four bytes.
"""

import sqlite3
from typing import Final

from netstack.model.path import PathSeries

MICRO: Final = 1_000_000
METRICS: Final = PathSeries.__struct_fields__
"""Their places are written to the file: append only."""

MIGRATIONS: Final = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE run (
        id INTEGER PRIMARY KEY, at_s REAL NOT NULL, kind TEXT NOT NULL, network TEXT NOT NULL, title TEXT NOT NULL,
        standing TEXT NOT NULL, facts TEXT NOT NULL, body BLOB NOT NULL
    );
    CREATE INDEX run_at ON run (at_s);
    CREATE TABLE session (
        id INTEGER PRIMARY KEY, began_s REAL NOT NULL, ended_s REAL, peer TEXT NOT NULL
    );
    CREATE INDEX session_began ON session (began_s);
    CREATE TABLE change (
        session INTEGER NOT NULL, at_s REAL NOT NULL, what TEXT NOT NULL, transport TEXT NOT NULL,
        remote TEXT NOT NULL, text TEXT NOT NULL
    );
    CREATE INDEX change_session ON change (session);
    CREATE TABLE series (
        id INTEGER PRIMARY KEY, session INTEGER NOT NULL, began_s REAL NOT NULL, peer TEXT NOT NULL,
        transport TEXT NOT NULL, remote TEXT NOT NULL
    );
    CREATE TABLE point (
        step_s INTEGER, at_s INTEGER, series INTEGER, metric INTEGER,
        least INTEGER, mean INTEGER, most INTEGER, p99 INTEGER, n INTEGER,
        PRIMARY KEY (step_s, at_s, series, metric)
    ) WITHOUT ROWID;
    """,
)


class NewerFileError(Exception):
    """The file was written by a newer program."""


def prepare(database: sqlite3.Connection) -> None:
    """Makes or migrates the tables, each step whole or not at all. Raises sqlite3.Error, NewerFileError."""
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise NewerFileError
    if version == 0:
        database.execute("PRAGMA auto_vacuum = INCREMENTAL")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    database.execute("PRAGMA secure_delete = ON")
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        database.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;")
