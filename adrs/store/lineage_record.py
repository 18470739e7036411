"""What a lineage reads of the record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa

from adrs.model.evaluation import Score
from adrs.store.lineage_history import Standing, Step
from adrs.store.locks import Locks
from adrs.store.reading import SqlRecord
from adrs.store.schema import CERTIFICATES, EVALUATIONS, TRIALS
from adrs.store.sqlite import connect

_OF_RUN = TRIALS.c.run_key == sa.bindparam("run_key")
_PAGE = (
    TRIALS.c.told_order >= sa.bindparam("first"),
    TRIALS.c.told_order < sa.bindparam("end"),
)
_TIMES = sa.select(TRIALS.c.number, TRIALS.c.told_order, TRIALS.c.told_at).where(_OF_RUN, *_PAGE)
_MEASURED_BEFORE = (
    sa.select(EVALUATIONS)
    .where(
        EVALUATIONS.c.run_key == sa.bindparam("run_key"),
        EVALUATIONS.c.trial.in_(sa.bindparam("numbers", expanding=True)),
        ~EVALUATIONS.c.after_tell,
    )
    .order_by(EVALUATIONS.c.key)
)
_STANDINGS = sa.select(
    TRIALS.c.number,
    TRIALS.c.island,
    TRIALS.c.told_order,
    TRIALS.c.score,
    TRIALS.c.violation,
    TRIALS.c.score_error,
    TRIALS.c.score_repeats,
).where(_OF_RUN, TRIALS.c.score.is_not(None), TRIALS.c.told_order.is_not(None))
_CERTIFIED = (
    sa.select(CERTIFICATES.c.trial)
    .where(CERTIFICATES.c.run_key == sa.bindparam("run_key"))
    .order_by(CERTIFICATES.c.key)
)


class LineageRecord(SqlRecord):
    """A record with a pool of connections of its own, so that it can be read in any thread."""

    def __init__(self, path: Path) -> None:
        super().__init__(connect(path), path, Locks(path.with_name(f"{path.name}.locks")))

    def steps(self, run: str, first: int, count: int) -> Sequence[Step]:
        """Told trials from a place in the order of tells on."""
        page = {"first": first, "end": first + count}
        query = sa.select(TRIALS).where(_OF_RUN, *_PAGE).order_by(TRIALS.c.told_order)
        trials = self._load_trials(run, query.params(page), _MEASURED_BEFORE)
        with self._reading() as connection:
            place = {"run_key": self._run_row(connection, run)["key"], **page}
            times = {row.number: row for row in connection.execute(_TIMES, place)}
        return [
            Step(trial, times[trial.number].told_order, int(times[trial.number].told_at))
            for trial in trials
        ]

    def standings(self, run: str) -> Sequence[Standing]:
        """All told trials that have a score."""
        with self._reading() as connection:
            place = {"run_key": self._run_row(connection, run)["key"]}
            return [
                Standing(number, island, told, Score(value, violation, error or 0.0, repeats or 1))
                for number, island, told, value, violation, error, repeats in connection.execute(
                    _STANDINGS, place
                )
            ]

    def certified(self, run: str) -> Sequence[int]:
        """Trials that have a certificate, the last one last."""
        with self._reading() as connection:
            place = {"run_key": self._run_row(connection, run)["key"]}
            return connection.scalars(_CERTIFIED, place).all()
