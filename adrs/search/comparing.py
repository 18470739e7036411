"""What several runs found, side by side, and what may explain a difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from adrs.errors import ConfigError
from adrs.model.metric import Direction
from adrs.model.run import RunSettings
from adrs.model.surroundings import Description, unlikenesses
from adrs.model.task import Task
from adrs.model.trial import Trial
from adrs.ports.store import Record
from adrs.search.summary import summarize

_NEAR = 0.01


def compare(record: Record, runs: Sequence[str]) -> dict[str, Any]:
    """The final JSON of each run with its curve, and what differs between them.

    Raises:
        ConfigError: fewer than two runs, or one that is named twice.
        NotInStore: there is no such run.
    """
    if len(set(runs)) < max(2, len(runs)):
        raise ConfigError("name two or more different runs to compare; `adrs runs` lists them")
    found = [_found(record, run) for run in runs]
    tasks = [record.task(run) for run in runs]
    places = [_places(record, one) for one in found]
    return {
        "runs": found,
        "same_task": len({task.digest for task in tasks}) == 1,
        "remarks": _remarks(tasks, found),
        "settings": _settings([record.run(run).settings for run in runs]),
        "surroundings": [asdict(one) for one in unlikenesses(places)],
    }


def _found(record: Record, run: str) -> dict[str, Any]:
    task, told = record.task(run), record.told(run)
    curve = _curve(told, task.objective.metric.direction)
    return {
        **summarize(record, run, task),
        "task_digest": task.digest,
        "curve": curve,
        "trials_until_near": _until_near(curve),
    }


def _curve(told: Sequence[Trial], direction: Direction) -> list[tuple[int, float]]:
    """After how many trials, the seed left out, the best feasible score became what."""
    curve: list[tuple[int, float]] = []
    for count, trial in enumerate(told):
        if trial.score is None or not trial.score.feasible:
            continue
        if not curve or direction.better(trial.score.value, curve[-1][1]):
            curve.append((count, trial.score.value))
    return curve


def _until_near(curve: Sequence[tuple[int, float]]) -> int | None:
    """After how many trials the best score was within 1 % of the last best."""
    if not curve:
        return None
    last = curve[-1][1]
    return next(count for count, value in curve if abs(value - last) <= _NEAR * abs(last))


def _places(record: Record, found: dict[str, Any]) -> list[Description]:
    """Where the evaluations of a run's best trial were made; of the seed's if there is none."""
    if found["baseline"] is None:
        return []
    best = found["best"] or found["baseline"]
    evaluations = record.trial(found["run"], best["trial"]).evaluations
    prints = dict.fromkeys(one.fingerprint for one in evaluations if one.fingerprint)
    return [record.fingerprint(one) for one in prints]


def _remarks(tasks: Sequence[Task], found: Sequence[dict[str, Any]]) -> list[str]:
    """What keeps the figures from being compared, in words."""
    if len({task.name for task in tasks}) > 1:
        return ["these are runs of different tasks, so their figures cannot be compared"]
    remarks = []
    if len({task.digest for task in tasks}) > 1:
        changed = _changed_files(tasks)
        which = f" ({', '.join(changed)})" if changed else ""
        remarks.append(
            f"the task was changed between these runs{which}, so their figures may not be "
            "comparable"
        )
    judged = {one["held_out"]["workloads"] for one in found if one["held_out"] is not None}
    if len(judged) > 1:
        remarks.append(
            "held-out workloads were drawn anew for each run, so compare what the best is worth "
            "against the baseline there, and not the figures themselves"
        )
    return remarks


def _changed_files(tasks: Sequence[Task]) -> list[str]:
    """Files of the task that are not the same in all runs; none if one run does not know them."""
    if not all(task.files for task in tasks):
        return []
    names = sorted({name for task in tasks for name in task.files})
    return [name for name in names if len({task.files.get(name) for task in tasks}) > 1]


def _settings(settings: Sequence[RunSettings]) -> dict[str, list[object]]:
    """What was asked otherwise; where the task lies does not matter."""
    rows = {
        field.name: [getattr(one, field.name) for one in settings] for field in fields(RunSettings)
    }
    del rows["task"]
    return {name: values for name, values in rows.items() if any(v != values[0] for v in values)}
