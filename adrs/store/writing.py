"""Facts to rows: what one `append` does to the record, within its transaction."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from adrs.errors import TrialStateError
from adrs.model.evaluation import Score
from adrs.model.facts import (
    Asked,
    Attacked,
    Beat,
    Begun,
    Calibrated,
    Called,
    Calling,
    Certified,
    Ended,
    Fact,
    Found,
    Looked,
    Measured,
    Noted,
    Refused,
    Rehearsed,
    Started,
    Told,
)
from adrs.store import codec
from adrs.store.calls import begin_call, end_call
from adrs.store.certificates import keep_certificate
from adrs.store.programs import keep_program
from adrs.store.rounds import keep_round
from adrs.store.schema import (
    ATTACKS,
    CALIBRATIONS,
    DESCRIPTIONS,
    EVALUATIONS,
    FINDINGS,
    LOOKS,
    NOTES,
    REHEARSALS,
    REJECTIONS,
    RUNS,
    TRIALS,
)

_TRIAL_AT = (
    TRIALS.c.run_key == sa.bindparam("at_run"),
    TRIALS.c.number == sa.bindparam("at_trial"),
)
_FIND_TRIAL = sa.select(TRIALS.c.told_order).where(*_TRIAL_AT)
_UPDATE_TRIAL = TRIALS.update().where(*_TRIAL_AT)
_STARTED = _UPDATE_TRIAL.values(
    {name: sa.bindparam(name) for name in ("started_at", "worker")}
).returning(TRIALS.c.number)
_MEASURED = _UPDATE_TRIAL.values(status=sa.bindparam("status")).returning(TRIALS.c.told_order)
_TELLS = (
    "told_at", "told_order", "score", "violation", "score_error", "score_repeats",
    "kept", "admission", "displaced",
)  # fmt: skip
_TOLD = (
    _UPDATE_TRIAL.where(TRIALS.c.told_order.is_(None))
    .values({name: sa.bindparam(name) for name in _TELLS})
    .returning(TRIALS.c.status)
)
_LAST_STATUS = (
    sa.select(EVALUATIONS.c.status)
    .where(
        EVALUATIONS.c.run_key == sa.bindparam("at_run"),
        EVALUATIONS.c.trial == sa.bindparam("at_trial"),
    )
    .order_by(EVALUATIONS.c.key.desc())
    .limit(1)
)
_ORDINAL_OF_TRIAL, _ORDINAL_OF_REJECTION = (
    sa.select(rows.c.key).where(
        rows.c.run_key == sa.bindparam("run_key"), rows.c.ordinal == sa.bindparam("ordinal")
    )
    for rows in (TRIALS, REJECTIONS)
)
_KNOWN_DESCRIPTION = sa.select(DESCRIPTIONS.c.digest).where(
    DESCRIPTIONS.c.digest == sa.bindparam("digest")
)
_COUNTERS = (
    "status", "reason", "heartbeat_at", "elapsed_s", "stop_requested", "last_ordinal",
    "asked", "told", "rejections", "by_status", "evaluation_s",
)  # fmt: skip
_COUNT = (
    RUNS.update()
    .where(RUNS.c.key == sa.bindparam("at_run"))
    .values({name: sa.bindparam(name) for name in _COUNTERS})
)


def keep_description(connection: sa.Connection, digest: str, content: str) -> None:
    """Store a description unless it is there."""
    if connection.scalar(_KNOWN_DESCRIPTION, {"digest": digest}) is None:
        connection.execute(DESCRIPTIONS.insert(), {"digest": digest, "content": content})


class Entry:
    """One append to one run. Its counters are written once, at the end."""

    def __init__(self, connection: sa.Connection, run: codec.Row) -> None:
        self._connection = connection
        self._run = run["name"]
        self._key = run["key"]
        self._counters = {name: run[name] for name in _COUNTERS}
        self._by_status: dict[str, int] = codec.from_json(run["by_status"])
        self._now = time.time()

    def record(self, facts: Sequence[Fact]) -> None:
        """Write facts in order.

        Raises:
            TrialStateError: a trial or a proposal was recorded before, or is told twice.
            TrialStateError: a fact names a trial that was not asked.
            TrialStateError: a call ends that was not begun, or ends twice.
            TrialStateError: a certificate's id goes with another certificate.
        """
        for fact in facts:
            self._record(fact)
        counters = {**self._counters, "by_status": codec.to_json(self._by_status)}
        self._connection.execute(_COUNT, {"at_run": self._key, **counters})

    def _record(self, fact: Fact) -> None:
        match fact:
            case Begun():
                self._begun(fact)
            case Calling():
                begin_call(self._connection, self._key, fact, at=self._now)
            case Called():
                self._called(fact)
            case Rehearsed():
                self._rehearsed(fact)
            case Asked():
                self._asked(fact)
            case Refused():
                self._refused(fact)
            case Started():
                self._change_trial(_STARTED, fact.number, started_at=self._now, worker=fact.worker)
            case Measured():
                self._measured(fact)
            case Told():
                self._told(fact)
            case Looked():
                self._looked(fact)
            case Found():
                self._found(fact)
            case Calibrated():
                self._calibrated(fact)
            case Certified():
                self._certified(fact)
            case Attacked():
                self._attacked(fact)
            case Noted():
                self._noted(fact)
            case Beat():
                self._beat(fact)
            case Ended():
                self._ended(fact)

    def _begun(self, fact: Begun) -> None:
        self._take_ordinal(fact.round.ordinal)
        keep_round(self._connection, self._key, fact.round, at=self._now)

    def _called(self, fact: Called) -> None:
        if not end_call(self._connection, self._key, fact, at=self._now):
            raise TrialStateError(
                f"call {fact.number} of run {self._run} was never begun, or has ended already"
            )

    def _rehearsed(self, fact: Rehearsed) -> None:
        content = codec.record_to_json(fact.rehearsal)
        row = {"run_key": self._key, "at": self._now, "content": content}
        self._connection.execute(REHEARSALS.insert(), row)

    def _asked(self, fact: Asked) -> None:
        trial = fact.trial
        self._take_ordinal(fact.ordinal)
        row = {
            **codec.lineage_columns(trial.lineage),
            "run_key": self._key,
            "number": trial.number,
            "ordinal": fact.ordinal,
            "program_key": keep_program(self._connection, trial.program),
            "island": trial.island,
            "asked_at": self._now,
        }
        try:
            self._connection.execute(TRIALS.insert(), row)
        except IntegrityError as error:
            raise TrialStateError(
                f"trial {trial.number} of run {self._run} is recorded already; "
                "ask() gives each number once"
            ) from error
        self._counters["asked"] += 1

    def _refused(self, fact: Refused) -> None:
        rejection = fact.rejection
        self._take_ordinal(fact.ordinal)
        row = {
            **codec.lineage_columns(rejection.lineage),
            "run_key": self._key,
            "ordinal": fact.ordinal,
            "at": self._now,
            "kind": rejection.kind,
            "reason": rejection.reason,
            "program": rejection.program,
        }
        self._connection.execute(REJECTIONS.insert(), row)
        self._counters["rejections"] += 1

    def _take_ordinal(self, ordinal: int) -> None:
        if ordinal > self._counters["last_ordinal"]:
            self._counters["last_ordinal"] = ordinal
            return
        place = {"run_key": self._key, "ordinal": ordinal}
        for known in (_ORDINAL_OF_TRIAL, _ORDINAL_OF_REJECTION):
            if self._connection.scalar(known, place) is not None:
                raise TrialStateError(
                    f"proposal {ordinal} of run {self._run} is recorded already; "
                    "each ordinal is used once"
                )

    def _measured(self, fact: Measured) -> None:
        if isinstance(fact.subject, str):
            self._add_evaluation(fact, reference=fact.subject)
            return
        number, status = fact.subject, str(fact.evaluation.status)
        (told_order,) = self._change_trial(_MEASURED, number, status=status)
        if told_order is not None:
            last = self._connection.scalar(_LAST_STATUS, self._place(number))
            self._count_status(last, -1)
            self._count_status(status, +1)
        self._counters["evaluation_s"] += fact.evaluation.wall_s
        self._add_evaluation(fact, trial=number, after_tell=told_order is not None)

    def _add_evaluation(
        self,
        fact: Measured,
        trial: int | None = None,
        reference: str | None = None,
        after_tell: bool = False,
    ) -> None:
        evaluation = fact.evaluation
        isolation, content = codec.describe(codec.isolation_description(evaluation.isolation))
        keep_description(self._connection, isolation, content)
        row = {
            "run_key": self._key,
            "trial": trial,
            "reference": reference,
            "after_tell": after_tell,
            "at": self._now,
            "split": evaluation.split,
            "status": evaluation.status,
            "workloads": evaluation.workloads,
            "isolation": isolation,
            "fingerprint": evaluation.fingerprint,
            "wall_s": evaluation.wall_s,
            "reason": evaluation.reason,
            "feedback": evaluation.feedback,
            "output": evaluation.output,
            "samples": codec.samples_to_json(evaluation.samples),
        }
        self._connection.execute(EVALUATIONS.insert(), row)

    def _told(self, fact: Told) -> None:
        (status,) = self._change_trial(
            _TOLD,
            fact.number,
            told_at=self._now,
            told_order=self._counters["told"],
            **_score_columns(fact.score),
            kept=fact.admission.kept,
            admission=fact.admission.reason,
            displaced=codec.to_json(fact.admission.displaced),
        )
        self._counters["told"] += 1
        self._count_status(status, +1)

    def _looked(self, fact: Looked) -> None:
        self._find_trial(fact.trial)
        row = {
            "workloads": fact.workloads,
            "salt": fact.salt,
            "run": self._run,
            "trial": fact.trial,
            "at": self._now,
        }
        self._connection.execute(LOOKS.insert(), row)

    def _found(self, fact: Found) -> None:
        self._find_trial(fact.finding.trial)
        row = {
            "run_key": self._key,
            "at": self._now,
            "trial": fact.finding.trial,
            "verdict": fact.finding.verdict,
            "content": codec.record_to_json(fact.finding),
        }
        self._connection.execute(FINDINGS.insert(), row)

    def _calibrated(self, fact: Calibrated) -> None:
        content = codec.record_to_json(fact.calibration)
        row = {"run_key": self._key, "at": self._now, "content": content}
        self._connection.execute(CALIBRATIONS.insert(), row)

    def _certified(self, fact: Certified) -> None:
        self._find_trial(fact.trial)
        keep_certificate(
            self._connection, self._key, fact.trial, fact.id, fact.content, at=self._now
        )

    def _attacked(self, fact: Attacked) -> None:
        self._find_trial(fact.attack.trial)
        row = {
            "run_key": self._key,
            "at": self._now,
            "trial": fact.attack.trial,
            "content": codec.record_to_json(fact.attack),
        }
        self._connection.execute(ATTACKS.insert(), row)

    def _noted(self, fact: Noted) -> None:
        row = {"run_key": self._key, "at": self._now, "origin": fact.origin, "text": fact.text}
        self._connection.execute(NOTES.insert(), row)

    def _beat(self, fact: Beat) -> None:
        self._counters["heartbeat_at"] = self._now
        self._counters["elapsed_s"] += fact.elapsed_s

    def _ended(self, fact: Ended) -> None:
        self._counters |= {
            "status": str(fact.status),
            "reason": fact.reason,
            "heartbeat_at": self._now,
            "stop_requested": False,
        }

    def _place(self, number: int) -> dict[str, object]:
        return {"at_run": self._key, "at_trial": number}

    def _change_trial(self, change: sa.UpdateBase, number: int, **values: object) -> sa.Row[Any]:
        row = self._connection.execute(change, {**self._place(number), **values}).one_or_none()
        if row is None:
            self._find_trial(number)
            raise TrialStateError(
                f"trial {number} of run {self._run} was told already; "
                "tell() takes each trial from ask() once"
            )
        return row

    def _find_trial(self, number: int) -> None:
        if self._connection.execute(_FIND_TRIAL, self._place(number)).first() is None:
            raise TrialStateError(
                f"trial {number} of run {self._run} was never asked; take trials from ask()"
            )

    def _count_status(self, status: str | None, change: int) -> None:
        if status is not None:
            self._by_status[status] = self._by_status.get(status, 0) + change
            if not self._by_status[status]:
                del self._by_status[status]


def _score_columns(score: Score | None) -> dict[str, float | None]:
    return {
        "score": None if score is None else score.value,
        "violation": None if score is None else score.violation,
        "score_error": None if score is None else score.error,
        "score_repeats": None if score is None else score.repeats,
    }
