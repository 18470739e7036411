"""How much one measurement of a program varies, learnt from all that were measured repeatedly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from statistics import fmean

# What other programs showed counts as much as so many further repeats of this one.
PRIOR_FREEDOM = 4
# A spread this small beside the figures is rounding: nothing varied.
_ROUNDING = 1e-12


class Noise:
    """The spread of one repeat, pooled over all programs that were measured more than once.

    Two or three repeats say little of their own spread, and by luck often that it is nil. So a
    program's variance is its own moderated by the pooled one, each weighed with its degrees of
    freedom (Smyth, "Linear models and empirical Bayes methods for assessing differential
    expression in microarray experiments", Statistical Applications in Genetics and Molecular
    Biology 3, 2004; the prior's weight is fixed at PRIOR_FREEDOM and not fitted).

    Deviations are relative to a program's mean where all its figures are above zero, since noise
    of timings is multiplicative; of other figures they are absolute, in the objective's unit.
    """

    def __init__(self) -> None:
        self._relative = _Pool()
        self._absolute = _Pool()

    @property
    def spread(self) -> float:
        """Relative standard deviation of one repeat; 0.0 where nothing is known to vary."""
        return math.sqrt(self._relative.variance)

    def observe(self, series: Sequence[float]) -> None:
        """Learns from one program's repeats; once for each program, in any order.

        Args:
            series: the objective, repeat by repeat; a single one says nothing.
        """
        if len(series) < 2:
            return
        self._absolute.add(_squares(series, 1.0), len(series) - 1)
        if min(series) > 0.0:
            self._relative.add(_squares(series, fmean(series)), len(series) - 1)

    def learn(self, spread: float, repeats: int) -> None:
        """Learns from a relative spread that so many repeats of one program had."""
        self._relative.add(spread**2 * (repeats - 1), repeats - 1)

    def estimate(self, series: Sequence[float]) -> tuple[float, float]:
        """Mean of one program's repeats, and its standard error; 0.0 where nothing ever varied.

        Args:
            series: the objective, repeat by repeat; at least one.
        """
        mean, own = fmean(series), len(series) - 1
        pool = self._pool(series)
        scale = mean if pool is self._relative else 1.0
        prior = min(PRIOR_FREEDOM, pool.freedom)
        if prior + own == 0:
            return mean, 0.0
        variance = (prior * pool.variance + _squares(series, scale)) / (prior + own)
        return mean, scale * math.sqrt(variance / len(series))

    def freedom(self, series: Sequence[float]) -> int:
        """Degrees of freedom of all that `estimate` goes by; 0 if nothing is known."""
        return self._pool(series).freedom + len(series) - 1

    def _pool(self, series: Sequence[float]) -> _Pool:
        return self._relative if min(series) > 0.0 else self._absolute


class _Pool:
    """Squared deviations added up exactly, so that their order does not matter."""

    def __init__(self) -> None:
        self._squares = Fraction(0)
        self.freedom = 0
        self.variance = 0.0

    def add(self, squares: float, freedom: int) -> None:
        self._squares += Fraction(squares)
        self.freedom += freedom
        self.variance = float(self._squares / self.freedom)


def _squares(series: Sequence[float], scale: float) -> float:
    """Sum of squared deviations from the mean, in units of `scale` squared."""
    mean = fmean(series)
    if max(series) - min(series) <= _ROUNDING * abs(mean):
        return 0.0
    return math.fsum(((figure - mean) / scale) ** 2 for figure in series)
