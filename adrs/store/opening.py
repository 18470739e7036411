"""Finding a store, making it, and bringing it up to date."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from adrs.errors import ConfigError, NotInStore, StoreUnavailable, UnusableInput
from adrs.ports.store import Store
from adrs.store import schema
from adrs.store.locks import Locks
from adrs.store.sqlite import connect, reading, speaking_plainly, writing
from adrs.store.store import SqlStore

DEFAULT_FOLDER = ".adrs"
FILE_NAME = "store.sqlite"

_APPLICATION_ID = 0x41445253  # "ADRS", kept in the file's header
_HEADER = b"SQLite format 3\0"
_WAY_OUT = "name another store with --store or ADRS_STORE"


def open_store(url: str | Path | None = None, *, create: bool = True) -> Store:
    """Opens the record, and upgrades one that an older ADRS wrote.

    Args:
        url: a folder, or sqlite:///FILE; without it ADRS_STORE, else `.adrs` in the working folder.
        create: whether to make a store where there is none.

    Raises:
        ConfigError: a kind of store that there is not.
        NotInStore: there is no store, and none is to be made.
        UnusableInput: what is there is not a store.
        StoreVersionError: a newer ADRS wrote it.
        StoreUnavailable: it cannot be read, or not be made.
    """
    return open_sqlite(_place(url), create=create)


def store_file(url: str | Path | None = None) -> Path:
    """The file of a store, whether it is there or not; `url` as for `open_store`.

    Raises:
        ConfigError: a kind of store that there is not.
    """
    return _file_of(_place(url))


def _place(url: str | Path | None) -> str | Path:
    return url or os.environ.get("ADRS_STORE") or DEFAULT_FOLDER


def open_sqlite(url: str | Path, *, create: bool = True) -> Store:
    """Opens a record kept in one SQLite file; arguments and errors are those of `open_store`."""
    path = _file_of(url)
    locks = Locks(path.with_name(f"{path.name}.locks"))
    with _reaching(path):
        _look(path, create)
    engine = connect(path)
    try:
        with speaking_plainly(path):
            _prepare(engine, path, locks, create)
    except BaseException:
        engine.dispose()
        raise
    return SqlStore(engine, path, locks)


def _file_of(url: str | Path) -> Path:
    scheme, found, place = str(url).partition("://")
    if not found:
        return Path(url) / FILE_NAME
    if scheme != "sqlite" or not place.startswith("/") or place in ("/", "/:memory:"):
        got = f"sqlite://{place}" if scheme == "sqlite" else f"{scheme}://..."
        raise ConfigError(
            f"a store is a folder or sqlite:///FILE, got {got}; "
            "this version keeps its record in SQLite files only"
        )
    return Path(place[1:])


def _look(path: Path, create: bool) -> None:
    """See that there is a file that may be a store; make an empty one if that is wanted."""
    if path.parent.is_file():
        raise UnusableInput(
            f"a store is a folder, but {path.parent} is a file; write sqlite:///FILE for a file"
        )
    if create:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(exist_ok=True) if not path.exists() else None
    elif not path.exists():
        raise _missing(path)
    with path.open("rb") as file:
        if file.read(len(_HEADER)) not in (b"", _HEADER):
            raise _not_a_store(path)


def _prepare(engine: sa.Engine, path: Path, locks: Locks, create: bool) -> None:
    revision = _revision(engine, path)
    if revision == schema.REVISION:
        return
    if revision is None and not create:
        raise _missing(path)
    with locks.making():
        revision = _revision(engine, path)
        if revision is None:
            _make(engine)
        elif revision != schema.REVISION:
            _upgrade(engine, revision)


def _revision(engine: sa.Engine, path: Path) -> str | None:
    """The revision of the schema in a file; None if nothing is in it."""
    with reading(engine) as connection:
        application = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
        if application == _APPLICATION_ID:
            return str(connection.scalars(sa.select(schema.REVISIONS)).one())
        if application or connection.exec_driver_sql("SELECT 1 FROM sqlite_master").first():
            raise _not_a_store(path)
    return None


def _make(engine: sa.Engine) -> None:
    """Make the tables at once: running the migrations would cost a second of imports."""
    with engine.connect() as connection:
        connection.connection.cursor().execute("PRAGMA journal_mode=WAL")
    with writing(engine) as connection:
        schema.Table.metadata.create_all(connection)
        connection.execute(schema.REVISIONS.insert(), {"version_num": schema.REVISION})
        connection.exec_driver_sql(f"PRAGMA application_id={_APPLICATION_ID}")


def _upgrade(engine: sa.Engine, revision: str) -> None:
    from adrs.store.migrations import upgrade

    with writing(engine) as connection:
        upgrade(connection, revision)


@contextmanager
def _reaching(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreUnavailable(
            f"the store {path} must be readable and writable, but: {error.strerror}; "
            f"get access, make room, or {_WAY_OUT}"
        ) from error


def _missing(path: Path) -> NotInStore:
    return NotInStore(
        f"expected a store at {path}, found none; `adrs run` makes one, or {_WAY_OUT}"
    )


def _not_a_store(path: Path) -> UnusableInput:
    return UnusableInput(f"{path} is not a store of ADRS; it is left as it is, {_WAY_OUT}")
