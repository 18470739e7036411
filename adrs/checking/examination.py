"""A task on a bench, and all that was measured of it so far."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

from adrs.checking.known import KnownPrograms
from adrs.errors import ConfigError
from adrs.model.evaluation import Evaluation, Score, Status, WorkloadRef, set_digest
from adrs.model.metric import Aggregate
from adrs.model.program import Program
from adrs.model.scoring import improvement, score
from adrs.model.task import Limits, Split
from adrs.model.text import harmless
from adrs.ports.evaluator import Bench, Evaluator, Request, Setting, Showing

# What held-out workloads are drawn with while a task is checked.
SALT = "check"
_SURE = 2.0  # standard deviations that are taken for noise
_QUOTED = 300  # characters of what a judge or a program said


class Unscored(Exception):
    """The seed does not score, so there is nothing to compare with; the message says where."""


class Examination:
    """Measures a task's programs for the checks, each program on each split once.

    Attributes:
        set_up_s: elapsed seconds until the bench was open and its first workloads were made.
        repeatable: whether the seed's figures came out the same in another process; None until
            that was looked at.
        spread: relative standard deviation of the seed's objective on the last stage, from one
            measurement to the next; 0.0 where figures do not vary.
        told: what was found wrong with the judge itself, since several checks may meet it.
    """

    def __init__(
        self, evaluator: Evaluator, setting: Setting, bench: Bench, opened_s: float
    ) -> None:
        self.task = setting.task
        self.source = setting.source
        self.known = KnownPrograms.read(setting.task)
        self.bench = bench
        self.set_up_s = opened_s
        self.repeatable: bool | None = None
        self.spread = 0.0
        self.told: set[str] = set()
        self._listed = False
        self._evaluator = evaluator
        self._setting = setting
        self._evaluations: dict[tuple[str, Split], Evaluation] = {}
        self._contents: dict[Split, tuple[bytes, ...] | None] = {}

    # --- what there is ---------------------------------------------------------------------

    @property
    def splits(self) -> tuple[Split, ...]:
        """Those that a search of this task measures on, in its order."""
        return (*(stage.split for stage in self.task.stages), Split.VALIDATION, Split.HELD_OUT)

    @property
    def first_split(self) -> Split:
        """The first stage's."""
        return self.task.stages[0].split

    @property
    def deterministic(self) -> bool:
        """Declared so, and nothing that decides is read off a clock."""
        return self.task.evaluator.deterministic and not self.task.timed

    def request(self, split: Split) -> Request:
        """What programs are measured on here; the judge's words come with the last stage."""
        return Request(
            split,
            salt=SALT if split is Split.HELD_OUT else "",
            feedback=split is self.task.search_split,
        )

    @property
    def honest(self) -> Iterator[tuple[str, Program]]:
        """The seed, the references, and those known to be good and bad, with what they are."""
        yield "the seed", self.task.seed
        for name, program in self.task.references.items():
            yield f"references/{name}", program
        for name, program in self.known.all:
            if not name.startswith("checks/cheats/"):
                yield name, program

    # --- measuring -------------------------------------------------------------------------

    async def workloads(self, split: Split) -> tuple[WorkloadRef, ...]:
        """What the judge makes for a split.

        Raises:
            ConfigError: it cannot.
        """
        started = time.monotonic()
        refs = await self.bench.workloads(self.request(split))
        if not self._listed:
            self._listed = True
            self.set_up_s += time.monotonic() - started
        return refs

    async def contents(self, split: Split) -> tuple[bytes, ...] | None:
        """The data of a split's workloads as it was when first asked for; None if not shown.

        Raises:
            ConfigError: the judge cannot make them.
        """
        if split not in self._contents:
            await self.workloads(split)
            self._contents[split] = await self.contents_now(self.request(split))
        return self._contents[split]

    async def contents_now(self, request: Request) -> tuple[bytes, ...] | None:
        """The data of workloads as it is now; None from an evaluator that does not show it."""
        if not isinstance(self.bench, Showing):
            return None
        return await self.bench.contents(request)

    async def measured(self, program: Program, split: Split) -> Evaluation:
        """A program on a split.

        Raises:
            ConfigError: the judge made other workloads than it had listed.
        """
        key = (program.id, split)
        if key not in self._evaluations:
            listed = set_digest(await self.workloads(split))
            evaluation = await self.bench.measure(program, self.request(split))
            if evaluation.workloads != listed:
                raise ConfigError(
                    f"the judge of {self.task.name} measured other {split} workloads than it had "
                    "listed; workloads() must depend on its arguments alone"
                )
            self._evaluations[key] = evaluation
        return self._evaluations[key]

    async def seed(self, split: Split) -> Evaluation:
        """The seed on a split, SCORED.

        Raises:
            Unscored: it is not.
        """
        evaluation = await self.measured(self.task.seed, split)
        if evaluation.status is not Status.SCORED:
            raise Unscored(f"the seed is {evaluation.status} on {split}")
        return evaluation

    def evaluations(self, program: Program) -> list[Evaluation]:
        """All that was measured of a program."""
        return [found for (id_, _), found in self._evaluations.items() if id_ == program.id]

    async def score(self, program: Program, split: Split) -> Score | None:
        """What a search would make of a program; None if it does not score.

        Raises:
            Unscored: it is relative to the seed, which does not score.
        """
        evaluation = await self.measured(program, split)
        objective = self.task.objective
        relative = objective.aggregate is Aggregate.GEOMEAN_RATIO
        baseline = await self.seed(split) if relative else None
        return score(objective, self.task.brief.constraints, evaluation, baseline)

    def better(self, one: Score | None, other: Score | None, margin: float = 0.0) -> bool:
        """Whether `one` is feasible and better; by more than `margin`, a relative improvement."""
        if one is None or not one.feasible:
            return False
        if other is None or not other.feasible:
            return True
        direction = self.task.objective.metric.direction
        if margin == 0.0 or other.value == 0.0:
            return direction.better(one.value, other.value)
        return improvement(one.value, other.value, direction) > margin

    async def noise(self, split: Split) -> float:
        """By how much, relatively, two measurements of one program may differ; 0.0 if not."""
        if self.spread == 0.0:
            return 0.0
        last, here = await self.workloads(self.task.search_split), await self.workloads(split)
        return _SURE * self.spread * math.sqrt(2.0 * max(1.0, len(last) / len(here)))

    @asynccontextmanager
    async def another_bench(
        self, hash_seed: int = 0, limits: Limits | None = None
    ) -> AsyncIterator[Bench]:
        """A bench whose processes are fresh, with another hash seed or other limits if told."""
        brief = replace(self.task.brief, limits=limits or self.task.brief.limits)
        task = replace(self.task, brief=brief)
        bench = await self._evaluator.open(replace(self._setting, task=task, hash_seed=hash_seed))
        try:
            yield bench
        finally:
            await bench.close()


@asynccontextmanager
async def examine(evaluator: Evaluator, setting: Setting) -> AsyncIterator[Examination]:
    """Opens a bench for the checks, and closes it.

    Raises:
        ConfigError: the evaluator cannot use the task, or checks/ holds what is no program.
        ProgramError: files in checks/ are not a program.
        SandboxUnavailable: there is no sandbox for it.
    """
    started = time.monotonic()
    bench = await evaluator.open(setting)
    try:
        yield Examination(evaluator, setting, bench, time.monotonic() - started)
    finally:
        await bench.close()


def ending(evaluation: Evaluation) -> str:
    """How a measurement that is not SCORED ended, with the reason, in words."""
    where = str(evaluation.split)
    if evaluation.samples:
        where = f"{harmless(evaluation.samples[-1].workload, 80)} ({where})"
    reason = harmless(evaluation.reason[-2 * _QUOTED :], _QUOTED)
    return f"{evaluation.status} on {where}" + (f": {reason}" if reason else "")
