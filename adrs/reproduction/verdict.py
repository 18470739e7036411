"""The choice of the frozen program and the verdict on it, once more from what is recorded."""

from __future__ import annotations

import math

from adrs.model.evaluation import Evaluation
from adrs.model.run import RunStatus
from adrs.model.task import Split
from adrs.model.trial import Trial
from adrs.model.verdict import Finding, Interval
from adrs.ports.store import Record
from adrs.reproduction.difference import Difference, Differs
from adrs.reproduction.rerun import Rerun
from adrs.search.search import FINALISTS
from adrs.search.validation import by_validation, validation_of, validation_score
from adrs.trust import judge_held_out

# Intervals are drawn with random numbers that are the same everywhere, and reckoned with
# logarithms that are not, in the last digits.
_ROUNDING = 1e-9
_CAUSE = "figures, finding or score were changed in the record after they were written, or {} since"
_CURE = "take a copy of the store from before its file was edited"


def finalists(run: Rerun, record: Record) -> list[Trial]:
    """The seed and the few best that were measured on validation; none if there is no seed there.

    Args:
        run: gone through to its end.
    """
    best = [trial.number for trial in run.archive.elites(FINALISTS) if trial.number]
    trials = [record.trial(run.name, number) for number in (0, *best)]
    seed, *others = trials
    if validation_of(seed) is None:
        return []
    return [seed, *(trial for trial in others if validation_of(trial) is not None)]


def held_out_of(trial: Trial, finding: Finding) -> Evaluation | None:
    """What a trial showed on the held-out set of a verdict."""
    fitting = [
        one
        for one in trial.evaluations
        if one.split is Split.HELD_OUT and one.workloads == finding.workloads
    ]
    return fitting[-1] if fitting else None


def judged(run: Rerun, finding: Finding, baseline: Evaluation, best: Evaluation) -> Finding:
    """The verdict on two evaluations, as one look among those that are recorded."""
    return judge_held_out(
        run.task.objective,
        run.task.brief.constraints,
        baseline,
        best,
        trial=finding.trial,
        salt=finding.salt,
        looks=finding.looks,
        shares=finding.shares,
        accept_isolation=run.settings.accept_isolation,
    )


def check_verdict(run: Rerun, record: Record) -> None:
    """Sees that the recorded figures lead to the recorded verdict.

    Raises:
        Differs: another program is frozen, or the verdict on it is another.
    """
    finding = record.finding(run.name)
    if finding is None:
        return
    _check_frozen(run, record, finding)
    seed, best = (record.trial(run.name, number) for number in (0, finding.trial))
    baseline, measured = (held_out_of(trial, finding) for trial in (seed, best))
    where = f"the verdict on trial {finding.trial}"
    if baseline is None or measured is None:
        expected = f"figures of the seed and of trial {finding.trial} on held-out workloads"
        raise Differs(Difference(where, expected, "none", _CAUSE.format("taken out"), _CURE))
    again = judged(run, finding, baseline, measured)
    for name in ("verdict", "units", "level", "effect", "baseline", "best"):
        was, now = getattr(finding, name), getattr(again, name)
        if not _same(was, now):
            cause = _CAUSE.format("the rules of verdicts changed")
            raise Differs(Difference(f"{where}, its {name}", str(was), str(now), cause, _CURE))


def _check_frozen(run: Rerun, record: Record, finding: Finding) -> None:
    info = record.run(run.name)
    trials = finalists(run, record)
    if info.status not in (RunStatus.FINISHED, RunStatus.BUDGET) or not trials:
        return  # the verdict is that of an earlier end of the run
    measured = {trial.number: validation_of(trial) for trial in trials}
    baseline = measured[0]
    if baseline is None or validation_score(run.task, baseline, baseline) is None:
        return
    ranked = by_validation(run.task, trials[1:], measured, baseline)
    if ranked and ranked[0].number != finding.trial:
        raise Differs(
            Difference(
                "the program that was frozen",
                f"trial {finding.trial}",
                f"trial {ranked[0].number} is the best of the few on validation",
                _CAUSE.format("the choice changed"),
                _CURE,
            )
        )


def _same(one: object, other: object) -> bool:
    if isinstance(one, Interval) and isinstance(other, Interval):
        ends = ((one.value, other.value), (one.low, other.low), (one.high, other.high))
        return all(_same(*pair) for pair in ends)
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=_ROUNDING, abs_tol=1e-12)
    return one == other
