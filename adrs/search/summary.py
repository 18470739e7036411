"""What a run found, as one plain record: for `--json`, for the last lines, for a page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

from adrs.model.evaluation import Evaluation, Status
from adrs.model.metric import Aggregate, Objective
from adrs.model.run import RunStatus
from adrs.model.task import Split, Task
from adrs.model.trial import Trial
from adrs.model.verdict import Interval
from adrs.ports.store import Record
from adrs.search.costs import add_cost_of_best, costs
from adrs.search.gap import gains
from adrs.search.stages import stage_agreement
from adrs.trust import objective_interval


def summarize(record: Record, run: str, task: Task) -> dict[str, Any]:
    """The final JSON of `adrs run`, from the record alone.

    `baseline` and `best` are on the last search stage; `best` is the frozen program once there is
    a verdict, and the best on train before.
    """
    info = record.run(run)
    objective = task.objective
    finding = record.finding(run)
    summary: dict[str, Any] = {
        "run": run,
        "task": info.task,
        "status": info.status.value,
        "reason": info.reason,
        "trials": max(0, info.told - 1),
        "rejections": info.rejections,
        "by_status": dict(info.by_status),
        "baseline": None,
        "best": None,
        "references": {},
        "validation": None,
        "held_out": None,
        "gains": {},
        "certificate": None,
        "adversary": None,
        "calibration": None,
        "stages": [],
        "isolation": None,
        **costs(record, run),
        "wall_s": round(info.elapsed_s, 3),
        "evaluation_s": round(info.evaluation_s, 3),
    }
    if info.told == 0:
        return summary
    references = record.references(run)
    calibration = record.calibration(run)
    summary["calibration"] = None if calibration is None else asdict(calibration)
    summary["stages"] = stage_agreement(record, run, task)
    seed = record.trial(run, 0)
    # While a resumed run searches on, the earlier verdict is not about the best of now.
    judged = finding is not None and info.status in (RunStatus.FINISHED, RunStatus.BUDGET)
    if judged and finding is not None:
        best: Trial | None = record.trial(run, finding.trial)
    else:
        best = best_of(record, run, objective)
    train = _Figures(seed, task.search_split, objective, scored=True)
    summary["baseline"] = train.of(seed)
    summary["best"] = train.of(best)
    summary["references"] = train.of_references(references, best)
    last = (best or seed).evaluations[-1].isolation
    summary["isolation"] = {
        "level": last.level.value,
        "sandbox": last.sandbox,
        "enforced": dict(last.enforced),
        "missing": dict(last.missing),
        "root": dict(last.root),
    }
    if best is not None and _on(best, Split.VALIDATION) is not None:
        summary["validation"] = _side_by_side(seed, best, references, Split.VALIDATION, objective)
    add_cost_of_best(summary, record, run, best)
    if best is not None and best.number != 0:
        summary["gains"] = {split.value: gain for split, gain in gains(best, seed, task).items()}
    if finding is not None:
        frozen = record.trial(run, finding.trial)
        summary["held_out"] = {
            **_side_by_side(seed, frozen, references, Split.HELD_OUT, objective),
            "effect": _bounds(finding.effect),
            "level": finding.level,
            "units": finding.units,
            "shares": finding.shares,
            "looks": finding.looks,
            "verdict": finding.verdict.value,
            "reason": finding.reason,
            "salt": finding.salt,
            "workloads": finding.workloads,
        }
        attack = record.attack(run)
        if attack is not None and attack.trial == finding.trial:
            summary["adversary"] = asdict(attack)
        summary["certificate"] = _certificate(record, run, finding.trial)
    return summary


def _certificate(record: Record, run: str, trial: int) -> dict[str, Any] | None:
    """The id of a winner's certificate; `folder` is filled in by whoever writes one."""
    content = record.certificate(run, trial)
    return None if content is None else {"id": json.loads(content)["id"], "folder": None}


def _side_by_side(
    seed: Trial,
    best: Trial,
    references: Sequence[tuple[str, Evaluation]],
    split: Split,
    objective: Objective,
) -> dict[str, Any]:
    figures = _Figures(seed, split, objective)
    return {
        "baseline": figures.of(seed),
        "best": figures.of(best),
        "references": figures.of_references(references, best),
    }


def best_of(record: Record, run: str, objective: Objective) -> Trial | None:
    """The best told trial on the last search stage, feasible before infeasible."""
    number = record.best_number(run, objective.metric.direction)
    return None if number is None else record.trial(run, number)


def _on(trial: Trial, split: Split) -> Evaluation | None:
    """The trial's last SCORED evaluation on a split."""
    fitting = [e for e in trial.evaluations if e.split is split and e.status is Status.SCORED]
    return fitting[-1] if fitting else None


class _Figures:
    """Figures of one split, all on the same workloads.

    Args:
        scored: whether it is the split that the trials' scores are of.
    """

    def __init__(
        self, seed: Trial, split: Split, objective: Objective, scored: bool = False
    ) -> None:
        self._split = split
        self._scored = scored
        self._objective = objective
        self._baseline = _on(seed, split)

    def of(self, trial: Trial | None) -> dict[str, Any] | None:
        """A trial here, or None if it is not SCORED here."""
        evaluation = None if trial is None else _on(trial, self._split)
        if trial is None or evaluation is None:
            return None
        return {
            "trial": trial.number,
            "program": trial.program.id,
            "objective": self._objective_of(evaluation, self._lasting(trial)),
            "metrics": _means(evaluation),
            "cpu_s": fmean(sample.cpu_s for sample in evaluation.samples),
            "wall_s": fmean(sample.wall_s for sample in evaluation.samples),
        }

    def of_references(
        self, references: Sequence[tuple[str, Evaluation]], best: Trial | None
    ) -> dict[str, Any]:
        """Reference programs here, and the ratio of the best program's objective to theirs."""
        result: dict[str, Any] = {}
        ours = None if best is None else _on(best, self._split)
        for name, evaluation in references:
            if evaluation.split is not self._split or evaluation.status is not Status.SCORED:
                continue
            if self._baseline is None or evaluation.workloads != self._baseline.workloads:
                continue
            entry: dict[str, Any] = {"objective": self._objective_of(evaluation)}
            theirs = entry["objective"]["value"]
            if best is not None and ours is not None and theirs:
                mine = self._objective_of(ours, self._lasting(best))["value"]
                if mine is not None:
                    entry["ratio"] = mine / theirs
            result[name] = entry
        return result

    def _lasting(self, trial: Trial) -> float | None:
        """The figure of a timing that is free of how fast the machine was at the time."""
        timed = self._scored and self._objective.metric.timed
        return trial.score.value if timed and trial.score is not None else None

    def _objective_of(self, evaluation: Evaluation, lasting: float | None = None) -> dict[str, Any]:
        objective = self._objective
        ratio = objective.aggregate is Aggregate.GEOMEAN_RATIO
        interval = (
            None
            if ratio and self._baseline is None
            else objective_interval(objective, evaluation, self._baseline)
        )
        if interval is not None and lasting is not None and interval.value:
            share = lasting / interval.value
            ends = (interval.low, interval.high)
            interval = Interval(lasting, *(None if end is None else end * share for end in ends))
        return {
            "name": objective.metric.name,
            "direction": objective.metric.direction.value,
            "unit": "1" if ratio else objective.metric.unit,
            **_bounds(interval),
            "units": len({sample.unit for sample in evaluation.samples}),
        }


def _means(evaluation: Evaluation) -> dict[str, float]:
    """Every metric's mean over the samples."""
    samples = evaluation.samples
    names = samples[0].metrics
    return {name: sum(s.metrics[name] for s in samples) / len(samples) for name in names}


def _bounds(interval: Interval | None) -> Mapping[str, float | None]:
    if interval is None:
        return {"value": None, "low": None, "high": None}
    return {"value": interval.value, "low": interval.low, "high": interval.high}
