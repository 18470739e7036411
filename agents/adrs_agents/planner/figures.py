"""What the search stages measured of a trial, and how two trials compare."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import fmean

from adrs import Brief, Direction, Evaluation, Objective, Split, Status, Trial

from .untrusted import one_line

# Validation and held-out are for choosing and judging: who proposes must not fit them.
SEARCHED = (Split.SMOKE, Split.TRAIN)


@dataclass(frozen=True, slots=True)
class Figures:
    """What a proposer may know of a trial's measurements: nothing of validation or held-out.

    Attributes:
        last: the evaluation of the last stage that was reached; None if there is none.
        feedback: the judge's last words on that stage.
        by_workload: workload to metric to its mean over repeats, on that stage.
    """

    last: Evaluation | None = None
    feedback: str = ""
    by_workload: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, trial: Trial) -> Figures:
        last = last_searched(trial)
        if last is None:
            return cls()
        same = [one for one in trial.evaluations if one.split is last.split]
        feedback = next((one.feedback for one in reversed(same) if one.feedback), "")
        gathered: dict[str, dict[str, list[float]]] = {}
        for sample in (sample for one in same for sample in one.samples):
            metrics = gathered.setdefault(sample.workload, defaultdict(list))
            for name, value in sample.metrics.items():
                metrics[name].append(value)
        means = {
            workload: {name: fmean(values) for name, values in metrics.items()}
            for workload, metrics in gathered.items()
            if metrics
        }
        return cls(last, feedback, means)

    @property
    def split(self) -> Split | None:
        """Where it was measured; None if nowhere."""
        return None if self.last is None else self.last.split

    def mean(self, metric: str) -> float | None:
        """A metric's mean over workloads; None if it was not measured."""
        values = [row[metric] for row in self.by_workload.values() if metric in row]
        return fmean(values) if values else None


def last_searched(trial: Trial) -> Evaluation | None:
    """The evaluation of the last search stage that was reached."""
    return next((one for one in reversed(trial.evaluations) if one.split in SEARCHED), None)


def improvement(value: float, before: float, direction: Direction) -> float | None:
    """By which share of `before` a value is better; None where that has no meaning."""
    if before == 0.0 or not math.isfinite(value) or not math.isfinite(before):
        return None
    change = (value - before) / abs(before)
    return -change if direction is Direction.MINIMIZE else change


def gain(trial: Trial, parent: Trial | None, objective: Objective) -> float | None:
    """The objective's improvement over the parent; None unless both are scored and feasible."""
    if parent is None or parent.score is None or trial.score is None:
        return None
    if parent.score.feasible and not trial.score.feasible:
        return None
    return improvement(trial.score.value, parent.score.value, objective.metric.direction)


def change(trial: Trial, parent: Trial | None, metric: str, brief: Brief) -> float | None:
    """The improvement of a declared metric over the parent; the objective's if it is not one."""
    declared = next((one for one in brief.metrics if one.name == metric), None)
    if parent is None or declared is None or declared.name == brief.objective.metric.name:
        return gain(trial, parent, brief.objective)
    after, before = Figures.of(trial).mean(metric), Figures.of(parent).mean(metric)
    if after is None or before is None:
        return None
    return improvement(after, before, declared.direction)


def outcome(trial: Trial, parent: Trial | None, brief: Brief) -> str:
    """What became of a trial, in words: the objective against its parent's, or how it failed."""
    if trial.score is None:
        return f"ended {ending(trial)}"
    name = brief.objective.metric.name
    words = f"{name} {number(trial.score.value)}"
    if parent is not None and parent.score is not None:
        words = f"{name} {number(parent.score.value)} -> {number(trial.score.value)}"
        better = improvement(
            trial.score.value, parent.score.value, brief.objective.metric.direction
        )
        if better is not None:
            words += f" ({percent(better)})"
    if not trial.score.feasible:
        words += f", but breaks constraints by {number(trial.score.violation)}"
    return words


def ending(trial: Trial) -> str:
    """Why a trial has no score."""
    last = last_searched(trial)
    if last is None:
        return "without a measurement"
    if last.status is Status.SCORED:
        return f"early: {one_line(trial.admission.reason, 120)}" if trial.admission else "early"
    return f"{last.status}: {one_line(last.reason, 160)}" if last.reason else str(last.status)


def number(value: float) -> str:
    return f"{value:.6g}"


def percent(share: float) -> str:
    """A relative improvement in words."""
    if abs(share) < 0.00005:
        return "no change"
    size = abs(share) * 100
    return f"{size:.{1 if size >= 1 else 2}f} % {'better' if share > 0 else 'worse'}"
