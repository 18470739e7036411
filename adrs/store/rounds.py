"""Rounds of proposers that wait, and the leases under which agents answer them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa

from adrs.errors import LeaseOver, NotInStore
from adrs.model.round import Lease, Round, Submission
from adrs.store import codec
from adrs.store.programs import keep_program, load_programs
from adrs.store.schema import LEASES, REJECTIONS, ROUNDS, TRIALS, storable

_OF_RUN = ROUNDS.c.run_key == sa.bindparam("run_key")
_OPEN = (
    sa.select(ROUNDS)
    .where(
        _OF_RUN,
        *(
            ~sa.exists().where(
                rows.c.run_key == ROUNDS.c.run_key, rows.c.ordinal == ROUNDS.c.ordinal
            )
            for rows in (TRIALS, REJECTIONS)
        ),
    )
    .order_by(ROUNDS.c.key)
)
# A round that nobody holds: no answer, and no lease whose time is not over.
_FREE = _OPEN.where(
    ROUNDS.c.proposer == sa.bindparam("proposer"),
    ~sa.exists().where(
        LEASES.c.run_key == ROUNDS.c.run_key,
        LEASES.c.ordinal == ROUNDS.c.ordinal,
        sa.or_(LEASES.c.expires_at > sa.bindparam("now"), LEASES.c.submitted_at.is_not(None)),
    ),
).limit(1)
_LEASES = (
    sa.select(LEASES, ROUNDS.c.content)
    .join(
        ROUNDS, sa.and_(ROUNDS.c.run_key == LEASES.c.run_key, ROUNDS.c.ordinal == LEASES.c.ordinal)
    )
    .where(LEASES.c.run_key == sa.bindparam("run_key"))
    .order_by(LEASES.c.key)
)
_RENEW = (
    ROUNDS.update()
    .where(
        ROUNDS.c.run_key == sa.bindparam("at_run"),
        ROUNDS.c.ordinal == sa.bindparam("at_ordinal"),
        ~sa.exists().where(
            LEASES.c.run_key == ROUNDS.c.run_key, LEASES.c.ordinal == ROUNDS.c.ordinal
        ),
    )
    .values(content=sa.bindparam("new_content"))
)
_KNOWN = sa.select(ROUNDS.c.key).where(_OF_RUN, ROUNDS.c.ordinal == sa.bindparam("ordinal"))
_SUBMITTED = _LEASES.where(
    LEASES.c.ordinal == sa.bindparam("ordinal"),
    LEASES.c.submitted_at.is_not(None),
)


def keep_round(connection: sa.Connection, run: int, begun: Round, at: float) -> None:
    """Records a round; one that is known and that nobody holds is brought up to date."""
    content = codec.record_to_json(begun)
    place = {"run_key": run, "ordinal": begun.ordinal}
    if connection.scalar(_KNOWN, place) is None:
        row = {**place, "proposer": begun.proposer, "at": at, "content": content}
        connection.execute(ROUNDS.insert(), row)
        return
    change = {"at_run": run, "at_ordinal": begun.ordinal, "new_content": content}
    connection.execute(_RENEW, change)


def load_open_rounds(connection: sa.Connection, run: int) -> Sequence[Round]:
    """Rounds that neither a trial nor a rejection answered."""
    rows = connection.execute(_OPEN, {"run_key": run}).mappings().all()
    return [codec.record_from_json(Round, row["content"]) for row in rows]


def load_leases(connection: sa.Connection, run: codec.Row) -> Sequence[Lease]:
    """All leases of a run, in order."""
    rows = connection.execute(_LEASES, {"run_key": run["key"]}).mappings().all()
    return [_lease(row, run["name"]) for row in rows]


def give_lease(
    connection: sa.Connection, run: codec.Row, proposer: str, agent: str, seconds: float
) -> Lease | None:
    """The oldest free round of a proposer, held for an agent from now on."""
    now = time.time()
    place = {"run_key": run["key"], "proposer": proposer, "now": now}
    free = connection.execute(_FREE, place).mappings().one_or_none()
    if free is None:
        return None
    row = {
        "run_key": run["key"],
        "id": secrets.token_hex(8),
        "ordinal": free["ordinal"],
        "agent": agent,
        "at": now,
        "expires_at": now + seconds,
    }
    connection.execute(LEASES.insert(), row)
    return _find(connection, run, str(row["id"]))


def keep_submission(
    connection: sa.Connection, run: codec.Row, lease: str, submission: Submission
) -> Lease:
    """Answers the round of a lease, if it is still the agent's."""
    held = _find(connection, run, lease)
    if held.submitted:
        raise LeaseOver(f"lease {lease} was answered already; take another with: adrs ask")
    place = {"run_key": run["key"], "ordinal": held.round.ordinal}
    if connection.execute(_SUBMITTED, place).first() is not None:
        raise _over(lease, "another agent has answered its proposal")
    # A lease that is over but whose round nobody took is as good as any.
    others = sa.select(LEASES.c.id).where(
        LEASES.c.run_key == run["key"],
        LEASES.c.ordinal == held.round.ordinal,
        LEASES.c.id != lease,
        LEASES.c.expires_at > time.time(),
    )
    if held.expires_at.timestamp() <= time.time() and connection.scalar(others) is not None:
        raise _over(lease, "another agent has its proposal now")
    if held.round not in load_open_rounds(connection, run["key"]):
        raise _over(lease, "its proposal was answered otherwise")
    kept = {
        "submitted_at": time.time(),
        "program_key": keep_program(connection, submission.program),
        "plan": submission.plan,
    }
    connection.execute(LEASES.update().where(LEASES.c.id == lease).values(kept))
    return _find(connection, run, lease)


def release_lease(connection: sa.Connection, run: codec.Row, lease: str) -> None:
    """Ends a lease now, unless it was answered."""
    held = _find(connection, run, lease)
    if not held.submitted:
        over = LEASES.update().where(LEASES.c.id == lease).values(expires_at=time.time())
        connection.execute(over)


def load_submission(connection: sa.Connection, run: int, ordinal: int) -> Submission | None:
    """What was handed in for a round."""
    place = {"run_key": run, "ordinal": ordinal}
    row = connection.execute(_SUBMITTED, place).mappings().one_or_none()
    if row is None:
        return None
    program = load_programs(connection, [row["program_key"]])[row["program_key"]]
    begun = codec.record_from_json(Round, row["content"])
    return Submission(row["agent"], program, row["plan"] or "", begun.parent)


def _find(connection: sa.Connection, run: codec.Row, lease: str) -> Lease:
    query = _LEASES.where(LEASES.c.id == storable(lease))
    row = connection.execute(query, {"run_key": run["key"]}).mappings().one_or_none()
    if row is None:
        raise NotInStore(
            f"run {run['name']} gave no lease {lease[:40]!a}; take one with: adrs ask {run['name']}"
        )
    return _lease(row, run["name"])


def _lease(row: codec.Row, run: str) -> Lease:
    return Lease(
        id=row["id"],
        run=run,
        round=codec.record_from_json(Round, row["content"]),
        agent=row["agent"],
        expires_at=datetime.fromtimestamp(row["expires_at"], UTC),
        submitted=row["submitted_at"] is not None,
    )


def _over(lease: str, why: str) -> LeaseOver:
    return LeaseOver(f"lease {lease} is over: {why}; take another with: adrs ask")
