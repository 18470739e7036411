"""Whether a figure that was measured twice came out the same, as far as noise lets it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from adrs.trust._noise import Noise
from adrs.trust._race import MOST
from adrs.trust._student import t_quantile

# Chance that anything at all is called different where nothing is.
FALSE_ALARM = 0.01
# Two means of the same figures may differ by so much, since sums are rounded.
_ROUNDING = 1e-12
_ENOUGH = 1000  # degrees of freedom beyond which a quantile does not change


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured figure.

    Attributes:
        error: its standard error.
        freedom: degrees of freedom of that error.
    """

    value: float
    error: float
    freedom: int

    @classmethod
    def of(cls, noise: Noise, series: Sequence[float]) -> Figure:
        """The mean of repeats, and how far it can be trusted by all that is known of noise."""
        return cls(*noise.estimate(series), noise.freedom(series))

    def agrees(self, other: Figure, comparisons: int) -> bool:
        """Whether two figures of one program differ by no more than noise explains.

        Student's t on their difference, at a level that is shared out (Bonferroni) over all
        comparisons and over the MOST repeats after which a race may have stopped: a program is
        measured again as long as its figures look good, so the mean at which it stopped is not that
        of any mean.
        """
        apart = abs(self.value - other.value)
        if apart <= _ROUNDING * max(abs(self.value), abs(other.value)):
            return True
        error = math.hypot(self.error, other.error)
        freedom = min(self.freedom, other.freedom, _ENOUGH)
        if error == 0.0 or freedom < 1:
            return False
        level = 1.0 - FALSE_ALARM / (max(1, comparisons) * MOST)
        return apart <= t_quantile(level, freedom) * error
