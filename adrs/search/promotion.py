"""Which programs are worth the next, dearer stage."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from adrs.model.evaluation import Evaluation, Status
from adrs.model.metric import Direction
from adrs.model.scoring import improvement, score
from adrs.model.task import Split, Stage, Task
from adrs.model.trial import Trial

# Before so many programs went through all stages, nothing is known of what a stage foretells.
ENOUGH = 20
# Every so many trials one goes on whatever a stage says: what was stopped can teach nothing.
REGARDLESS = 10
# Worth keeping is what may come among so many best.
ELITES = 10
# A program goes on unless what is foretold of it lies so many standard deviations out.
DOUBT = 2.0


class Promotion:
    """Stops programs that a cheap stage shows to be clearly bad; good and doubtful ones go on.

    The rule of a stage is its `window`: stopped is what is worse than the best program there by
    more. A stage without one foretells how far behind the best program a new one will be on the
    last stage, from how far behind it is here, with the slope of least squares over the programs
    that went through both; stopped is what would come out worse than all elites even DOUBT residual
    standard deviations better than foretold. A stage that foretells nothing has no slope, and one
    that foretells little has wide residuals: these stop nothing.

    Everything follows from the told trials, so a resumed run decides as the first one would have.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._seed: dict[Split, Evaluation] = {}
        self._scale: dict[Split, float] = {}
        self._fits: dict[Split, _Fit] = defaultdict(_Fit)

    def told(self, trial: Trial) -> None:
        """Learns from a trial that went through all stages."""
        if trial.number == 0:
            self._seed = {e.split: e for e in trial.evaluations}
            for split in self._seed:
                value = self._value(trial, split)
                self._scale[split] = abs(value) if value else 1.0
        assert trial.score is not None
        final = self._loss(trial.score.value, self._task.search_split)
        for stage in self._task.stages[:-1]:
            early = self._value(trial, stage.split)
            if early is not None:
                self._fits[stage.split].add(self._loss(early, stage.split), final)

    def stops(self, trial: Trial, stage: Stage, elites: Sequence[Trial]) -> bool:
        """Whether a program's way ends after this stage.

        Args:
            trial: with its evaluation on this stage.
            elites: told trials that are worth keeping, best first.
        """
        if trial.number % REGARDLESS == 0:
            return False
        mine, theirs = self._value(trial, stage.split), self._value(elites[0], stage.split)
        if mine is None or theirs is None:
            return False
        if stage.window is not None:
            direction = self._task.objective.metric.direction
            return improvement(mine, theirs, direction) < -stage.window
        fit = self._fits[stage.split]
        if fit.count < ENOUGH:
            return False
        split = self._task.search_split
        best, *others = (self._loss(one.score.value, split) for one in elites if one.score)
        # Elites that break constraints come last, and may look better than the best.
        kept = max((best, *others)) - best
        behind, doubt = fit.foretell(
            self._loss(mine, stage.split) - self._loss(theirs, stage.split)
        )
        return behind - DOUBT * doubt > kept

    def _loss(self, value: float, split: Split) -> float:
        """How bad a figure is: beside the seed's, and logarithmic where it is large.

        The inverse hyperbolic sine is that for figures of either sign (Burbidge, Magee and Robb,
        "Alternative transformations to handle extreme values of the dependent variable", Journal of
        the American Statistical Association 83, 1988).
        """
        loss = math.asinh(value / self._scale[split])
        return loss if self._task.objective.metric.direction is Direction.MINIMIZE else -loss

    def _value(self, trial: Trial, split: Split) -> float | None:
        """The objective at an early stage; None unless it is SCORED there, as the seed is."""
        seed = self._seed.get(split)
        evaluation = next((e for e in trial.evaluations if e.split is split), None)
        if seed is None or evaluation is None or evaluation.status is not Status.SCORED:
            return None
        found = score(self._task.objective, (), evaluation, seed)
        return None if found is None else found.value


class _Fit:
    """A line through points, kept as sums."""

    def __init__(self) -> None:
        self.count = 0
        self._x = self._y = self._xx = self._xy = self._yy = 0.0

    def add(self, x: float, y: float) -> None:
        self.count += 1
        dx, dy = x - self._x, y - self._y
        self._x += dx / self.count
        self._y += dy / self.count
        self._xx += dx * (x - self._x)
        self._yy += dy * (y - self._y)
        self._xy += dx * (y - self._y)

    def foretell(self, apart: float) -> tuple[float, float]:
        """How far apart in y two points are that are so far apart in x, and its deviation."""
        slope = max(0.0, self._xy / self._xx) if self._xx > 0 else 0.0
        residual = max(0.0, self._yy - slope * self._xy) / (self.count - 2)
        far = apart**2 / self._xx if self._xx > 0 else 0.0
        return slope * apart, math.sqrt(residual * (2 + far))
