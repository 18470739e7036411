"""What a search has done so far, for whoever shows it."""

from __future__ import annotations

import math
import time
from collections import Counter, deque

from adrs.archives import rank
from adrs.model.calibration import Calibration
from adrs.model.evaluation import Evaluation, Status
from adrs.model.metric import Aggregate
from adrs.model.scoring import improvement
from adrs.model.task import Task
from adrs.model.trial import Trial
from adrs.model.verdict import Interval
from adrs.ports.store import Store
from adrs.search import Search
from adrs.trust import objective_interval


class Progress:
    """Watches a search and keeps what is worth showing. An observer; views are made of it.

    Attributes:
        words: what the search does now.
        done: trials told, the seed not counted.
        asked: trials that the run shall have.
        best: the best trial so far; None before the seed is told.
        reference: name and evaluation of the reference that the task compares with.
        curve: number of trials told, and the best score from then on.
        calibration: how far the seed differs from itself; None before that is known.
        new_bests: how often each proposer found a new best.
    """

    def __init__(self, store: Store, run: str, task: Task) -> None:
        info = store.run(run)
        self.run = run
        self.task = task
        self.settings = info.settings
        self.words = "starting"
        self.asked = info.settings.trials
        self.done = max(0, info.told - 1)
        self.by_status = Counter(info.by_status)
        self.curve: list[tuple[int, float]] = []
        self.new_bests: Counter[str] = Counter()
        self.best: Trial | None = None
        self.calibration: Calibration | None = None
        self.reference: tuple[str, Evaluation] | None = None
        self._store = store
        self._search: Search | None = None
        self._tells: deque[float] = deque(maxlen=100)
        self._baseline: Evaluation | None = None

    def attach(self, search: Search) -> None:
        """Begins to watch an engine; what the run did before it is looked up in the record."""
        self._search = search
        direction = self.task.objective.metric.direction
        best = (math.inf, math.inf)
        for count, trial in enumerate(self._store.told(self.run)):
            if trial.score is not None and rank(trial, direction) < best:
                best = rank(trial, direction)
                self._remember(count, trial)

    def phase(self, words: str) -> None:
        """The search does something else now."""
        self.words = words
        if self.reference is None:
            self.reference = self._measured_reference()

    def calibrated(self, calibration: Calibration) -> None:
        """How far the seed differs from itself is known."""
        self.calibration = calibration

    def told(self, trial: Trial) -> None:
        """A trial's result was accepted."""
        self.by_status[str(trial.status)] += 1
        self._tells.append(time.monotonic())
        if trial.number > 0:
            self.done += 1
        assert self._search is not None
        best = self._search.run.best
        if best is not None and best.number == trial.number:
            self._remember(self.done, trial)

    def _remember(self, count: int, best: Trial) -> None:
        assert best.score is not None
        self.best = best
        self.curve.append((count, best.score.value))
        if best.number == 0:
            self._baseline = best.evaluations[-1]
        else:
            self.new_bests[best.lineage.proposer] += 1

    def _measured_reference(self) -> tuple[str, Evaluation] | None:
        fitting = (
            (name, evaluation)
            for name, evaluation in self._store.references(self.run)
            if name == self.task.objective.reference
            and evaluation.split is self.task.search_split
            and evaluation.status is Status.SCORED
        )
        return next(fitting, None)

    def stop(self, reason: str) -> None:
        """Ends the search in an orderly way."""
        if self._search is not None:
            self._search.stop(reason)

    # --- for views -------------------------------------------------------------------------

    def figure(self, evaluation: Evaluation) -> Interval:
        """The objective of an evaluation on the search split, with its interval."""
        figure = objective_interval(self.task.objective, evaluation, self._baseline)
        return figure or Interval(math.nan, None, None)

    @property
    def unit(self) -> str:
        """What `figure` is measured in."""
        ratio = self.task.objective.aggregate is Aggregate.GEOMEAN_RATIO
        return "x" if ratio else self.task.objective.metric.unit

    @property
    def gain(self) -> float | None:
        """Relative improvement of the best over the baseline on the search split."""
        if len(self.curve) < 2:
            return None
        direction = self.task.objective.metric.direction
        return improvement(self.curve[-1][1], self.curve[0][1], direction)

    @property
    def per_second(self) -> float:
        """Trials told each second of late."""
        if len(self._tells) < 2:
            return 0.0
        return (len(self._tells) - 1) / max(1e-3, time.monotonic() - self._tells[0])

    @property
    def rate(self) -> str:
        """`per_second` in words."""
        return f"{self.per_second:.{1 if self.per_second < 10 else 0}f}/s"

    @property
    def elapsed_s(self) -> float:
        return self._search.elapsed_s if self._search else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds until all trials are told or the time is up; None while that is unknown."""
        if self.done >= self.asked:
            return None
        ends = []
        if self.per_second:
            ends.append((self.asked - self.done) / self.per_second)
        if self.settings.max_minutes is not None:
            ends.append(60 * self.settings.max_minutes - self.elapsed_s)
        return max(0.0, min(ends)) if ends else None

    @property
    def in_flight(self) -> int:
        return self._search.run.in_flight if self._search else 0

    @property
    def rounds(self) -> int:
        """Rounds of proposers that wait, in flight."""
        return len(self._search.run.rounds) if self._search else 0

    @property
    def usd(self) -> float:
        """What models have cost."""
        return self._search.run.desk.usd if self._search else 0.0

    @property
    def rejections(self) -> int:
        return self._search.run.rejected if self._search else 0

    def share(self, proposer: str) -> float:
        """How likely a proposer is to be asked next."""
        return self._search.run.allocation.share(proposer) if self._search else 0.0
