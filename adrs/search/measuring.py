"""How a trial is measured: stage by stage, and as often as it is worth.

What decides that is in docs/decisions/measuring.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from statistics import fmean, stdev
from typing import TypeVar

from adrs.archives import rank
from adrs.errors import ConfigError, Unavailable
from adrs.model.calibration import Calibration
from adrs.model.evaluation import Evaluation, Sample, Status
from adrs.model.facts import Measured
from adrs.model.program import Program
from adrs.model.task import Split, Stage, Task
from adrs.model.trial import Trial
from adrs.ports.evaluator import Bench, Request
from adrs.search.promotion import ELITES
from adrs.search.run import Run
from adrs.trust import Noise, more_repeats

# What is declared deterministic is measured twice to find out; anything else often enough to know
# its spread within a factor of two. Of timings nothing else is learnt, so they get more.
_CALIBRATION = 5
_TIMED_CALIBRATION = 10
# Validation and held-out decide once, for few programs: there noise is bought down.
CONFIRMING_REPEATS = 5

T = TypeVar("T")


class Measuring:
    """Measures on a bench what a run asks for.

    Repeats are spent where they matter: `more_repeats` says how many a program is worth, and two
    rules keep luck out of the archive. What would be kept is measured again before it becomes a
    parent; where figures do not vary, only what would lead is, since a program may still throw
    dice in a judge that does not.

    Args:
        sign: puts the fingerprint on an evaluation.
    """

    def __init__(self, run: Run, bench: Bench, sign: Callable[[Evaluation], Evaluation]) -> None:
        self._run = run
        self._bench = bench
        self._sign = sign
        self._task = run.task
        self._sets = dict(run.workloads)

    @property
    def confirming_repeats(self) -> int:
        """Repeats on the splits that decide."""
        return 1 if self._run.deterministic else CONFIRMING_REPEATS

    async def programs(self, programs: Iterable[Program], request: Request) -> list[Evaluation]:
        """Measures programs on the same workloads; in turns, and alone, where time decides.

        Raises:
            ConfigError: the judge made other workloads than before.
            Unavailable: the evaluator gave other repeats than were asked.
        """
        if self._task.timed:
            found = await self._bench.side_by_side(list(programs), request)
        else:
            found = await gather(self._bench.measure(program, request) for program in programs)
        for evaluation in found:
            self._check(evaluation, request)
        return [self._sign(evaluation) for evaluation in found]

    def _check(self, evaluation: Evaluation, request: Request) -> None:
        """What was measured is what was asked, or nothing that is made of it can be right."""
        if not request.salt:
            known = self._sets.setdefault(request.split, evaluation.workloads)
            if evaluation.workloads != known:
                raise ConfigError(
                    f"the judge of {self._task.name} made other {request.split} workloads than "
                    "before; workloads() must depend on its arguments alone, and files that it "
                    "reads must stay as they are while a run goes on"
                )
        if evaluation.status is Status.SCORED:
            last = request.first + request.repeats - 1
            repeats: dict[str, list[int]] = {}
            for sample in evaluation.samples:
                repeats.setdefault(sample.workload, []).append(sample.repeat)
            if any(sorted(one) != [*range(request.first, last + 1)] for one in repeats.values()):
                raise Unavailable(
                    f"the evaluator {self._task.evaluator.use} was asked for repeats "
                    f"{request.first} to {last} of every {request.split} workload and gave "
                    f"others; its author has to heed Request.first and Request.repeats. The run "
                    f"is kept; then go on with adrs run --resume {self._run.name}"
                )

    async def rehearse(self, program: Program) -> Evaluation:
        """What a draft does on the smoke split: measured once, and no part of any trial."""
        (evaluation,) = await self.programs([program], Request(Split.SMOKE))
        return evaluation

    async def seed(self, trial: Trial) -> Trial:
        """Measures and tells trial 0, and finds out how far it differs from itself."""
        last_word = await self._early(trial)
        if last_word is not None:
            return self._run.tell(trial.number, [last_word])
        stage = self._task.stages[-1]
        noisy = _TIMED_CALIBRATION if self._task.timed else _CALIBRATION
        least = 2 if self._run.deterministic else noisy
        request = Request(stage.split, repeats=max(stage.repeats, least), feedback=True)
        twice = [trial.program] * (2 if self._task.timed else 1)
        found = await self.programs(twice, request)
        scored = all(evaluation.status is Status.SCORED for evaluation in found)
        calibration = self._calibrate(found) if scored else None
        return self._run.tell(trial.number, [found[0]], calibration=calibration)

    async def trial(self, trial: Trial) -> Trial:
        """Measures and tells a trial."""
        last_word = await self._early(trial)
        if last_word is not None:
            return self._run.tell(trial.number, [last_word])
        rest, beside = await self._race(trial)
        return self._run.tell(trial.number, rest, beside)

    async def _early(self, trial: Trial) -> Evaluation | None:
        """The stages before the last; the evaluation that ends the trial's way, if one does."""
        known = {evaluation.split for evaluation in trial.evaluations}
        for stage in self._task.stages[:-1]:
            if stage.split in known:
                continue
            request = Request(stage.split, repeats=stage.repeats)
            (evaluation,) = await self.programs([trial.program], request)
            if evaluation.status is not Status.SCORED:
                return evaluation
            if trial.number and self._stops(trial, stage, evaluation):
                return evaluation
            self._run.note(trial.number, evaluation)
        return None

    def _stops(self, trial: Trial, stage: Stage, evaluation: Evaluation) -> bool:
        measured = replace(trial, evaluations=(evaluation,))
        return self._run.promotion.stops(measured, stage, self._run.archive.elites(ELITES))

    async def _race(self, trial: Trial) -> tuple[list[Evaluation], Measured | None]:
        """The last stage, repeated while that may change what becomes of the trial.

        Where time decides, that is in turns with the best; with the seed if the best fails this
        time, since a timing with nothing scored beside it cannot be compared.
        """
        best = self._run.best if self._task.timed else None
        rest, beside = await self._turns(trial, best)
        if best and beside and beside.evaluation.status is not Status.SCORED:
            rest, beside = await self._turns(trial, self._run.store.trial(self._run.name, 0))
        return rest, beside

    async def _turns(
        self, trial: Trial, incumbent: Trial | None
    ) -> tuple[list[Evaluation], Measured | None]:
        """Repeats of a trial, beside the incumbent's if there is one.

        Repeats are noted before more of them are asked for. Turns with the best are not: they only
        mean something together, so they are one measurement.
        """
        stage = self._task.stages[-1]
        rivals = [] if incumbent is None else [incumbent.program]
        whole = next((e for e in trial.evaluations if e.split is stage.split), None)
        theirs: Evaluation | None = None
        unrecorded: Evaluation | None = None
        more = stage.repeats if whole is None else self._more(trial, whole, None)
        while more:
            if unrecorded is not None and not rivals:
                self._run.note(trial.number, unrecorded)
                unrecorded = None
            first = 0 if whole is None else whole.repeats
            request = Request(stage.split, repeats=more, first=first, feedback=first == 0)
            found = await self.programs([trial.program, *rivals], request)
            whole = found[0] if whole is None else whole.joined(found[0])
            unrecorded = found[0] if unrecorded is None else unrecorded.joined(found[0])
            if rivals:
                theirs = found[1] if theirs is None else theirs.joined(found[1])
            more = self._more(trial, whole, self._beside(incumbent, theirs))
        rest = [] if unrecorded is None else [unrecorded]
        return rest, self._beside(incumbent, theirs)

    def _beside(self, incumbent: Trial | None, theirs: Evaluation | None) -> Measured | None:
        if incumbent is None or theirs is None:
            return None
        return Measured(incumbent.number, theirs)

    def _more(self, trial: Trial, evaluation: Evaluation, beside: Measured | None) -> int:
        failed = beside is not None and beside.evaluation.status is not Status.SCORED
        score = None if failed else self._run.score(evaluation, beside)
        if score is None:
            return 0
        objective, best = self._task.objective, self._run.best
        direction = objective.metric.direction
        scored = replace(trial, score=score)
        assert best is not None
        assert best.score is not None
        more = more_repeats(score, best.score, direction, objective.min_effect)
        if more:
            return more
        if score.repeats < self._least(leads=rank(scored, direction) < rank(best, direction)):
            return 1
        twice = not self._run.deterministic and self._run.archive.admits(scored)
        return int(twice and score.repeats < 2)

    def _least(self, *, leads: bool) -> int:
        """Repeats that a program has before it leads: more where later ones are timed beside it."""
        if not leads:
            return 1
        return CONFIRMING_REPEATS if self._task.timed else 2

    # --- calibration -----------------------------------------------------------------------

    def _calibrate(self, found: Sequence[Evaluation]) -> Calibration:
        contradiction = ""
        if self._task.evaluator.deterministic:
            contradiction = "; ".join(filter(None, (_difference(self._task, e) for e in found)))
        return Calibration(
            repeats=found[0].repeats,
            deterministic=self._task.evaluator.deterministic and not contradiction,
            spread=self._spread(found),
            cpu_spread=_variation(_by_repeat(found[0], lambda sample: sample.cpu_s)),
            wall_spread=_variation(_by_repeat(found[0], lambda sample: sample.wall_s)),
            contradiction=contradiction,
        )

    def _spread(self, found: Sequence[Evaluation]) -> float:
        """Relative spread of one repeat; of one pair of turns where the seed ran beside itself."""
        noise = Noise()
        series = [self._run.series(evaluation) for evaluation in found]
        if len(series) == 1:
            noise.observe(series[0])
        elif len(series[0]) == len(series[1]) and min(series[1], default=0.0) > 0:
            noise.observe([one / other for one, other in zip(*series, strict=True)])
        return noise.spread


def _difference(task: Task, evaluation: Evaluation) -> str:
    """The first figure of a program that is not the same in every repeat, in words; "" if none."""
    metered = {metric.name for metric in task.brief.metrics if metric.timed or metric.meter}
    first: dict[str, Sample] = {}
    for sample in evaluation.samples:
        earlier = first.setdefault(sample.workload, sample)
        for name, value in sample.metrics.items():
            if name not in metered and value != earlier.metrics[name]:
                return (
                    f"the seed's {name} on {sample.workload} was {earlier.metrics[name]!r}, "
                    f"then {value!r}"
                )
    return ""


def _by_repeat(evaluation: Evaluation, figure: Callable[[Sample], float]) -> list[float]:
    sums: dict[int, float] = {}
    for sample in evaluation.samples:
        sums[sample.repeat] = sums.get(sample.repeat, 0.0) + figure(sample)
    return list(sums.values())


def _variation(figures: Sequence[float]) -> float:
    mean = fmean(figures)
    return stdev(figures) / mean if len(figures) > 1 and mean > 0 else 0.0


async def gather(work: Iterable[Awaitable[T]]) -> list[T]:
    """Results in order; the first failure cancels the rest and is raised when all have ended."""
    tasks = [asyncio.ensure_future(item) for item in work]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
