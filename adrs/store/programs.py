"""Programs: rows of path and blob, each program once, by its id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from adrs.errors import ProgramError, StoreUnavailable
from adrs.model.program import Program
from adrs.store.blobs import drop_unused_blobs, keep_blobs, load_blobs
from adrs.store.schema import BLOBS, LEASES, PROGRAM_FILES, PROGRAMS, TASK_PROGRAMS, TRIALS
from adrs.store.sqlite import chunks

_KEYS: sa.BindParameter[int] = sa.bindparam("keys", expanding=True)

_FIND_PROGRAM = sa.select(PROGRAMS.c.key).where(PROGRAMS.c.id == sa.bindparam("program"))
_ADD_PROGRAM = insert(PROGRAMS).on_conflict_do_nothing().returning(PROGRAMS.c.key)
_ADD_FILE = PROGRAM_FILES.insert().from_select(
    ["program_key", "path", "blob_key"],
    sa.select(
        sa.bindparam("program_key", type_=sa.Integer),
        sa.bindparam("path", type_=sa.String),
        BLOBS.c.key,
    ).where(BLOBS.c.digest == sa.bindparam("digest")),
)
_FILES = (
    sa.select(PROGRAM_FILES.c.program_key, PROGRAM_FILES.c.path, PROGRAM_FILES.c.blob_key)
    .where(PROGRAM_FILES.c.program_key.in_(_KEYS))
    .order_by(PROGRAM_FILES.c.program_key, PROGRAM_FILES.c.path)
)
_PROGRAMS = sa.select(PROGRAMS.c.key, PROGRAMS.c.id).where(PROGRAMS.c.key.in_(_KEYS))
_UNUSED_PROGRAMS = sa.select(PROGRAMS.c.key).where(
    PROGRAMS.c.key.in_(_KEYS),
    ~sa.exists().where(TRIALS.c.program_key == PROGRAMS.c.key),
    ~sa.exists().where(TASK_PROGRAMS.c.program_key == PROGRAMS.c.key),
    ~sa.exists().where(LEASES.c.program_key == PROGRAMS.c.key),
)
_BLOBS_OF = (
    sa.select(PROGRAM_FILES.c.blob_key).distinct().where(PROGRAM_FILES.c.program_key.in_(_KEYS))
)
_DROP_FILES = PROGRAM_FILES.delete().where(PROGRAM_FILES.c.program_key.in_(_KEYS))
_DROP_PROGRAMS = PROGRAMS.delete().where(PROGRAMS.c.key.in_(_KEYS))


def keep_program(connection: sa.Connection, program: Program) -> int:
    """Store a program unless it is there; return its key."""
    key = connection.scalar(_ADD_PROGRAM, {"id": program.id})
    if key is None:
        return int(connection.scalars(_FIND_PROGRAM, {"program": program.id}).one())
    keep_blobs(
        connection, {digest: program.files[path] for path, digest in program.digests.items()}
    )
    connection.execute(
        _ADD_FILE,
        [
            {"program_key": key, "path": path, "digest": digest}
            for path, digest in program.digests.items()
        ],
    )
    return int(key)


def load_programs(connection: sa.Connection, keys: Iterable[int]) -> dict[int, Program]:
    """Read programs by key, in few queries; equal files share their bytes in memory.

    Raises:
        StoreUnavailable: what is stored is not the program of that id.
    """
    rows = list[tuple[int, str]]()
    for chunk in chunks(sorted(set(keys))):
        rows += connection.execute(_PROGRAMS, {"keys": chunk})
    files = dict[int, dict[str, int]]()
    for chunk in chunks([key for key, _ in rows]):
        for program_key, path, blob_key in connection.execute(_FILES, {"keys": chunk}):
            files.setdefault(program_key, {})[path] = blob_key
    contents = load_blobs(connection, {key for paths in files.values() for key in paths.values()})
    return {key: _assembled(name, files.get(key, {}), contents) for key, name in rows}


def _assembled(name: str, paths: Mapping[str, int], contents: Mapping[int, bytes]) -> Program:
    try:
        program = Program({path: contents[blob] for path, blob in paths.items()})
    except (KeyError, ProgramError) as error:
        raise _damaged(name) from error
    if program.id != name:
        raise _damaged(name)
    return program


def _damaged(name: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"expected the files of program {name}, got others: the store is damaged; "
        "see how far with: adrs store check"
    )


def drop_unused(connection: sa.Connection, programs: Sequence[int]) -> None:
    """Remove those of these programs that nothing uses any more, and the bytes only they had."""
    for chunk in chunks(programs):
        unused = connection.scalars(_UNUSED_PROGRAMS, {"keys": chunk}).all()
        blobs = connection.scalars(_BLOBS_OF, {"keys": unused}).all()
        connection.execute(_DROP_FILES, {"keys": unused})
        connection.execute(_DROP_PROGRAMS, {"keys": unused})
        drop_unused_blobs(connection, blobs)


def faults(connection: sa.Connection) -> Iterator[str]:
    """Programs that are not those of their id."""
    for key, name in connection.execute(sa.select(PROGRAMS.c.key, PROGRAMS.c.id)).all():
        try:
            load_programs(connection, [key])
        except StoreUnavailable:
            yield f"program {name} holds other files than its id says"
