"""Whether a record is whole: every hash, every id, every reference, every order, every count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, OperationalError

from adrs.model.attack import Attack
from adrs.model.calibration import Calibration
from adrs.model.verdict import Finding
from adrs.store import blobs, codec, programs, verifications
from adrs.store.schema import (
    ATTACKS,
    CALIBRATIONS,
    CERTIFICATES,
    DESCRIPTIONS,
    EVALUATIONS,
    FINDINGS,
    REJECTIONS,
    RUNS,
    TRIALS,
)


def faults(connection: sa.Connection) -> Iterator[str]:
    """Yield what is wrong with a record, in words."""
    damages = _damages(connection)
    if damages:  # then nothing else can be read for sure
        yield from (f"the file is damaged: {damage}" for damage in damages)
        return
    for rows, key, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        yield f"row {key} of {rows} names a row of {parent} that is not there"
    yield from blobs.faults(connection)
    yield from programs.faults(connection)
    yield from verifications.faults(connection)
    yield from _description_faults(connection)
    for run in connection.execute(sa.select(RUNS).order_by(RUNS.c.key)).mappings().all():
        yield from _run_faults(connection, run)
        yield from _record_faults(connection, run)


def _damages(connection: sa.Connection) -> list[str]:
    try:
        verdicts = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
    except OperationalError:  # busy or without access: that says nothing about the file
        raise
    except DatabaseError as error:
        return [str(error.orig)]
    return [str(verdict) for verdict in verdicts if verdict != "ok"]


def _description_faults(connection: sa.Connection) -> Iterator[str]:
    stored = set()
    for digest, content in connection.execute(sa.select(DESCRIPTIONS)):
        stored.add(digest)
        if codec.digest_of(content) != digest:
            yield f"description {digest} holds other text than its hash says"
    named = sa.select(EVALUATIONS.c.fingerprint).where(EVALUATIONS.c.fingerprint != "").distinct()
    for fingerprint in connection.scalars(named):
        if fingerprint not in stored:
            yield f"fingerprint {fingerprint} is named by an evaluation but was never stored"


def _run_faults(connection: sa.Connection, run: codec.Row) -> Iterator[str]:
    name = run["name"]
    told = connection.execute(
        sa.select(TRIALS.c.told_order, TRIALS.c.status)
        .where(TRIALS.c.run_key == run["key"], TRIALS.c.told_order.is_not(None))
        .order_by(TRIALS.c.told_order)
    ).all()
    if [order for order, _ in told] != list(range(len(told))):
        yield f"run {name}: the order of tells has holes"
    counted = {
        "asked": _count(connection, TRIALS, run),
        "told": len(told),
        "rejections": _count(connection, REJECTIONS, run),
        "by_status": dict(Counter(status for _, status in told if status is not None)),
    }
    for counter, value in counted.items():
        recorded = codec.from_json(run[counter]) if counter == "by_status" else run[counter]
        if recorded != value:
            yield f"run {name}: {counter} says {recorded}, but it is {value}"


def _record_faults(connection: sa.Connection, run: codec.Row) -> Iterator[str]:
    """What belongs to a run, but is not of one of its trials or is not what it was."""
    asked = sa.select(TRIALS.c.number).where(TRIALS.c.run_key == run["key"])
    for rows in (FINDINGS, ATTACKS, CERTIFICATES):
        query = sa.select(rows.c.key, rows.c.trial)
        strays = query.where(rows.c.run_key == run["key"], rows.c.trial.not_in(asked))
        for key, trial in connection.execute(strays):
            yield f"run {run['name']}: row {key} of {rows} names trial {trial}, never asked"
    for kind, rows in _RECORDS.items():
        query = sa.select(rows).where(rows.c.run_key == run["key"])
        for row in connection.execute(query).mappings():
            what = f"run {run['name']}: row {row['key']} of {rows}"
            try:
                record = codec.record_from_json(kind, row["content"])
            except ValueError:
                yield f"{what} cannot be read"
                continue
            for column in {"trial", "verdict"} & row.keys():
                if row[column] != getattr(record, column):
                    yield f"{what}: {column} is not what its content says"


_RECORDS: dict[type[object], sa.Table] = {
    Finding: FINDINGS,
    Calibration: CALIBRATIONS,
    Attack: ATTACKS,
}


def _count(connection: sa.Connection, rows: sa.Table, run: codec.Row) -> int:
    query = sa.select(sa.func.count()).select_from(rows).where(rows.c.run_key == run["key"])
    return int(connection.scalar(query) or 0)
