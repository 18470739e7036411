"""How we talk to SQLite: durable against kill -9, readers beside a writer, errors in our words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from adrs.errors import StoreUnavailable

BUSY_S = 30.0
"""How long a transaction waits for that of another process."""

_WRITES = "adrs_writes"
_CHUNK = 500
T = TypeVar("T")


def connect(path: Path) -> sa.Engine:
    """Return a pool of connections to an existing file; it never makes one."""
    uri = f"{path.absolute().as_uri()}?mode=rw"
    engine = sa.create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(uri, timeout=BUSY_S, uri=True, check_same_thread=False),
        poolclass=sa.QueuePool,
    )
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # transactions begin where `_begin` says
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute("PRAGMA cache_size=-16000")  # KiB
    connection.execute("PRAGMA wal_autocheckpoint=4000")  # pages of 4 KiB


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A look at one moment of the record; it never blocks a writer."""
    with engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that holds the write lock from its start, so nothing it read can change."""
    with engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
        yield connection


@contextmanager
def speaking_plainly(path: Path) -> Iterator[None]:
    """Turn what SQLite raises about its medium into StoreUnavailable."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        if not isinstance(cause, sqlite3.Error) or isinstance(cause, sqlite3.IntegrityError):
            raise
        raise unavailable(path, cause) from error


def unavailable(path: Path, error: sqlite3.Error) -> StoreUnavailable:
    """What happened to the medium, with the cure."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the kind
    name = getattr(error, "sqlite_errorname", "")
    expected, cure = _CURES.get(
        code, ("a working store", "look at it with: adrs store check, then resume the run")
    )
    return StoreUnavailable(f"expected {expected} at {path}, got: {error} ({name}); {cure}")


_RESUME = "what was recorded is kept; go on with: adrs run --resume RUN"
_DAMAGED = "restore a copy of the file, or start a new store with --store"
_CURES = {
    sqlite3.SQLITE_FULL: ("free space for the store", f"make room on the disk; {_RESUME}"),
    sqlite3.SQLITE_IOERR: ("a disk that works and has room", f"see to the disk; {_RESUME}"),
    sqlite3.SQLITE_BUSY: (
        f"the store to be free within {BUSY_S:g} s",
        f"end the process that holds it; {_RESUME}",
    ),
    sqlite3.SQLITE_LOCKED: ("the store to be free", _RESUME),
    sqlite3.SQLITE_READONLY: ("a store that can be written", f"get write access; {_RESUME}"),
    sqlite3.SQLITE_PERM: ("access to the store", f"get access; {_RESUME}"),
    sqlite3.SQLITE_CANTOPEN: ("a store that can be opened", f"see to the folder; {_RESUME}"),
    sqlite3.SQLITE_CORRUPT: ("an undamaged store", _DAMAGED),
    sqlite3.SQLITE_NOTADB: ("an undamaged store", _DAMAGED),
}


def chunks(values: Sequence[T]) -> Iterable[Sequence[T]]:
    """Cut values into pieces that fit into one IN (...)."""
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))
