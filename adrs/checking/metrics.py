"""Metrics are called what they are, and the objective moves."""

from __future__ import annotations

from adrs.checking.examination import Examination
from adrs.checking.result import Report
from adrs.model.evaluation import Evaluation, Status
from adrs.model.metric import Direction, Metric

_UNITS = {
    "ns": ("ns",),
    "us": ("us",),
    "ms": ("ms",),
    "s": ("s",),
    "sec": ("s",),
    "seconds": ("s",),
    "min": ("min",),
    "h": ("h",),
    "hours": ("h",),
    "usd": ("USD",),
    "eur": ("EUR",),
    "kb": ("kB", "KiB"),
    "mb": ("MB", "MiB"),
    "gb": ("GB", "GiB"),
    "tb": ("TB", "TiB"),
    "bytes": ("B",),
    "mbps": ("Mbit/s", "MB/s"),
    "gbps": ("Gbit/s", "GB/s"),
    "pct": ("%",),
    "percent": ("%",),
    "joules": ("J",),
    "watts": ("W",),
}
_LESS = frozenset(
    {"cost", "costs", "latency", "time", "makespan", "missed", "misses", "miss", "error", "errors"}
    | {"loss", "delay", "regret", "failures", "violations", "evictions", "imbalance"}
)
_MORE = frozenset(
    {"throughput", "goodput", "score", "hit", "hits", "accuracy", "speedup", "bandwidth", "reward"}
    | {"saved", "savings", "utilization", "utilisation", "success"}
)


async def metrics_make_sense(examination: Examination, report: Report) -> None:
    """Names beside units and directions; figures of all known programs beside each other."""
    for metric in examination.task.brief.metrics:
        _unit(report, metric)
        _direction(report, metric)
    programs = await _move(examination, report)
    if not report.results:
        told = "the objective tells programs apart" if programs > 1 else "only one program scored"
        report.ok(f"names, units and directions agree, and {told}")


def _unit(report: Report, metric: Metric) -> None:
    *before, last = metric.name.lower().split("_")
    expected = _UNITS.get(last)
    if expected is None or not before:
        return
    if before[-1] == "per":
        agrees = any(metric.unit.endswith(f"/{unit}") for unit in expected)
        expected = tuple(f".../{unit}" for unit in expected)
    else:
        agrees = metric.unit in expected
    if not agrees:
        report.fault(
            f'{metric.name} is declared in "{metric.unit}", and its name says '
            f"{' or '.join(expected)}",
            "correct the unit or the name: every report shows both",
            metric=metric.name,
        )


def _direction(report: Report, metric: Metric) -> None:
    words = set(metric.name.lower().split("_"))
    less, more = bool(words & _LESS), bool(words & _MORE)
    if less == more:
        return
    usual = Direction.MINIMIZE if less else Direction.MAXIMIZE
    if metric.direction is not usual:
        report.advice(
            f"{metric.name} is to {metric.direction}, and by its name one would {usual} it",
            "correct the direction, or choose a name that says what is good",
            metric=metric.name,
        )


async def _move(examination: Examination, report: Report) -> int:
    """How many different programs there were to look at; what does not move is reported."""
    task, split = examination.task, examination.task.search_split
    found: dict[str, Evaluation] = {}
    for _, program in examination.honest:
        evaluation = await examination.measured(program, split)
        if evaluation.status is Status.SCORED:
            found[program.id] = evaluation
    if len(found) < 2:
        return len(found)
    objective = task.objective.metric.name
    if not _moves(objective, found):
        report.fault(
            f"{objective} is the same for all of {len(found)} programs that differ",
            "let it follow from what the program does, or the search has nothing to climb",
            programs=len(found),
        )
    for name in sorted({constraint.metric for constraint in task.brief.constraints}):
        values = {s.metrics[name] for e in found.values() for s in e.samples}
        if len(values) == 1:
            report.advice(
                f"{name}, which is constrained, is {values.pop():g} for every known program",
                "put a program that breaks the constraint into checks/bad/NAME/, so that it is "
                "known to be able to fail; where nothing can break it, leave it as it is",
                metric=name,
            )
    return len(found)


def _moves(metric: str, found: dict[str, Evaluation]) -> bool:
    """Whether any two programs differ on any workload."""
    rows = {
        tuple(sample.metrics[metric] for sample in evaluation.samples)
        for evaluation in found.values()
    }
    return len(rows) > 1
