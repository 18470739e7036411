"""Bytes by their hash: each content is stored once."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Collection, Iterator, Mapping

import sqlalchemy as sa

from adrs.store.schema import ARTIFACTS, BLOBS, CERTIFICATES, MODEL_CALLS, PROGRAM_FILES
from adrs.store.sqlite import chunks

_PACK_FROM = 200
"""Bytes below which packing does not pay."""
_KEYS: sa.BindParameter[int] = sa.bindparam("keys", expanding=True)

_KNOWN = sa.select(BLOBS.c.digest).where(
    BLOBS.c.digest.in_(sa.bindparam("digests", expanding=True))
)
_ADD = BLOBS.insert()
_CONTENTS = sa.select(BLOBS.c.key, BLOBS.c.packed, BLOBS.c.content).where(BLOBS.c.key.in_(_KEYS))
_DROP_UNUSED = BLOBS.delete().where(
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


def keep_blobs(connection: sa.Connection, contents: Mapping[str, bytes]) -> None:
    """Store bytes by digest, but for those that are there."""
    new = dict(contents)
    for digests in chunks(list(contents)):
        for known in connection.scalars(_KNOWN, {"digests": digests}):
            del new[known]
    if new:
        connection.execute(_ADD, [_row(digest, content) for digest, content in new.items()])


def _row(digest: str, content: bytes) -> dict[str, object]:
    packed = zlib.compress(content, 1) if len(content) >= _PACK_FROM else content
    pays = len(packed) < 0.9 * len(content)
    return {
        "digest": digest,
        "size": len(content),
        "packed": pays,
        "content": packed if pays else content,
    }


def load_blobs(connection: sa.Connection, keys: Collection[int]) -> dict[int, bytes]:
    """Read bytes by key, in few queries. Damaged ones are other bytes, which their hash shows."""
    contents = dict[int, bytes]()
    for chunk in chunks(sorted(keys)):
        for key, packed, content in connection.execute(_CONTENTS, {"keys": chunk}):
            contents[key] = _unpacked(packed, content)
    return contents


def _unpacked(packed: bool, content: bytes) -> bytes:
    """The bytes of a blob as they came; no bytes if they cannot be unpacked."""
    try:
        return zlib.decompress(content) if packed else content
    except zlib.error:
        return b""


def drop_unused_blobs(connection: sa.Connection, keys: Collection[int]) -> None:
    """Remove those of these blobs that nothing uses any more."""
    for chunk in chunks(list(keys)):
        connection.execute(_DROP_UNUSED, {"keys": chunk})


def faults(connection: sa.Connection) -> Iterator[str]:
    """Bytes that are not those of their hash."""
    for digest, size, packed, content in connection.execute(
        sa.select(BLOBS.c.digest, BLOBS.c.size, BLOBS.c.packed, BLOBS.c.content)
    ):
        data = _unpacked(packed, content)
        if len(data) != size or hashlib.sha256(data).hexdigest() != digest:
            yield f"blob {digest} holds other bytes than its hash says"
