"""Programs and other bytes: each content is stored once, by its hash."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from adrs.errors import ProgramError, StoreUnavailable
from adrs.model.program import Program
from adrs.store.schema import (
    ARTIFACTS,
    BLOBS,
    CERTIFICATES,
    MODEL_CALLS,
    PROGRAM_FILES,
    PROGRAMS,
    TASK_PROGRAMS,
    TRIALS,
)
from adrs.store.sqlite import chunks

_PACK_FROM = 200
"""Bytes below which packing does not pay."""
_KEYS: sa.BindParameter[int] = sa.bindparam("keys", expanding=True)

_FIND_PROGRAM = sa.select(PROGRAMS.c.key).where(PROGRAMS.c.id == sa.bindparam("program"))
_ADD_PROGRAM = insert(PROGRAMS).on_conflict_do_nothing().returning(PROGRAMS.c.key)
_KNOWN_BLOBS = sa.select(BLOBS.c.digest).where(
    BLOBS.c.digest.in_(sa.bindparam("digests", expanding=True))
)
_ADD_BLOB = BLOBS.insert()
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
_CONTENTS = sa.select(BLOBS.c.key, BLOBS.c.packed, BLOBS.c.content).where(BLOBS.c.key.in_(_KEYS))
_PROGRAMS = sa.select(PROGRAMS.c.key, PROGRAMS.c.id).where(PROGRAMS.c.key.in_(_KEYS))
_UNUSED_PROGRAMS = sa.select(PROGRAMS.c.key).where(
    PROGRAMS.c.key.in_(_KEYS),
    ~sa.exists().where(TRIALS.c.program_key == PROGRAMS.c.key),
    ~sa.exists().where(TASK_PROGRAMS.c.program_key == PROGRAMS.c.key),
)
_BLOBS_OF = (
    sa.select(PROGRAM_FILES.c.blob_key).distinct().where(PROGRAM_FILES.c.program_key.in_(_KEYS))
)
_DROP_FILES = PROGRAM_FILES.delete().where(PROGRAM_FILES.c.program_key.in_(_KEYS))
_DROP_PROGRAMS = PROGRAMS.delete().where(PROGRAMS.c.key.in_(_KEYS))
_DROP_UNUSED_BLOBS = BLOBS.delete().where(
    BLOBS.c.key.in_(_KEYS),
    *(
        ~sa.exists().where(column == BLOBS.c.key)
        for column in (
            PROGRAM_FILES.c.blob_key,
            ARTIFACTS.c.blob_key,
            CERTIFICATES.c.blob_key,
            MODEL_CALLS.c.prompt_key,
            MODEL_CALLS.c.answer_key,
        )
    ),
)


def keep_program(connection: sa.Connection, program: Program) -> int:
    """Store a program unless it is there; return its key."""
    key = connection.scalar(_ADD_PROGRAM, {"id": program.id})
    if key is None:
        return int(connection.scalars(_FIND_PROGRAM, {"program": program.id}).one())
    _keep_blobs(connection, program)
    connection.execute(
        _ADD_FILE,
        [
            {"program_key": key, "path": path, "digest": digest}
            for path, digest in program.digests.items()
        ],
    )
    return int(key)


def _keep_blobs(connection: sa.Connection, program: Program) -> None:
    contents = {digest: program.files[path] for path, digest in program.digests.items()}
    for digests in chunks(list(contents)):
        for known in connection.scalars(_KNOWN_BLOBS, {"digests": digests}):
            del contents[known]
    if contents:
        connection.execute(
            _ADD_BLOB, [_blob(digest, content) for digest, content in contents.items()]
        )


def _blob(digest: str, content: bytes) -> dict[str, object]:
    packed = zlib.compress(content, 1) if len(content) >= _PACK_FROM else content
    pays = len(packed) < 0.9 * len(content)
    return {
        "digest": digest,
        "size": len(content),
        "packed": pays,
        "content": packed if pays else content,
    }


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
    contents = dict[int, bytes]()
    for chunk in chunks(sorted({key for paths in files.values() for key in paths.values()})):
        for key, packed, content in connection.execute(_CONTENTS, {"keys": chunk}):
            contents[key] = _unpacked(packed, content)
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


def _unpacked(packed: bool, content: bytes) -> bytes:
    """The bytes of a blob as they came; no bytes if they are damaged, which their hash shows."""
    try:
        return zlib.decompress(content) if packed else content
    except zlib.error:
        return b""


def drop_unused(connection: sa.Connection, programs: Sequence[int]) -> None:
    """Remove those of these programs that nothing uses any more, and the bytes only they had."""
    for chunk in chunks(programs):
        unused = connection.scalars(_UNUSED_PROGRAMS, {"keys": chunk}).all()
        blobs = connection.scalars(_BLOBS_OF, {"keys": unused}).all()
        connection.execute(_DROP_FILES, {"keys": unused})
        connection.execute(_DROP_PROGRAMS, {"keys": unused})
        for blob_chunk in chunks(blobs):
            connection.execute(_DROP_UNUSED_BLOBS, {"keys": blob_chunk})


def faults(connection: sa.Connection) -> Iterator[str]:
    """Bytes that are not those of their hash, and programs that are not those of their id."""
    for digest, size, packed, content in connection.execute(
        sa.select(BLOBS.c.digest, BLOBS.c.size, BLOBS.c.packed, BLOBS.c.content)
    ):
        data = _unpacked(packed, content)
        if len(data) != size or hashlib.sha256(data).hexdigest() != digest:
            yield f"blob {digest} holds other bytes than its hash says"
    for key, name in connection.execute(sa.select(PROGRAMS.c.key, PROGRAMS.c.id)).all():
        try:
            load_programs(connection, [key])
        except StoreUnavailable:
            yield f"program {name} holds other files than its id says"
