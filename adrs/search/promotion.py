"""Which programs are worth the next, dearer stage."""

from __future__ import annotations

import math
from collections import defaultdict

from adrs.model.evaluation import Evaluation, Status
from adrs.model.metric import Direction
from adrs.model.scoring import improvement, score
from adrs.model.task import Split, Stage, Task
from adrs.model.trial import Trial

# Before so many programs went through all stages, nothing is known of what a stage foretells.
ENOUGH = 20
# Every so many trials one goes on whatever a stage says: what was stopped can teach nothing.
REGARDLESS = 10
# A program goes on unless what is foretold of it lies so many standard deviations out.
DOUBT = 2.0


class Promotion:
    """Stops programs that a cheap stage shows to be clearly bad; good and doubtful ones go on.

    The rule of a stage is its `window`: stopped is what is worse than the best program there by
    more. A stage without one foretells the last stage's figure by least squares from the programs
    that went through both; stopped is what would come out worse than the weakest program worth
    keeping even DOUBT residual standard deviations better than foretold. A stage that foretells
    nothing has wide residuals, and so stops nothing.

    Everything follows from the told trials, so a resumed run decides as the first one would have.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._baselines: dict[Split, Evaluation] = {}
        self._fits: dict[Split, _Fit] = defaultdict(_Fit)

    def told(self, trial: Trial) -> None:
        """Learns from a trial that went through all stages."""
        if trial.number == 0:
            self._baselines = {e.split: e for e in trial.evaluations}
        by_split = {e.split: e for e in trial.evaluations}
        final = self._loss(by_split[self._task.search_split])
        for stage in self._task.stages[:-1]:
            early = self._loss(by_split[stage.split]) if stage.split in by_split else None
            if early is not None and final is not None:
                self._fits[stage.split].add(early, final)

    def stops(
        self, number: int, stage: Stage, evaluation: Evaluation, best: Trial, weakest: Trial
    ) -> bool:
        """Whether a program's way ends after this stage.

        Args:
            number: of its trial.
            evaluation: its own, on this stage, SCORED.
            best: the best trial of the run.
            weakest: the last of the trials that are kept.
        """
        if number % REGARDLESS == 0:
            return False
        early = self._loss(evaluation)
        if early is None:
            return False
        if stage.window is not None:
            of_best = next((e for e in best.evaluations if e.split is stage.split), None)
            best_loss = None if of_best is None else self._loss(of_best)
            return best_loss is not None and early > best_loss + math.log1p(stage.window)
        last = self._loss(next(e for e in reversed(weakest.evaluations) if self._is_last(e)))
        fit = self._fits[stage.split]
        if last is None or fit.count < ENOUGH:
            return False
        foretold, doubt = fit.foretell(early)
        return foretold - DOUBT * doubt > last

    def _is_last(self, evaluation: Evaluation) -> bool:
        return evaluation.split is self._task.search_split

    def _loss(self, evaluation: Evaluation) -> float | None:
        """How much worse than the seed: the logarithm of the ratio, or the relative difference."""
        baseline = self._baselines.get(evaluation.split)
        if baseline is None or evaluation.status is not Status.SCORED:
            return None
        objective = self._task.objective
        mine = score(objective, (), evaluation, baseline)
        seeds = score(objective, (), baseline, baseline)
        if mine is None or seeds is None:
            return None
        direction = objective.metric.direction
        if mine.value > 0 and seeds.value > 0:
            ratio = math.log(mine.value / seeds.value)
            return ratio if direction is Direction.MINIMIZE else -ratio
        return -improvement(mine.value, seeds.value, direction)


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

    def foretell(self, x: float) -> tuple[float, float]:
        """The y on the line, and the standard deviation of a new point around it."""
        slope = max(0.0, self._xy / self._xx) if self._xx > 0 else 0.0
        residual = max(0.0, self._yy - slope * self._xy) / (self.count - 2)
        far = (x - self._x) ** 2 / self._xx if self._xx > 0 else 0.0
        return self._y + slope * (x - self._x), math.sqrt(residual * (1 + 1 / self.count + far))
