"""What a program is worth on each split: the gap between them is how far train flatters it."""

from __future__ import annotations

from adrs.model.evaluation import Evaluation, Status
from adrs.model.scoring import improvement, score
from adrs.model.task import Split, Task
from adrs.model.trial import Trial


def gains(trial: Trial, seed: Trial, task: Task) -> dict[Split, float]:
    """Relative improvement over the seed on each split where both are SCORED, in that order.

    On the last search stage it is that of the scores; elsewhere that of the last evaluation, and
    the seed's on the same workloads. Stages before the last decide nothing and are left out.
    """
    direction = task.objective.metric.direction
    found: dict[Split, float] = {}
    if trial.score is not None and seed.score is not None:
        found[task.search_split] = improvement(trial.score.value, seed.score.value, direction)
    for split in (Split.VALIDATION, Split.HELD_OUT):
        mine = _last(trial, split)
        theirs = None if mine is None else _last(seed, split, mine.workloads)
        if mine is None or theirs is None:
            continue
        ours = score(task.objective, (), mine, theirs)
        seeds = score(task.objective, (), theirs, theirs)
        if ours is not None and seeds is not None:
            found[split] = improvement(ours.value, seeds.value, direction)
    return found


def _last(trial: Trial, split: Split, workloads: str = "") -> Evaluation | None:
    fitting = (
        evaluation
        for evaluation in reversed(trial.evaluations)
        if evaluation.split is split
        and evaluation.status is Status.SCORED
        and workloads in ("", evaluation.workloads)
    )
    return next(fitting, None)
