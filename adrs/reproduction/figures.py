"""The figures that are compared where one measurement is not like the next."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from adrs.archives import rank
from adrs.model.evaluation import Evaluation, Status
from adrs.model.scoring import repeat_scores
from adrs.model.trial import Trial
from adrs.reproduction.rerun import Rerun
from adrs.search.measuring import CONFIRMING_REPEATS
from adrs.trust import Figure

Figures = Sequence[Figure | None]


class Noisy:
    """Reads figures with what a run knows of noise.

    Args:
        run: gone through to its end.
        told: its trials, in the order of tells.
    """

    def __init__(self, run: Rerun, told: Sequence[Trial]) -> None:
        self._run = run
        self._links = _links(run, told)
        self._seed = next((trial.score for trial in told if trial.number == 0), None)

    def of_each(self, evaluations: Sequence[Evaluation], baseline: Evaluation) -> Figures:
        """The objective of each.

        Args:
            baseline: the seed on the same workloads, as it is recorded.
        """
        return [self._of(self._series(one, baseline)) for one in evaluations]

    def ratios(self, evaluations: Sequence[Evaluation]) -> Figures:
        """The objective of each beside the first one's, with which it took turns."""
        first = self._series(evaluations[0], evaluations[0])
        return [
            None,
            *(self._of(self._ratio(one, evaluations[0], first)) for one in evaluations[1:]),
        ]

    def chained(self, trial: Trial) -> Figure | None:
        """The recorded ratio of a trial to the seed, where it took turns with the best of its time.

        Its error is that of all leaders between the seed and it, each measured beside the one
        before.
        """
        score, seed = trial.score, self._seed
        if score is None or seed is None or min(score.value, seed.value) <= 0.0:
            return None
        ratio = score.value / seed.value
        links = self._links.get(trial.number, 0) / CONFIRMING_REPEATS
        error = ratio * self._run.noise.spread * math.sqrt(1.0 / score.repeats + links)
        return Figure(ratio, error, self._run.noise.freedom([ratio]))

    def _of(self, series: Sequence[float]) -> Figure | None:
        return Figure.of(self._run.noise, series) if series else None

    def _series(self, evaluation: Evaluation, baseline: Evaluation) -> list[float]:
        if evaluation.status is not Status.SCORED:
            return []
        return repeat_scores(self._run.task.objective, evaluation, baseline)

    def _ratio(
        self, evaluation: Evaluation, baseline: Evaluation, under: Sequence[float]
    ) -> list[float]:
        mine = self._series(evaluation, baseline)
        if len(mine) != len(under) or min(under, default=0.0) <= 0.0:
            return []
        return [one / other for one, other in zip(mine, under, strict=True)]


def _links(run: Rerun, told: Sequence[Trial]) -> Mapping[int, int]:
    """For each scored trial how many leaders there were between the seed and it."""
    direction = run.task.objective.metric.direction
    leader: Trial | None = None
    leaders, found = -1, {}
    for trial in told:
        if trial.score is None:
            continue
        found[trial.number] = max(0, leaders)
        if leader is None or rank(trial, direction) < rank(leader, direction):
            leader, leaders = trial, leaders + 1
    return found
