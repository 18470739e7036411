"""Facts about the parent that a plan can start from, found without a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from adrs import Brief, Constraint, Status, Trial

from .evidence import Evidence
from .figures import Figures, ending, improvement, number, percent
from .untrusted import one_line

_MOST_ROWS = 8
_MOST_METRICS = 12
_LATEST = 20


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Each part is "" where there is nothing to say.

    Attributes:
        figures: every metric of the parent beside the best's and the seed's.
        workloads: where the parent is worst, beside the same two.
        violations: the workloads on which it breaks constraints.
        feedback: the judge's words on it.
        ending: how it ended, if it has no score.
        output: the end of what it printed then.
        failures: how the latest trials failed, counted.
    """

    figures: str
    workloads: str
    violations: str
    feedback: str
    ending: str
    output: str
    failures: str


def diagnose(evidence: Evidence) -> Diagnosis:
    """Compares the parent with the best program and with the seed."""
    parent, best, seed = evidence.parent, evidence.context.best, evidence.seed
    beside = {f"best (trial {best.number})": best} if best.number != parent.number else {}
    if seed.number not in (parent.number, best.number):
        beside[f"seed (trial {seed.number})"] = seed
    figures = Figures.of(parent)
    # Only what was measured on the same split can be compared.
    others = {
        name: other
        for name, trial in beside.items()
        if (other := Figures.of(trial)).split is figures.split
    }
    failed = figures.last is not None and figures.last.status is not Status.SCORED
    return Diagnosis(
        figures=_overview(figures, others, evidence),
        workloads=_worst(figures, others, evidence.brief),
        violations="\n".join(_violations(figures, evidence.brief)),
        feedback=figures.feedback,
        ending=ending(parent) if parent.score is None else "",
        output=figures.last.output if failed and figures.last is not None else "",
        failures=_failures(evidence.context.history[-_LATEST:]),
    )


def _overview(figures: Figures, others: Mapping[str, Figures], evidence: Evidence) -> str:
    """A table of all metrics, means over workloads; the objective's own line comes first."""
    objective, parent, best = evidence.brief.objective, evidence.parent, evidence.context.best
    said: dict[int, list[str]] = {}
    scored = {}
    for name, trial in (("this program", parent), ("the best", best), ("the seed", evidence.seed)):
        if trial.score is not None:
            said.setdefault(trial.number, []).append(name)
            scored[trial.number] = trial.score.value
    lines = [
        f"objective of trial {each} ({' and '.join(said[each])}): {number(value)}"
        for each, value in scored.items()
    ]
    direction = objective.metric.direction
    for name, trial in (("the best", best), ("the seed", evidence.seed)):
        if trial.number == parent.number or trial.score is None or parent.score is None:
            continue
        better = improvement(parent.score.value, trial.score.value, direction)
        if better is not None:
            lines.append(f"this program against {name}: {percent(better)}")
    rows = [
        [
            metric.name,
            metric.unit,
            *(_shown(one, metric.name) for one in (figures, *others.values())),
        ]
        for metric in evidence.brief.metrics[:_MOST_METRICS]
        if figures.mean(metric.name) is not None
    ]
    return "\n".join(
        [*lines, _table(["mean over workloads", "unit", "this program", *others], rows)]
    )


def _shown(figures: Figures, metric: str) -> str:
    mean = figures.mean(metric)
    return "-" if mean is None else number(mean)


def _worst(figures: Figures, others: Mapping[str, Figures], brief: Brief) -> str:
    """The workloads where the parent loses most against the best, or gains least on the seed."""
    metric = brief.objective.metric
    if not others:
        return ""
    first = next(iter(others.values()))
    found = []
    for workload, metrics in figures.by_workload.items():
        mine = metrics.get(metric.name)
        theirs = first.by_workload.get(workload, {}).get(metric.name)
        if mine is None or theirs is None:
            continue
        better = improvement(mine, theirs, metric.direction)
        if better is not None:
            rivals = [one.by_workload.get(workload, {}).get(metric.name) for one in others.values()]
            values = ["-" if one is None else number(one) for one in (mine, *rivals)]
            found.append((better, [one_line(workload, 60), *values, percent(better)]))
    found.sort(key=lambda pair: pair[0])
    against = f"against {next(iter(others))}"
    rows = [row for _, row in found[:_MOST_ROWS]]
    return _table([f"{metric.name} on workload", "this program", *others, against], rows)


def _violations(figures: Figures, brief: Brief) -> Iterator[str]:
    found = 0
    for constraint in brief.constraints:
        for workload, metrics in figures.by_workload.items():
            value = metrics.get(constraint.metric)
            if value is not None and constraint.violation(value) > 0 and found < _MOST_ROWS:
                found += 1
                yield f"{one_line(workload, 60)}: {number(value)}, allowed: {bounds(constraint)}"


def bounds(constraint: Constraint) -> str:
    """A constraint in words."""
    said = []
    if constraint.at_most is not None:
        said.append(f"at most {constraint.at_most:g}")
    if constraint.at_least is not None:
        said.append(f"at least {constraint.at_least:g}")
    return f"{constraint.metric} {' and '.join(said)}"


def _failures(latest: Sequence[Trial]) -> str:
    reasons = Counter(ending(trial) for trial in latest if trial.score is None)
    if not reasons:
        return ""
    rows = [f"{many} times {one_line(why, 200)}" for why, many in reasons.most_common(5)]
    failed = reasons.total()
    return "\n".join([f"{failed} of the latest {len(latest)} programs had no score:", *rows])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(" | ".join(row) for row in (head, *rows)) if rows else ""
