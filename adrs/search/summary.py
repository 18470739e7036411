"""What a run found, as one plain record: for `--json`, for the last lines, for a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adrs.model.evaluation import Evaluation, Status
from adrs.model.metric import Direction, Objective
from adrs.model.scoring import unit_figures
from adrs.model.task import Split, Task
from adrs.model.trial import Trial
from adrs.model.verdict import Interval
from adrs.ports.store import Record
from adrs.trust import mean_interval


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
        "isolation": None,
        "usd": 0.0,
        "tokens": 0,
        "wall_s": round(info.elapsed_s, 3),
        "evaluation_s": round(info.evaluation_s, 3),
    }
    if info.told == 0:
        return summary
    references = record.references(run)
    seed = record.trial(run, 0)
    best = record.trial(run, finding.trial) if finding else best_of(record, run, objective)
    split = task.search_split
    summary["baseline"] = _subject(seed, split, objective)
    summary["best"] = _subject(best, split, objective)
    summary["references"] = _references(references, split, objective, best)
    last = (best or seed).evaluations[-1].isolation
    summary["isolation"] = {
        "level": last.level.value,
        "sandbox": last.sandbox,
        "enforced": dict(last.enforced),
        "missing": dict(last.missing),
    }
    if best is not None and _on(best, Split.VALIDATION) is not None:
        summary["validation"] = {
            "baseline": _subject(seed, Split.VALIDATION, objective),
            "best": _subject(best, Split.VALIDATION, objective),
            "references": _references(references, Split.VALIDATION, objective, best),
        }
    if finding is not None and best is not None:
        summary["held_out"] = {
            "baseline": _subject(seed, Split.HELD_OUT, objective),
            "best": _subject(best, Split.HELD_OUT, objective),
            "references": _references(references, Split.HELD_OUT, objective, best),
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
    return summary


def best_of(record: Record, run: str, objective: Objective) -> Trial | None:
    """The best told trial on the last search stage, feasible before infeasible."""
    number = record.best_number(run, objective.metric.direction)
    return None if number is None else record.trial(run, number)


def _on(trial: Trial, split: Split) -> Evaluation | None:
    """The trial's last SCORED evaluation on a split."""
    fitting = [e for e in trial.evaluations if e.split is split and e.status is Status.SCORED]
    return fitting[-1] if fitting else None


def _subject(trial: Trial | None, split: Split, objective: Objective) -> dict[str, Any] | None:
    evaluation = None if trial is None else _on(trial, split)
    if trial is None or evaluation is None:
        return None
    return {
        "trial": trial.number,
        "program": trial.program.id,
        "objective": _figure(evaluation, objective),
        "metrics": _means(evaluation),
    }


def _figure(evaluation: Evaluation, objective: Objective) -> dict[str, Any]:
    figures = unit_figures(evaluation, objective) or {}
    interval = mean_interval(list(figures.values()))
    return {
        "name": objective.metric.name,
        "direction": objective.metric.direction.value,
        "unit": objective.metric.unit,
        **_bounds(interval),
        "units": len(figures),
    }


def _means(evaluation: Evaluation) -> dict[str, float]:
    """Every metric's mean over the samples."""
    samples = evaluation.samples
    names = samples[0].metrics
    return {name: sum(s.metrics[name] for s in samples) / len(samples) for name in names}


def _references(
    references: Sequence[tuple[str, Evaluation]],
    split: Split,
    objective: Objective,
    best: Trial | None,
) -> dict[str, Any]:
    """Reference programs on the same workloads, and the best program's ratio to each."""
    result: dict[str, Any] = {}
    ours = None if best is None else _on(best, split)
    for name, evaluation in references:
        if evaluation.split is not split or evaluation.status is not Status.SCORED:
            continue
        if ours is not None and evaluation.workloads != ours.workloads:
            continue
        entry: dict[str, Any] = {"objective": _figure(evaluation, objective)}
        theirs = entry["objective"]["value"]
        if ours is not None and theirs:
            entry["ratio"] = _figure(ours, objective)["value"] / theirs
        result[name] = entry
    return result


def _bounds(interval: Interval | None) -> Mapping[str, float | None]:
    if interval is None:
        return {"value": None, "low": None, "high": None}
    return {"value": interval.value, "low": interval.low, "high": interval.high}


def improvement(value: float, baseline: float, direction: Direction) -> float:
    """Relative improvement over the baseline, positive when better."""
    gain = baseline - value if direction is Direction.MINIMIZE else value - baseline
    return gain / abs(baseline) if baseline else 0.0
