"""The write side of the record, on SQL."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa

from adrs.model.facts import Fact
from adrs.model.round import Lease, Submission
from adrs.model.run import RunInfo, RunSettings, RunStatus
from adrs.model.task import Task
from adrs.model.verification import Verification
from adrs.store import codec
from adrs.store.calls import drop_calls
from adrs.store.certificates import drop_certificates
from adrs.store.checking import faults
from adrs.store.programs import drop_unused, keep_program
from adrs.store.reading import SqlRecord
from adrs.store.rounds import give_lease, keep_submission, release_lease
from adrs.store.schema import (
    ARTIFACTS,
    ATTACKS,
    CALIBRATIONS,
    EVALUATIONS,
    FINDINGS,
    LEASES,
    NOTES,
    REHEARSALS,
    REJECTIONS,
    ROUNDS,
    RUN_NUMBERS,
    RUNS,
    TASK_PROGRAMS,
    TRIALS,
)
from adrs.store.sqlite import speaking_plainly, writing
from adrs.store.verifications import keep_verification
from adrs.store.writing import Entry, keep_description


class SqlStore(SqlRecord):
    """The durable record in one SQLite file, with lock files beside it."""

    def create_run(self, task: Task, settings: RunSettings) -> RunInfo:
        digest, content = codec.describe(codec.task_description(task))
        now = time.time()
        with self._writing() as connection:
            keep_description(connection, digest, content)
            name = f"{task.name}-{_next_number(connection, task.name)}"
            row = {
                "name": name,
                "task": task.name,
                "task_digest": task.digest,
                "description": digest,
                "settings": codec.record_to_json(settings),
                "status": str(RunStatus.RUNNING),
                "reason": "",
                "created_at": now,
                "heartbeat_at": now,
                "elapsed_s": 0.0,
                "stop_requested": False,
                "last_ordinal": -1,
                "asked": 0,
                "told": 0,
                "rejections": 0,
                "by_status": "{}",
                "evaluation_s": 0.0,
            }
            key = connection.scalars(RUNS.insert().returning(RUNS.c.key), row).one()
            for role, program in {"": task.seed, **task.references}.items():
                kept = {
                    "run_key": key,
                    "name": role,
                    "program_key": keep_program(connection, program),
                }
                connection.execute(TASK_PROGRAMS.insert(), kept)
        return self.run(name)

    def amend_run(self, run: str, settings: RunSettings) -> None:
        self._change_run(run, settings=codec.record_to_json(settings))

    def request_stop(self, run: str) -> None:
        self._change_run(run, stop_requested=True)

    @contextmanager
    def claim(self, run: str) -> Iterator[None]:
        with self._locks.hold(self._key_of(run), run):
            self._key_of(run)  # it may have been deleted while we waited
            yield

    def append(self, run: str, facts: Sequence[Fact]) -> None:
        with self._writing() as connection:
            Entry(connection, self._run_row(connection, run)).record(facts)

    def keep_fingerprint(self, description: dict[str, object]) -> str:
        digest, content = codec.describe(description)
        with self._writing() as connection:
            keep_description(connection, digest, content)
        return digest

    def keep_verification(self, verification: Verification) -> None:
        with self._writing() as connection:
            keep_verification(connection, verification)

    def delete_run(self, run: str) -> None:
        key = self._key_of(run)
        with self.claim(run), self._writing() as connection:
            programs = connection.scalars(_PROGRAMS_OF, {"run_key": key}).all()
            drop_calls(connection, key)
            drop_certificates(connection, key)
            for rows in _OF_A_RUN:
                connection.execute(rows.delete().where(rows.c.run_key == key))
            connection.execute(RUNS.delete().where(RUNS.c.key == key))
            drop_unused(connection, programs)
        self._locks.forget(key)

    def lease(self, run: str, proposer: str, agent: str, seconds: float) -> Lease | None:
        with self._writing() as connection:
            return give_lease(connection, self._run_row(connection, run), proposer, agent, seconds)

    def submit(self, run: str, lease: str, submission: Submission) -> Lease:
        with self._writing() as connection:
            return keep_submission(connection, self._run_row(connection, run), lease, submission)

    def release(self, run: str, lease: str) -> None:
        with self._writing() as connection:
            release_lease(connection, self._run_row(connection, run), lease)

    def check(self) -> Sequence[str]:
        with self._reading() as connection:
            return list(faults(connection))

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with speaking_plainly(self._path), writing(self._engine) as connection:
            yield connection

    def _key_of(self, run: str) -> int:
        with self._reading() as connection:
            return int(self._run_row(connection, run)["key"])

    def _change_run(self, run: str, **values: object) -> None:
        with self._writing() as connection:
            key = self._run_row(connection, run)["key"]
            connection.execute(RUNS.update().where(RUNS.c.key == key).values(values))


_OF_A_RUN = (
    *(ARTIFACTS, LEASES, ROUNDS, REHEARSALS, FINDINGS, CALIBRATIONS, ATTACKS, NOTES),
    *(EVALUATIONS, REJECTIONS, TRIALS, TASK_PROGRAMS),
)
_PROGRAMS_OF = sa.union(
    *(
        sa.select(rows.c.program_key).where(rows.c.run_key == sa.bindparam("run_key"))
        for rows in (TRIALS, TASK_PROGRAMS, LEASES)
    )
)


def _next_number(connection: sa.Connection, task: str) -> int:
    last = connection.scalar(sa.select(RUN_NUMBERS.c.last).where(RUN_NUMBERS.c.task == task))
    if last is None:
        connection.execute(RUN_NUMBERS.insert(), {"task": task, "last": 1})
        return 1
    connection.execute(RUN_NUMBERS.update().where(RUN_NUMBERS.c.task == task).values(last=last + 1))
    return int(last) + 1
