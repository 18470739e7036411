"""The ranges that a generator declares, and points within them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

# So that a difference of two ends is still a number.
_LARGEST = 1e300


@dataclass(frozen=True, slots=True)
class Range:
    """One declared range: a list of two finite numbers, the lower one first."""

    low: float
    high: float

    @staticmethod
    def of(value: object) -> Range | None:
        """The range that a parameter is, if it is one."""
        if not isinstance(value, list | tuple) or len(value) != 2:
            return None
        if any(isinstance(end, bool) or not isinstance(end, int | float) for end in value):
            return None
        low, high = value
        return Range(low, high) if -_LARGEST <= low < high <= _LARGEST else None

    def at(self, share: float) -> float:
        """The value at a share of the way from low to high.

        The way is a factor where both ends are above zero, else a difference. Between whole
        numbers all are whole; others have four digits, so that they can be read.
        """
        if self.low > 0:
            value = self.low * math.pow(self.high / self.low, share)
        else:
            value = self.low + (self.high - self.low) * share
        if isinstance(self.low, int) and isinstance(self.high, int):
            return min(max(round(value), self.low), self.high)
        return min(max(float(f"{value:.4g}"), self.low), self.high)


class Ranges:
    """What can be searched of a task's generator.

    Points are in the unit cube: one share for each range.

    Args:
        generator: the parameters that the task declares.
    """

    def __init__(self, generator: Mapping[str, object]) -> None:
        self._generator = generator
        found = {name: Range.of(value) for name, value in generator.items()}
        self._ranges = {name: one for name, one in found.items() if one is not None}

    @property
    def names(self) -> list[str]:
        return list(self._ranges)

    def parameters(self, point: Sequence[float]) -> dict[str, object]:
        """The generator's parameters with each range narrowed to one value, [x, x]."""
        narrowed: dict[str, object] = dict(self._generator)
        for (name, one), share in zip(self._ranges.items(), point, strict=True):
            narrowed[name] = [one.at(share)] * 2
        return narrowed

    def spread(self, count: int, random: Random) -> list[tuple[float, ...]]:
        """Points spread evenly: a Latin hypercube.

        McKay, Beckman and Conover, "A comparison of three methods for selecting values of input
        variables in the analysis of output from a computer code", Technometrics 21 (1979).
        """
        columns = []
        for _ in self._ranges:
            column = [(cell + random.random()) / count for cell in range(count)]
            random.shuffle(column)
            columns.append(column)
        return list(zip(*columns, strict=True))


def near(point: Sequence[float], width: float, random: Random) -> tuple[float, ...]:
    """A point around another one, still in the unit cube; `width` is a standard deviation."""
    return tuple(min(1.0, max(0.0, share + random.gauss(0.0, width))) for share in point)
