"""Attempts to verify certificates, which may come from any store; none is ever forgotten."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from adrs.model.verification import Verification
from adrs.store import codec
from adrs.store.schema import LOOKS, VERIFICATIONS, storable

_LOOKED = sa.select(sa.func.count(LOOKS.c.key)).where(
    LOOKS.c.run == sa.bindparam("run"), LOOKS.c.workloads == sa.bindparam("workloads")
)


def keep_verification(connection: sa.Connection, verification: Verification) -> None:
    """Store an attempt, and its look at the held-out set if it came that far."""
    now = time.time()
    row = {
        "at": now,
        "certificate": verification.certificate,
        "task": verification.task,
        "standing": verification.standing,
        "content": codec.record_to_json(verification),
    }
    connection.execute(VERIFICATIONS.insert(), row)
    if verification.workloads:
        look = {
            "workloads": verification.workloads,
            "salt": verification.salt,
            "run": _looker(verification),
            "trial": 0,
            "at": now,
        }
        connection.execute(LOOKS.insert(), look)


def _looker(verification: Verification) -> str:
    """Whose look it is. No run has a colon in its name."""
    return storable(f"verify:{verification.certificate}")


def load_verifications(connection: sa.Connection, certificate: str) -> Sequence[Verification]:
    """Read the attempts to verify a certificate, or all if its id is ""."""
    query = sa.select(VERIFICATIONS.c.content).order_by(VERIFICATIONS.c.key)
    if certificate:
        query = query.where(VERIFICATIONS.c.certificate == certificate)
    contents = connection.scalars(query).all()
    return [codec.record_from_json(Verification, content) for content in contents]


def faults(connection: sa.Connection) -> Iterator[str]:
    """Attempts that are not what they were, or whose look is missing."""
    for row in connection.execute(sa.select(VERIFICATIONS)).mappings().all():
        what = f"verification {row['key']}"
        try:
            verification = codec.record_from_json(Verification, row["content"])
        except ValueError:
            yield f"{what} cannot be read"
            continue
        for column in ("certificate", "task", "standing"):
            if row[column] != storable(getattr(verification, column)):
                yield f"{what}: {column} is not what its content says"
        look = {"run": _looker(verification), "workloads": verification.workloads}
        if verification.workloads and not connection.scalar(_LOOKED, look):
            yield f"{what}: its look at workloads {verification.workloads} is missing"
