"""What is measured, which way is better, and what must hold."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Direction(StrEnum):
    """Which way a metric is better."""

    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"

    def better(self, one: float, other: float) -> bool:
        """Whether `one` is strictly better than `other`."""
        return one < other if self is Direction.MINIMIZE else one > other


class Aggregate(StrEnum):
    """How one number is made of the figures per workload."""

    MEAN = "mean"
    GEOMEAN_RATIO = "geomean_ratio"


class Meter(StrEnum):
    """What the sandbox reads off itself for every sample, out of reach of program and judge."""

    CPU_S = "cpu_s"
    WALL_S = "wall_s"
    PEAK_MB = "peak_mb"


@dataclass(frozen=True, slots=True)
class Metric:
    """A declared figure.

    Attributes:
        unit: a symbol ("s", "USD", "GB/s"), or "1" for a pure number.
        timing: the judge takes it with a clock: it depends on what else the machine does.
        meter: the sandbox fills it in; without one the judge returns it.
    """

    name: str
    direction: Direction
    unit: str
    timing: bool = False
    meter: Meter | None = None

    @property
    def timed(self) -> bool:
        """Whether it depends on what else the machine does."""
        return self.timing or self.meter in (Meter.CPU_S, Meter.WALL_S)


@dataclass(frozen=True, slots=True)
class Constraint:
    """What every workload's `metric` must satisfy for a program to be feasible."""

    metric: str
    at_most: float | None = None
    at_least: float | None = None

    def violation(self, value: float) -> float:
        """How far `value` is outside; 0.0 when it is inside."""
        over = 0.0 if self.at_most is None else max(0.0, value - self.at_most)
        under = 0.0 if self.at_least is None else max(0.0, self.at_least - value)
        return over + under


@dataclass(frozen=True, slots=True)
class Objective:
    """What the search improves.

    Attributes:
        metric: the metric that is optimised.
        aggregate: how workloads are joined.
        min_effect: relative improvement over the baseline below which a WINNER is not worth it.
        reference: name of the task's reference program that results are also compared with.
    """

    metric: Metric
    aggregate: Aggregate = Aggregate.MEAN
    min_effect: float = 0.01
    reference: str | None = None
