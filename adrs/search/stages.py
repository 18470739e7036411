"""How well cheap stages foretell the last one."""

from __future__ import annotations

from statistics import StatisticsError, correlation
from typing import Any

from adrs.model.evaluation import Evaluation, Status
from adrs.model.scoring import score
from adrs.model.task import Split, Task
from adrs.model.trial import Trial
from adrs.ports.store import Record

# The latest so many trials are looked at: enough for two digits, and a summary stays quick.
_LATEST = 500


def stage_agreement(record: Record, run: str, task: Task) -> list[dict[str, Any]]:
    """What each stage but the last was good for, from the latest trials of a run.

    Returns:
        One entry for each early stage: `split`; `trials` that went through it and the last one;
        `rank_correlation` of the two (Spearman), None with fewer than three trials or where all
        figures of a stage are equal; `stopped`, the trials that it sent no further. A stage whose
        correlation is near zero costs time and tells nothing.
    """
    early = [stage.split for stage in task.stages[:-1]]
    if not early:
        return []
    told = record.run(run).told
    trials = [t for t in record.trials(run, max(0, told - _LATEST)) if t.evaluations]
    seed = record.trial(run, 0)
    return [_agreement(split, trials, seed, task) for split in early]


def _agreement(split: Split, trials: list[Trial], seed: Trial, task: Task) -> dict[str, Any]:
    pairs = [
        (before, after)
        for trial in trials
        if (before := _figure(trial, split, seed, task)) is not None
        and (after := _figure(trial, task.search_split, seed, task)) is not None
    ]
    stopped = [
        trial
        for trial in trials
        if trial.score is None
        and trial.status is Status.SCORED
        and trial.evaluations[-1].split is split
    ]
    return {
        "split": split.value,
        "trials": len(pairs),
        "rank_correlation": rank_correlation(pairs),
        "stopped": len(stopped),
    }


def _figure(trial: Trial, split: Split, seed: Trial, task: Task) -> float | None:
    evaluation = _on(trial, split)
    if evaluation is None:
        return None
    found = score(task.objective, (), evaluation, _on(seed, split))
    return None if found is None else found.value


def _on(trial: Trial, split: Split) -> Evaluation | None:
    return next(
        (e for e in trial.evaluations if e.split is split and e.status is Status.SCORED), None
    )


def rank_correlation(pairs: list[tuple[float, float]]) -> float | None:
    """Spearman's: Pearson's of the ranks, equal figures sharing the middle of theirs."""
    if len(pairs) < 3:
        return None
    try:
        return correlation(*(_ranks(list(column)) for column in zip(*pairs, strict=True)))
    except StatisticsError:
        return None


def _ranks(figures: list[float]) -> list[float]:
    places: dict[float, list[int]] = {}
    for place, figure in enumerate(sorted(figures)):
        places.setdefault(figure, []).append(place)
    return [sum(places[figure]) / len(places[figure]) for figure in figures]
