"""Where the best program and the baseline are measured on workloads that no verdict rests on."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from adrs.errors import ConfigError
from adrs.model.evaluation import Evaluation, WorkloadRef, set_digest
from adrs.model.program import Program
from adrs.model.task import Split, Task
from adrs.ports.evaluator import Bench, Request
from adrs.ports.store import Record
from adrs.search.duels import Duel, duels
from adrs.search.measuring import Measuring

NOT_TO_TOUCH = (
    "the judge makes held-out workloads that a verdict rests on, whatever the salt and the "
    "parameters, and these are not for an adversary"
)
OTHER_WORKLOADS = (
    "the judge made other workloads in another process from the same salt and parameters; "
    "workloads() must depend on its arguments alone"
)


@dataclass(frozen=True, slots=True)
class Draw:
    """Workloads that the judge makes of a salt and parameters, or some of them."""

    request: Request
    workloads: tuple[WorkloadRef, ...]

    @property
    def parameters(self) -> Mapping[str, object]:
        """What the generator is given."""
        return self.request.parameters or {}


class Arena:
    """Draws workloads and measures two programs on them.

    Args:
        best: the frozen program.
        measuring: measures on the same bench.
        record: knows which held-out sets were looked at; these are never touched.
        random: chooses among the workloads of a draw.
    """

    def __init__(
        self,
        task: Task,
        best: Program,
        measuring: Measuring,
        bench: Bench,
        record: Record,
        random: Random,
    ) -> None:
        self.task = task
        self._programs = (task.seed, best)
        self._measuring = measuring
        self._bench = bench
        self._record = record
        self._random = random

    async def draw(self, parameters: Mapping[str, object], count: int) -> Draw:
        """So many workloads of a fresh salt, or all that it makes, chosen by lot.

        Raises:
            ConfigError: the judge refuses the parameters.
            ConfigError: it makes a held-out set that was looked at.
        """
        request = Request(Split.HELD_OUT, secrets.token_hex(16), parameters=parameters)
        workloads = await self._bench.workloads(request)
        if self._record.looks(set_digest(workloads)):
            raise ConfigError(NOT_TO_TOUCH)
        if len(workloads) <= count:
            return Draw(request, workloads)
        chosen = set(self._random.sample([one.name for one in workloads], count))
        return _only(Draw(request, workloads), chosen)

    async def measure(self, draw: Draw) -> tuple[Evaluation, Evaluation]:
        """Baseline and best on a draw.

        Raises:
            ConfigError: the judge made other workloads than were drawn.
        """
        baseline, best = await self._measuring.programs(self._programs, draw.request)
        if not baseline.workloads == best.workloads == set_digest(draw.workloads):
            raise ConfigError(OTHER_WORKLOADS)
        return baseline, best

    async def duels(self, draw: Draw) -> list[Duel]:
        """How both did on each workload of a draw, measured once. Raises as `measure` does."""
        return duels(self.task, draw.workloads, *await self.measure(draw))

    def repeated(self, draw: Draw) -> Draw:
        """The same workloads, to be measured as often as it takes to be sure of what they say."""
        repeats = self._measuring.confirming_repeats
        return replace(draw, request=replace(draw.request, repeats=repeats))


def alone(draw: Draw, duel: Duel) -> Draw:
    """The draw narrowed to the workload of a duel."""
    return _only(draw, {duel.workload.name})


def _only(draw: Draw, names: set[str]) -> Draw:
    workloads = tuple(one for one in draw.workloads if one.name in names)
    chosen = tuple(one.name for one in workloads)
    return Draw(replace(draw.request, names=chosen), workloads)
