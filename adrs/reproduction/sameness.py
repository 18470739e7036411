"""Whether what was measured again is what is recorded: to the last digit, or within its noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adrs.model.evaluation import Evaluation, Sample, Status
from adrs.model.metric import Metric
from adrs.trust import Figure

_REASON = 200  # characters
OF_THE_MACHINE = frozenset({Status.TIMED_OUT, Status.OVER_MEMORY})


@dataclass(frozen=True, slots=True)
class Fault:
    """What is not the same.

    Attributes:
        by_limit: one of the two hit a limit of time or memory.
    """

    what: str
    expected: str
    came: str
    by_limit: bool = False


def other_workloads(recorded: Evaluation, now: Evaluation) -> Fault | None:
    """Whether both are of the same workloads."""
    if recorded.workloads == now.workloads:
        return None
    was, came = (f"a set with the digest {one.workloads[:16]}..." for one in (recorded, now))
    return Fault(f"its {recorded.split} workloads", was, came)


def other_status(recorded: Evaluation, now: Evaluation) -> Fault | None:
    """Whether both ended in the same way."""
    if recorded.status is now.status:
        return None
    limits = bool(OF_THE_MACHINE & {recorded.status, now.status})
    what = f"its status on {recorded.split}"
    return Fault(what, _ending(recorded), _ending(now), limits)


def other_figures(metrics: Sequence[Metric], recorded: Evaluation, now: Evaluation) -> Fault | None:
    """The first figure that is not the same to the last digit; of what no clock and meter gave."""
    exact = [metric.name for metric in metrics if metric.meter is None and not metric.timed]
    here = {(one.workload, one.repeat): one for one in now.samples}
    for sample in recorded.samples:
        again = here.pop((sample.workload, sample.repeat), None)
        place = f" on {sample.workload} ({recorded.split}), repeat {sample.repeat}"
        if again is None:
            return Fault(f"its sample{place}", str(sample.status), "it was not measured")
        if (sample.status, sample.unit) != (again.status, again.unit):
            limits = bool(OF_THE_MACHINE & {sample.status, again.status})
            return Fault(f"its status{place}", _kind(sample), _kind(again), limits)
        for name in exact:
            was, came = sample.metrics.get(name), again.metrics.get(name)
            if was != came:
                return Fault(f"{name}{place}", repr(was), repr(came))
    for workload, repeat in here:
        what = f"its sample on {workload} ({recorded.split}), repeat {repeat}"
        return Fault(what, "it was not measured", "it was")
    return None


def other_figure(
    name: str, recorded: Figure | None, now: Figure | None, comparisons: int
) -> Fault | None:
    """Whether noise explains how far two figures are apart; None if there are no two."""
    if recorded is None or now is None or recorded.agrees(now, comparisons):
        return None
    return Fault(name, _measured(recorded), _measured(now))


def _ending(evaluation: Evaluation) -> str:
    reason = f" ({evaluation.reason[:_REASON]})" if evaluation.reason else ""
    return f"{evaluation.status}{reason}"


def _kind(sample: Sample) -> str:
    return f"{sample.status}, of the unit {sample.unit}"


def _measured(figure: Figure) -> str:
    return f"{figure.value!r} with a standard error of {figure.error:.3g}"
