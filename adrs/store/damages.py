"""Bytes of one run that are not those of their hash, each named by what it belongs to."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator

import sqlalchemy as sa

from adrs.store import codec
from adrs.store.blobs import load_blobs
from adrs.store.schema import (
    BLOBS,
    CERTIFICATES,
    DESCRIPTIONS,
    EVALUATIONS,
    LEASES,
    MODEL_CALLS,
    PROGRAM_FILES,
    PROGRAMS,
    TASK_PROGRAMS,
    TRIALS,
)
from adrs.store.sqlite import chunks

_KEYS: sa.BindParameter[int] = sa.bindparam("keys", expanding=True)
_IDS = sa.select(PROGRAMS.c.key, PROGRAMS.c.id).where(PROGRAMS.c.key.in_(_KEYS))
_FILES = (
    sa.select(PROGRAM_FILES.c.program_key, PROGRAM_FILES.c.path, BLOBS.c.key, BLOBS.c.digest)
    .join(BLOBS, BLOBS.c.key == PROGRAM_FILES.c.blob_key)
    .where(PROGRAM_FILES.c.program_key.in_(_KEYS))
    .order_by(PROGRAM_FILES.c.program_key, PROGRAM_FILES.c.path)
)
_DIGESTS = sa.select(BLOBS.c.key, BLOBS.c.digest).where(BLOBS.c.key.in_(_KEYS))
_UNFIT = "stored bytes do not match their hash"


def damages(connection: sa.Connection, run: codec.Row) -> Iterator[str]:
    """Yield what is not as it was stored, in words: programs first, then calls, then the rest."""
    programs = list(_programs(connection, run["key"]))
    yield from _of_programs(connection, programs)
    blobs = list(_blobs(connection, run["key"]))
    unfit = _unfit(connection, {key for _, key in blobs})
    yield from (f"{what}: {_UNFIT}" for what, key in blobs if key in unfit)
    yield from _of_descriptions(connection, run)


def _programs(connection: sa.Connection, run: int) -> Iterator[tuple[str, int]]:
    """What each program of a run is called, and its key."""
    named = sa.select(TASK_PROGRAMS.c.name, TASK_PROGRAMS.c.program_key)
    of_task = named.where(TASK_PROGRAMS.c.run_key == run).order_by(TASK_PROGRAMS.c.name)
    for name, key in connection.execute(of_task):
        yield (f"the reference {name!a}" if name else "the seed program"), key
    numbered = sa.select(TRIALS.c.number, TRIALS.c.program_key)
    for number, key in connection.execute(
        numbered.where(TRIALS.c.run_key == run).order_by(TRIALS.c.number)
    ):
        yield f"the program of trial {number}", key
    handed_in = sa.select(LEASES.c.ordinal, LEASES.c.program_key).where(
        LEASES.c.run_key == run, LEASES.c.program_key.is_not(None)
    )
    for ordinal, key in connection.execute(handed_in.order_by(LEASES.c.key)):
        yield f"what an agent handed in for proposal {ordinal}", key


def _of_programs(connection: sa.Connection, programs: list[tuple[str, int]]) -> Iterator[str]:
    ids = dict[int, str]()
    files = defaultdict[int, list[tuple[str, int, str]]](list)
    for chunk in chunks(sorted({key for _, key in programs})):
        ids |= {row.key: row.id for row in connection.execute(_IDS, {"keys": chunk})}
        for program, *file in connection.execute(_FILES, {"keys": chunk}):
            files[program].append((file[0], file[1], file[2]))
    unfit = _unfit(connection, {blob for paths in files.values() for _, blob, _ in paths})
    for what, key in programs:
        faults = [path for path, blob, _ in files[key] if blob in unfit]
        yield from (f"{what}, file {path}: {_UNFIT}" for path in faults)
        listing = "".join(f"{digest} {path}\n" for path, _, digest in files[key])
        if not faults and hashlib.sha256(listing.encode()).hexdigest() != ids[key]:
            yield f"{what}: its files are not those that its hash says"


def _blobs(connection: sa.Connection, run: int) -> Iterator[tuple[str, int]]:
    """What each prompt, answer and certificate of a run is called, and the key of its bytes."""
    calls = sa.select(MODEL_CALLS).where(MODEL_CALLS.c.run_key == run)
    for call in connection.execute(calls.order_by(MODEL_CALLS.c.number)).mappings():
        where = f"call {call['number']} (proposal {call['ordinal']}, step {call['step']})"
        yield f"the prompt of {where}", call["prompt_key"]
        if call["answer_key"] is not None:
            yield f"the answer of {where}", call["answer_key"]
    certified = sa.select(CERTIFICATES.c.trial, CERTIFICATES.c.blob_key)
    for trial, key in connection.execute(certified.where(CERTIFICATES.c.run_key == run)):
        yield f"the certificate of trial {trial}", key


def _unfit(connection: sa.Connection, keys: set[int]) -> set[int]:
    """Those of these blobs that hold other bytes than their hash says."""
    found = set[int]()
    for chunk in chunks(sorted(keys)):
        contents = load_blobs(connection, chunk)
        for key, digest in connection.execute(_DIGESTS, {"keys": chunk}):
            if hashlib.sha256(contents[key]).hexdigest() != digest:
                found.add(key)
    return found


def _of_descriptions(connection: sa.Connection, run: codec.Row) -> Iterator[str]:
    measured = sa.select(EVALUATIONS.c.fingerprint, EVALUATIONS.c.isolation).where(
        EVALUATIONS.c.run_key == run["key"]
    )
    names = {
        run["description"]: "the description of the task",
        **{
            digest: "the description of where something was measured"
            for row in connection.execute(measured.distinct())
            for digest in row
            if digest
        },
    }
    stored = sa.select(DESCRIPTIONS).where(
        DESCRIPTIONS.c.digest.in_(sa.bindparam("digests", expanding=True))
    )
    for chunk in chunks(sorted(names)):
        for digest, content in connection.execute(stored, {"digests": chunk}):
            if codec.digest_of(content) != digest:
                yield f"{names[digest]}: {_UNFIT}"
