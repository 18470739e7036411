"""What became of one run of a program: the sandbox's report and what was said of it, weighed.

The order in which they are weighed is in docs/decisions/judge-border.md.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from adrs import Brief, Exit, ExitReason, Limits, Meter, Status

# Sums and squares of figures must stay finite: programs, too, choose how large a figure is.
_LARGEST_METRIC = 1e150
_STATUSES = {
    "invalid": Status.INVALID,
    "flooded": Status.OVER_OUTPUT,
    "timed_out": Status.TIMED_OUT,
    "ended": Status.CRASHED,
    "memory": Status.OVER_MEMORY,
    "failed": Status.CRASHED,
    "judge_failed": Status.JUDGE_FAILED,
}


class Outcome(NamedTuple):
    """How a run ended; `metrics` is empty unless SCORED, `reason` is empty if it is."""

    status: Status
    metrics: dict[str, float]
    reason: str


def broken_limit(limits: Limits, end: Exit) -> Outcome | None:
    """What a limit that was hit makes of a run, or None if none was."""
    match end.reason:
        case ExitReason.WALL:
            status, limit = Status.TIMED_OUT, f"{limits.wall_s:g} s wall time"
        case ExitReason.CPU:
            status, limit = Status.TIMED_OUT, f"{limits.cpu_s:g} s CPU time"
        case ExitReason.MEMORY:
            status, limit = Status.OVER_MEMORY, f"{limits.memory_mb} MiB"
        case ExitReason.OUTPUT:
            return flooded(limits)
        case _:
            return None
    return Outcome(status, {}, f"over the limit of {limit}")


def flooded(limits: Limits) -> Outcome:
    """The outcome of printing too much."""
    return Outcome(Status.OVER_OUTPUT, {}, f"printed over the limit of {limits.output_mb} MiB")


def crashed(reason: str) -> Outcome:
    """The outcome of ending by itself in the wrong way."""
    return Outcome(Status.CRASHED, {}, reason)


class Weighing:
    """Decides outcomes by a task's limits and declared metrics.

    Args:
        author: what returns metrics, as reasons call it.
        fault: what metrics are that the task does not declare, or that are no numbers.
    """

    def __init__(
        self,
        brief: Brief,
        author: str = "evaluate()",
        fault: Status = Status.JUDGE_FAILED,
    ) -> None:
        self._limits = brief.limits
        self._author = author
        self._fault = fault
        self._metered = {m.name: m.meter for m in brief.metrics if m.meter is not None}
        self._judged = frozenset(m.name for m in brief.metrics if m.meter is None)

    def outcome(self, answer: dict[str, Any], end: Exit) -> Outcome:
        """A judge that failed comes first, then a broken limit, then what the judge says."""
        said = str(answer.get("outcome"))
        reason = str(answer.get("reason", ""))
        if said == "judge_failed":
            return Outcome(Status.JUDGE_FAILED, {}, reason)
        broken = broken_limit(self._limits, end)
        if broken is not None:
            return broken
        if said == "metrics":
            return self.scored(answer.get("metrics"), end)
        if said == "ended":
            how = f"signal {end.signal}" if end.signal else "it ended by itself"
            reason = f"the program's process was gone before it answered ({how})"
        return Outcome(_STATUSES.get(said, Status.JUDGE_FAILED), {}, reason)

    def scored(self, metrics: object, end: Exit) -> Outcome:
        """The outcome of a run that hit no limit, from the metrics that are said of it."""
        if not isinstance(metrics, dict):
            kind = type(metrics).__name__
            return Outcome(
                self._fault, {}, f"{self._author} must return a dict of metrics, not {kind}"
            )
        fault = self._wrong(metrics)
        if fault:
            return Outcome(self._fault, {}, fault)
        figures = {name: float(value) for name, value in metrics.items()}
        for name, meter in self._metered.items():
            figures[name] = _read(meter, end)
        return Outcome(Status.SCORED, figures, "")

    def _wrong(self, metrics: dict[str, object]) -> str:
        for name, value in metrics.items():
            if name in self._metered:
                return (
                    f"{self._author} returned {name!r}, which the sandbox measures "
                    f'(meter = "{self._metered[name]}" in task.toml); leave it out'
                )
            if name not in self._judged:
                return f"{self._author} returned {name!r:.80}, which task.toml does not declare"
            if isinstance(value, bool) or not isinstance(value, int | float):
                return f"metric {name!r} must be a number, not {value!r:.60}"
            if not abs(value) <= _LARGEST_METRIC:  # so that NaN is refused, too
                return (
                    f"metric {name!r} must be finite and at most {_LARGEST_METRIC:g} in size, "
                    f"not {value!r:.60}"
                )
        missing = sorted(self._judged - metrics.keys())
        return f"{self._author} did not return {', '.join(missing)}" if missing else ""


def _read(meter: Meter, end: Exit) -> float:
    match meter:
        case Meter.CPU_S:
            return end.cpu_s
        case Meter.WALL_S:
            return end.wall_s
        case Meter.PEAK_MB:
            return end.peak_mb
