"""Plain greedy: the baseline that every archive has to beat."""

from __future__ import annotations

from collections.abc import Sequence

from adrs.archives._ranking import rank
from adrs.model.metric import Direction
from adrs.model.trial import Admission, Selection, Trial


class Greedy:
    """Keeps the best trial only, and always builds on it.

    Args:
        direction: which way the objective is better.
        seed: unused; nothing here is random.
    """

    def __init__(self, direction: Direction, seed: int = 0) -> None:
        self._direction = direction
        self._best: Trial | None = None

    def add(self, trial: Trial) -> Admission:
        """Offers a trial; kept if strictly better than the best."""
        if trial.score is None:
            return Admission(False, "not scored")
        if not self.admits(trial):
            return Admission(False, "not better than the best")
        best, self._best = self._best, trial
        if best is None:
            return Admission(True, "first")
        return Admission(True, "new best", (best.number,))

    def admits(self, trial: Trial) -> bool:
        """Whether the trial is strictly better than the best."""
        if trial.score is None or self._best is None:
            return trial.score is not None
        return rank(trial, self._direction) < rank(self._best, self._direction)

    def select(self, ordinal: int) -> Selection:
        """The best, without inspirations."""
        assert self._best is not None
        return Selection(island=0, parent=self._best)

    def elites(self, count: int) -> Sequence[Trial]:
        """The best, if there is one."""
        return [self._best][:count] if self._best is not None else []
