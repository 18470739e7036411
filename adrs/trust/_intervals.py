"""Intervals over independent units. Units are what is resampled, never windows or repeats."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from adrs.model.evaluation import Evaluation
from adrs.model.metric import Aggregate, Direction, Objective
from adrs.model.scoring import LARGEST, unit_figures, unit_ratios
from adrs.model.verdict import Interval
from adrs.trust._student import t_quantile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Figures = NDArray[np.float64]

RESAMPLES = 10_000
_CHUNK = 1_000_000  # drawn figures at a time, so that memory stays below 100 MB
# A spread this small beside the figures is rounding: the units agree.
_ROUNDING = 1e-12
_LARGEST = 700.0  # logarithm near the largest float, since JSON has no infinity


def mean_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """The mean of independent units with its two-sided interval after Student (1908).

    Args:
        values: one figure for each independent unit.
        level: confidence, between 0 and 1.

    Raises:
        ValueError: there is no value.
    """
    mean = fmean(values)
    if len(values) < 2:
        return Interval(mean, None, None)
    half = t_quantile(level, len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


def objective_interval(
    objective: Objective,
    evaluation: Evaluation,
    baseline: Evaluation | None = None,
    level: float = 0.95,
) -> Interval | None:
    """The objective of a SCORED evaluation with its interval, as its aggregate joins units.

    Under GEOMEAN_RATIO it is the geometric mean of the ratios to `baseline`, with an interval of
    the mean logarithm. None where such a ratio does not exist.

    Raises:
        ValueError: GEOMEAN_RATIO without a SCORED baseline on the same units.
    """
    figures = unit_figures(evaluation, objective)
    if figures is None:
        return None
    if objective.aggregate is Aggregate.MEAN:
        return mean_interval(list(figures.values()), level)
    ratios = unit_ratios(figures, objective, baseline)
    if ratios is None:
        return None
    logs = mean_interval([math.log(ratio) for ratio in ratios.values()], level)
    low, high = (None if end is None else _exp(end) for end in (logs.low, logs.high))
    return Interval(_exp(logs.value), low, high)


def effect_interval(
    baseline_units: Mapping[str, float],
    best_units: Mapping[str, float],
    direction: Direction,
    aggregate: Aggregate,
    level: float = 0.95,
) -> Interval:
    """The relative improvement of `best` over `baseline`, positive when better.

    Units are paired. What is estimated is the logarithm of the ratio of the means (MEAN) or the
    mean logarithm of the ratios (GEOMEAN_RATIO), so noise may be multiplicative. Its interval is
    the studentised bootstrap over units (Efron and Tibshirani, An Introduction to the Bootstrap,
    1993, chapter 12, with the jackknife's standard error of chapter 11; DiCiccio and Efron,
    Bootstrap Confidence Intervals, 1996), and reaches at least as far as Student's t on either
    side, which keeps it honest where a few units allow few different resamples.

    If a figure is not above zero there is no logarithm: then it is the mean difference, relative
    to the size of the baseline's mean, which is taken as known. Units that all agree leave an
    interval of no width. The answer is the same whenever and in whatever order units come, since
    the resamples are drawn from a seed made of the figures.

    Returns:
        Bounds are None with fewer than two units, and if the baseline's mean is zero or next
        to nothing beside the differences, where no relative improvement exists (the value is 0).

    Raises:
        ValueError: the two were not measured on the same units, or on none.
    """
    import numpy as np

    if baseline_units.keys() != best_units.keys() or not best_units:
        raise ValueError("an effect needs baseline and best measured on the same units")
    pairs = sorted((figure, best_units[unit]) for unit, figure in baseline_units.items())
    base, best = np.array(pairs).T
    seed = _seed(pairs)
    sign = -1.0 if direction is Direction.MINIMIZE else 1.0
    if base[0] <= 0.0 or best.min() <= 0.0:
        mean, apart = float(base.mean()), best - base
        if abs(mean) <= float(abs(apart).max()) / LARGEST:
            return Interval(0.0, None, None)
        return _bounds(None, sign * apart / abs(mean), level, seed)
    if aggregate is Aggregate.MEAN:
        logs = _bounds(base, best, level, seed)
    else:
        logs = _bounds(None, np.log(best) - np.log(base), level, seed)
    ends = (logs.low, logs.high) if sign > 0 else (logs.high, logs.low)
    low, high = (None if end is None else sign * (_exp(end) - 1.0) for end in ends)
    return Interval(sign * (_exp(logs.value) - 1.0), low, high)


def _exp(logarithm: float) -> float:
    return math.exp(min(logarithm, _LARGEST))


def _seed(pairs: Iterable[tuple[float, float]]) -> bytes:
    """What the resamples are drawn from: the figures, without the digits that processors differ in.

    Where units are geometric means, logarithms have been taken already, and their last digit is not
    the same everywhere.
    """
    text = " ".join(f"{figure:.9g}" for pair in pairs for figure in pair)
    return hashlib.sha256(text.encode()).digest()


def _bounds(base: Figures | None, best: Figures, level: float, seed: bytes) -> Interval:
    """Interval of the mean of `best`, or of the log ratio of the means to `base`."""
    import numpy as np

    estimate, error = (float(one) for one in _estimate(base, best))
    count = len(best)
    if count < 2:
        return Interval(estimate, None, None)
    if error <= _ROUNDING * (1.0 + abs(estimate)):
        return Interval(estimate, estimate, estimate)
    tail = (1.0 - level) / 2
    ratios = _studentised(base, best, estimate, seed)
    student = t_quantile(level, count - 1)
    most = max(student, float(np.quantile(ratios, 1.0 - tail, method="higher")))
    least = min(-student, float(np.quantile(ratios, tail, method="lower")))
    return Interval(estimate, estimate - most * error, estimate - least * error)


def _studentised(base: Figures | None, best: Figures, estimate: float, seed: bytes) -> Figures:
    """How many standard errors each resample is off; those without spread are left out."""
    import numpy as np

    count = len(best)
    # RandomState, since its streams are frozen: anyone can recompute the interval years later.
    random = np.random.RandomState(np.frombuffer(seed, dtype=np.uint32).copy())
    rows = max(1, _CHUNK // count)
    parts = []
    for start in range(0, RESAMPLES, rows):
        drawn = random.randint(0, count, (min(rows, RESAMPLES - start), count), dtype=np.int32)
        estimates, errors = _estimate(None if base is None else base[drawn], best[drawn])
        spread = errors > _ROUNDING * (1.0 + np.abs(estimates))
        parts.append((estimates[spread] - estimate) / errors[spread])
    return np.concatenate(parts)


def _estimate(base: Figures | None, best: Figures) -> tuple[Figures, Figures]:
    """Estimate and standard error along the last axis.

    The error of a log ratio of means is the jackknife's, to first order: what a unit contributes,
    over the share that is left without it. Without that, a few large units look too sure.
    """
    import numpy as np

    count = best.shape[-1]
    mean = best.mean(axis=-1)
    if base is None:
        error = np.zeros_like(mean) if count < 2 else best.std(axis=-1, ddof=1) / math.sqrt(count)
        return mean, error
    under = base.mean(axis=-1)
    above, below = best / mean[..., None], base / under[..., None]
    left = np.maximum(1.0 - (above + below) / (2 * count), _ROUNDING)
    squares = (((above - below) / left) ** 2).sum(axis=-1)
    return np.log(mean) - np.log(under), np.sqrt(squares * (count - 1) / count) / count
