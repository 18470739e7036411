"""Rows to nouns: the read side of the record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from adrs.errors import NotInStore
from adrs.model.attack import Attack
from adrs.model.calibration import Calibration
from adrs.model.call import RecordedCall, Spending
from adrs.model.evaluation import Evaluation, Score, Status, merged
from adrs.model.facts import Noted
from adrs.model.isolation import Isolation, IsolationLevel
from adrs.model.metric import Direction
from adrs.model.moment import Moment
from adrs.model.program import Program
from adrs.model.round import Lease, Rehearsal, Round, Submission
from adrs.model.run import RunInfo, RunSettings, RunStatus
from adrs.model.task import Split, Task
from adrs.model.trial import Admission, Candidate, Rejection, RejectionKind, Trial
from adrs.model.verdict import Finding
from adrs.model.verification import Verification
from adrs.store import codec
from adrs.store.blobs import load_blobs
from adrs.store.calls import load_calls, load_spending
from adrs.store.certificates import load_certificate
from adrs.store.damages import damages
from adrs.store.locks import Locks
from adrs.store.moments import load_moments
from adrs.store.programs import load_programs
from adrs.store.rounds import load_leases, load_open_rounds, load_submission
from adrs.store.schema import (
    ATTACKS,
    BLOBS,
    CALIBRATIONS,
    DESCRIPTIONS,
    EVALUATIONS,
    FINDINGS,
    LOOKS,
    NOTES,
    PROGRAMS,
    REHEARSALS,
    REJECTIONS,
    ROUNDS,
    RUNS,
    TASK_PROGRAMS,
    TRIALS,
    storable,
)
from adrs.store.sqlite import chunks, reading, speaking_plainly
from adrs.store.verifications import load_verifications

T = TypeVar("T")
_DESCRIPTION = sa.select(DESCRIPTIONS.c.content).where(
    DESCRIPTIONS.c.digest == sa.bindparam("digest")
)
_RUN = sa.select(RUNS).where(RUNS.c.name == sa.bindparam("run"))
_TASK_PROGRAMS = (
    sa.select(TASK_PROGRAMS.c.name, TASK_PROGRAMS.c.program_key)
    .where(TASK_PROGRAMS.c.run_key == sa.bindparam("run_key"))
    .order_by(TASK_PROGRAMS.c.name)
)
_OF_RUN = TRIALS.c.run_key == sa.bindparam("run_key")
_TRIALS = sa.select(TRIALS).where(_OF_RUN)
_EVALUATIONS = (
    sa.select(EVALUATIONS)
    .where(EVALUATIONS.c.run_key == sa.bindparam("run_key"))
    .order_by(EVALUATIONS.c.key)
)
_REJECTION = sa.select(REJECTIONS).where(
    REJECTIONS.c.run_key == sa.bindparam("run_key"),
    REJECTIONS.c.ordinal == sa.bindparam("ordinal"),
)
_LEAST = sa.select(sa.func.min(TRIALS.c.violation)).where(_OF_RUN).scalar_subquery()
_SCORES = sa.select(
    TRIALS.c.number,
    TRIALS.c.told_order,
    TRIALS.c.score,
    TRIALS.c.violation,
    TRIALS.c.score_error,
    TRIALS.c.score_repeats,
).where(_OF_RUN, TRIALS.c.violation == _LEAST)
_MEASURED = _EVALUATIONS.where(EVALUATIONS.c.trial.in_(sa.bindparam("numbers", expanding=True)))
_REFERENCES = _EVALUATIONS.where(EVALUATIONS.c.trial.is_(None))


class SqlRecord:
    """What can be looked up; every method sees one moment of the record."""

    def __init__(self, engine: sa.Engine, path: Path, locks: Locks) -> None:
        self._engine = engine
        self._path = path
        self._locks = locks

    def runs(self) -> Sequence[RunInfo]:
        with self._reading() as connection:
            rows = connection.execute(sa.select(RUNS).order_by(RUNS.c.key.desc())).mappings().all()
        return [self._run_info(row) for row in rows]

    def run(self, name: str) -> RunInfo:
        with self._reading() as connection:
            row = self._run_row(connection, name)
        return self._run_info(row)

    def task(self, run: str) -> Task:
        with self._reading() as connection:
            row = self._run_row(connection, run)
            content = connection.scalar(_DESCRIPTION, {"digest": row["description"]})
            keys = connection.execute(_TASK_PROGRAMS, {"run_key": row["key"]}).all()
            found = load_programs(connection, [key for _, key in keys])
        programs = {role: found[key] for role, key in keys}
        folder = self._run_info(row).settings.task
        return codec.task_from(str(content), Path(folder), programs, row["task_digest"])

    def trials(self, run: str, first: int = 0, count: int | None = None) -> Sequence[Trial]:
        rows = _TRIALS.where(TRIALS.c.number >= first).order_by(TRIALS.c.number).limit(count)
        return self._load_trials(run, rows)

    def trial(self, run: str, number: int) -> Trial:
        found = self._load_trials(run, _TRIALS.where(TRIALS.c.number == number))
        if not found:
            raise NotInStore(f"no trial {number} in run {run}; see them with: adrs trials {run}")
        return found[0]

    def told(self, run: str) -> Sequence[Trial]:
        rows = _TRIALS.where(TRIALS.c.told_order.is_not(None)).order_by(TRIALS.c.told_order)
        return self._load_trials(run, rows, _MEASURED.where(~EVALUATIONS.c.after_tell))

    def in_flight(self, run: str) -> Sequence[Trial]:
        rows = _TRIALS.where(TRIALS.c.told_order.is_(None)).order_by(TRIALS.c.ordinal)
        return self._load_trials(run, rows)

    def best_number(self, run: str, direction: Direction) -> int | None:
        sign = 1 if direction is Direction.MINIMIZE else -1
        value = TRIALS.c.score if sign == 1 else TRIALS.c.score.desc()
        by_value = _SCORES.order_by(value, TRIALS.c.told_order)
        best: tuple[float, int, int] | None = None
        with self._reading() as connection:
            key = self._run_row(connection, run)["key"]
            for row in connection.execute(by_value, {"run_key": key}).mappings():
                score, place = _score(row), (row["told_order"], row["number"])
                if best and best < (sign * score.value, *place):  # no bound beats its value
                    break
                bound = (sign * score.cautious(direction), *place)
                best = min(best or bound, bound)
        return best[2] if best else None

    def last_ordinal(self, run: str) -> int:
        with self._reading() as connection:
            return int(self._run_row(connection, run)["last_ordinal"])

    def rejections(self, run: str) -> Sequence[tuple[int, Rejection]]:
        rows = self._rows_of(run, REJECTIONS, REJECTIONS.c.ordinal)
        return [(row["ordinal"], _rejection(row)) for row in rows]

    def references(self, run: str) -> Sequence[tuple[str, Evaluation]]:
        with self._reading() as connection:
            key = self._run_row(connection, run)["key"]
            isolations = _Isolations(connection)
            rows = connection.execute(_REFERENCES, {"run_key": key}).mappings().all()
            return [(row["reference"], _evaluation(row, isolations)) for row in rows]

    def finding(self, run: str) -> Finding | None:
        return self._last_of(run, FINDINGS, Finding)

    def calibration(self, run: str) -> Calibration | None:
        return self._last_of(run, CALIBRATIONS, Calibration)

    def attack(self, run: str) -> Attack | None:
        return self._last_of(run, ATTACKS, Attack)

    def certificate(self, run: str, trial: int | None = None) -> str | None:
        with self._reading() as connection:
            return load_certificate(connection, self._run_row(connection, run)["key"], trial)

    def verifications(self, certificate: str = "") -> Sequence[Verification]:
        with self._reading() as connection:
            return load_verifications(connection, certificate)

    def notes(self, run: str) -> Sequence[Noted]:
        rows = self._rows_of(run, NOTES, NOTES.c.key)
        return [Noted(row["origin"], row["text"]) for row in rows]

    def calls(self, run: str) -> Sequence[RecordedCall]:
        with self._reading() as connection:
            return load_calls(connection, self._run_row(connection, run)["key"])

    def prompt(self, digest: str) -> bytes:
        with self._reading() as connection:
            key = connection.scalar(sa.select(BLOBS.c.key).where(BLOBS.c.digest == digest))
            if key is None:
                raise NotInStore(f"no prompt {digest} in the store {self._path}")
            return load_blobs(connection, [key])[key]

    def spending(self, run: str) -> Spending:
        with self._reading() as connection:
            return load_spending(connection, self._run_row(connection, run)["key"])

    def rounds(self, run: str) -> Sequence[Round]:
        rows = self._rows_of(run, ROUNDS, ROUNDS.c.key)
        return [codec.record_from_json(Round, row["content"]) for row in rows]

    def open_rounds(self, run: str) -> Sequence[Round]:
        with self._reading() as connection:
            return load_open_rounds(connection, self._run_row(connection, run)["key"])

    def rehearsals(self, run: str) -> Sequence[Rehearsal]:
        rows = self._rows_of(run, REHEARSALS, REHEARSALS.c.key)
        return [codec.record_from_json(Rehearsal, row["content"]) for row in rows]

    def leases(self, run: str) -> Sequence[Lease]:
        with self._reading() as connection:
            return load_leases(connection, self._run_row(connection, run))

    def submission(self, run: str, ordinal: int) -> Submission | None:
        with self._reading() as connection:
            return load_submission(connection, self._run_row(connection, run)["key"], ordinal)

    def outcome(self, run: str, ordinal: int) -> Trial | Rejection | None:
        trials = self._load_trials(run, _TRIALS.where(TRIALS.c.ordinal == ordinal))
        if trials:
            return trials[0]
        with self._reading() as connection:
            place = {"run_key": self._run_row(connection, run)["key"], "ordinal": ordinal}
            row = connection.execute(_REJECTION, place).mappings().one_or_none()
        return None if row is None else _rejection(row)

    def looks(self, workloads: str, run: str = "") -> int:
        counts = LOOKS.c.workloads == workloads
        if run:
            counts |= LOOKS.c.run == run
        with self._reading() as connection:
            return int(connection.scalar(sa.select(sa.func.count(LOOKS.c.key)).where(counts)) or 0)

    def moments(self, run: str) -> Sequence[Moment]:
        with self._reading() as connection:
            return load_moments(connection, self._run_row(connection, run)["key"])

    def damages(self, run: str) -> Sequence[str]:
        with self._reading() as connection:
            return list(damages(connection, self._run_row(connection, run)))

    def program(self, program_id: str) -> Program:
        with self._reading() as connection:
            key = connection.scalar(sa.select(PROGRAMS.c.key).where(PROGRAMS.c.id == program_id))
            if key is None:
                raise NotInStore(f"no program {program_id} in the store {self._path}")
            return load_programs(connection, [key])[key]

    def fingerprint(self, digest: str) -> dict[str, object]:
        with self._reading() as connection:
            content = connection.scalar(_DESCRIPTION, {"digest": digest})
        if content is None:
            raise NotInStore(f"no fingerprint {digest} in the store {self._path}")
        description: dict[str, object] = codec.from_json(content)
        return description

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with speaking_plainly(self._path), reading(self._engine) as connection:
            yield connection

    def _run_row(self, connection: sa.Connection, name: str) -> codec.Row:
        row = connection.execute(_RUN, {"run": storable(name)}).mappings().one_or_none()
        if row is None:
            raise NotInStore(f"no run {name} in the store {self._path}; see them with: adrs runs")
        return row

    def _run_info(self, row: codec.Row) -> RunInfo:
        return RunInfo(
            name=row["name"],
            task=row["task"],
            task_digest=row["task_digest"],
            settings=codec.record_from_json(RunSettings, row["settings"]),
            status=RunStatus(row["status"]),
            reason=row["reason"],
            created_at=datetime.fromtimestamp(row["created_at"], UTC),
            heartbeat_at=datetime.fromtimestamp(row["heartbeat_at"], UTC),
            elapsed_s=row["elapsed_s"],
            asked=row["asked"],
            told=row["told"],
            rejections=row["rejections"],
            evaluation_s=row["evaluation_s"],
            by_status=codec.from_json(row["by_status"]),
            live=self._locks.held(row["key"]),
            stop_requested=row["stop_requested"],
        )

    def _rows_of(self, run: str, rows: Any, order: Any) -> Sequence[codec.Row]:
        with self._reading() as connection:
            key = self._run_row(connection, run)["key"]
            query = sa.select(rows).where(rows.c.run_key == key).order_by(order)
            return connection.execute(query).mappings().all()

    def _last_of(self, run: str, rows: Any, kind: type[T]) -> T | None:
        found = self._rows_of(run, rows, rows.c.key)
        return codec.record_from_json(kind, found[-1]["content"]) if found else None

    def _load_trials(
        self, run: str, query: sa.Select[Any], measured: sa.Select[Any] = _MEASURED
    ) -> list[Trial]:
        """Make trials of the rows of a query, with few queries however many there are."""
        with self._reading() as connection:
            place = {"run_key": self._run_row(connection, run)["key"]}
            rows = connection.execute(query, place).mappings().all()
            programs = load_programs(connection, [row["program_key"] for row in rows])
            isolations = _Isolations(connection)
            evaluations: dict[int, list[Evaluation]] = {row["number"]: [] for row in rows}
            for numbers in chunks(sorted(evaluations)):
                for row in connection.execute(measured, {**place, "numbers": numbers}).mappings():
                    evaluations[row["trial"]].append(_evaluation(row, isolations))
        return [
            _trial(row, programs[row["program_key"]], evaluations[row["number"]]) for row in rows
        ]


class _Isolations(dict[str, Isolation]):
    """Isolations by digest, each read once."""

    def __init__(self, connection: sa.Connection) -> None:
        super().__init__()
        self._connection = connection

    def __missing__(self, digest: str) -> Isolation:
        content = codec.from_json(self._connection.scalars(_DESCRIPTION, {"digest": digest}).one())
        content["level"] = IsolationLevel(content["level"])
        self[digest] = isolation = Isolation(**content)
        return isolation


def _trial(row: codec.Row, program: Program, evaluations: Sequence[Evaluation]) -> Trial:
    told = row["told_order"] is not None
    return Trial(
        number=row["number"],
        candidate=Candidate(program, codec.lineage_from(row)),
        island=row["island"],
        evaluations=merged(evaluations),
        score=_score(row) if row["score"] is not None else None,
        admission=_admission(row) if told else None,
    )


def _score(row: codec.Row) -> Score:
    error, repeats = row["score_error"], row["score_repeats"]
    return Score(row["score"], row["violation"], error or 0.0, repeats or 1)


def _admission(row: codec.Row) -> Admission:
    return Admission(row["kept"], row["admission"], tuple(codec.from_json(row["displaced"])))


def _rejection(row: codec.Row) -> Rejection:
    return Rejection(
        kind=RejectionKind(row["kind"]),
        reason=row["reason"],
        lineage=codec.lineage_from(row),
        program=row["program"],
    )


def _evaluation(row: codec.Row, isolations: _Isolations) -> Evaluation:
    return Evaluation(
        split=Split(row["split"]),
        status=Status(row["status"]),
        samples=codec.samples_from_json(row["samples"]),
        workloads=row["workloads"],
        isolation=isolations[row["isolation"]],
        reason=row["reason"],
        feedback=row["feedback"],
        output=row["output"],
        wall_s=row["wall_s"],
        fingerprint=row["fingerprint"],
    )
