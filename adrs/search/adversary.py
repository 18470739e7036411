"""Looks for workloads on which the best program loses, breaks a constraint or fails.

Where it may look, how it does, and what its figures mean is in docs/adversary.md.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from random import Random

from adrs.errors import ConfigError
from adrs.model.attack import Attack, Counterexample, Region
from adrs.model.evaluation import Status
from adrs.model.task import Task
from adrs.model.trial import Trial
from adrs.model.verdict import Interval
from adrs.ports.evaluator import Bench
from adrs.ports.store import Record
from adrs.search.arena import Arena, alone
from adrs.search.duels import Duel, badness, beyond_noise, duels
from adrs.search.exploring import Exploration, Probe
from adrs.search.measuring import Measuring
from adrs.search.ranges import Ranges
from adrs.trust import measured_effect

# The region that looked worst is measured again on so many workloads, or all that there are.
WORKLOADS_OF_THE_WORST = 40
FOUND = 5
# So many losses are measured again at most; where figures vary, some do not hold.
_TRIES = 2 * FOUND
# So that of two equal programs a report with any false loss is one in twenty: both lists are tried.
_LEVEL = 1.0 - 0.05 / (2 * _TRIES)
# No probe is begun after as long as the run took before, or after this if that is longer.
_LEAST_S = 60.0

NO_RANGES = "the generator declares no ranges to search in"
REAL_WORKLOADS = "real workloads were handed in, and these have no ranges to search in"
NO_BASELINE = "the baseline scored on none of the workloads that were tried"


class Adversary:
    """One search for workloads on which a frozen program loses.

    Args:
        measuring: measures on the same bench.
        record: knows which held-out sets were looked at; these are never touched.
        real: whether real workloads were handed to the judge.
        lanes: probes at the same time.
        seconds: that the run took until now.
        say: told what comes now, in words.
    """

    def __init__(
        self,
        task: Task,
        frozen: Trial,
        measuring: Measuring,
        bench: Bench,
        record: Record,
        *,
        real: bool,
        lanes: int,
        seconds: float,
        say: Callable[[str], None],
    ) -> None:
        self._task = task
        self._frozen = frozen
        self._real = real
        self._lanes = lanes
        self._seconds = max(seconds, _LEAST_S)
        self._say = say
        self._random = Random(secrets.randbits(128))
        self._arena = Arena(task, frozen.program, measuring, bench, record, self._random)
        self._held: dict[str, Counterexample | None] = {}

    async def attack(self) -> Attack:
        """Searches, and measures again what it found.

        Raises:
            SandboxUnavailable: the sandbox broke.
        """
        frozen, ranges = self._frozen.number, Ranges(self._task.generator)
        if self._real or not ranges.names:
            return Attack(frozen, 0, 0, 0, note=REAL_WORKLOADS if self._real else NO_RANGES)
        self._say(f"looking for workloads on which trial {frozen} loses")
        exploration = Exploration(ranges, self._arena, self._random, self._lanes, self._seconds)
        await exploration.go()
        probes, refused = exploration.probes, exploration.refused
        if not probes:
            note = exploration.refusal or NO_BASELINE
            return Attack(frozen, 0, 0, 0, refused=refused, note=note)
        self._say("measuring again what looked worst")
        return Attack(
            trial=frozen,
            probes=len(probes),
            workloads=_fought(probes),
            lost=_lost(probes),
            found=await self._found(probes),
            smallest=await self._smallest(probes),
            even_workloads=_fought(exploration.even),
            even_lost=_lost(exploration.even),
            region=await self._region(exploration.worst),
            refused=refused,
            note=exploration.refusal,
        )

    async def _region(self, worst: Probe) -> Region | None:
        """The worst point on fresh workloads: that it looked the worst was luck in part."""
        arena = self._arena
        try:
            draw = await arena.draw(worst.draw.parameters, WORKLOADS_OF_THE_WORST)
            baseline, best = await arena.measure(arena.repeated(draw))
        except ConfigError:
            return None
        loss = None
        if baseline.status is best.status is Status.SCORED:
            loss = _negated(measured_effect(self._task.objective, baseline, best))
        fought = duels(self._task, draw.workloads, baseline, best)
        return Region(
            parameters=draw.parameters,
            salt=draw.request.salt,
            workloads=len(fought),
            lost=sum(duel.lost for duel in fought),
            loss=loss,
            fault=next((duel.fault for duel in fought if duel.fault), ""),
        )

    async def _found(self, probes: Sequence[Probe]) -> tuple[Counterexample, ...]:
        """The worst workload of each of the worst probes, as long as it holds."""
        worst = [(max(probe.losses, key=badness), probe) for probe in probes if probe.losses]
        worst.sort(key=lambda pair: badness(pair[0]), reverse=True)
        held: list[Counterexample] = []
        for duel, probe in worst[:_TRIES]:
            one = await self._again(probe, duel)
            if one is not None and all(one.parameters != other.parameters for other in held):
                held.append(one)
            if len(held) == FOUND:
                break
        return tuple(held)

    async def _smallest(self, probes: Sequence[Probe]) -> Counterexample | None:
        """The losing workload with the least data; the worst of equals."""
        losing = [(duel, probe) for probe in probes for duel in probe.losses]
        losing.sort(key=lambda pair: badness(pair[0]), reverse=True)
        losing.sort(key=lambda pair: pair[0].workload.size)
        for duel, probe in losing[:_TRIES]:
            one = await self._again(probe, duel)
            if one is not None:
                return one
        return None

    async def _again(self, probe: Probe, seen: Duel) -> Counterexample | None:
        """A loss as it is when made and measured again; None if it does not hold."""
        digest = seen.workload.digest
        if digest not in self._held:
            self._held[digest] = await self._measured_again(probe, seen)
        return self._held[digest]

    async def _measured_again(self, probe: Probe, seen: Duel) -> Counterexample | None:
        draw = self._arena.repeated(alone(probe.draw, seen))
        try:
            baseline, best = await self._arena.measure(draw)
        except ConfigError:
            return None
        for duel in duels(self._task, draw.workloads, baseline, best):
            if duel.fault or (duel.lost and beyond_noise(self._task, baseline, best, _LEVEL)):
                return Counterexample(
                    salt=draw.request.salt,
                    parameters=draw.parameters,
                    workload=duel.workload.name,
                    digest=duel.workload.digest,
                    size=duel.workload.size,
                    baseline=duel.baseline,
                    best=duel.best,
                    loss=duel.loss,
                    fault=duel.fault,
                )
        return None


def _fought(probes: Sequence[Probe]) -> int:
    return sum(len(probe.duels) for probe in probes)


def _lost(probes: Sequence[Probe]) -> int:
    return sum(len(probe.losses) for probe in probes)


def _negated(effect: Interval) -> Interval:
    low, high = (None if end is None else -end for end in (effect.high, effect.low))
    return Interval(-effect.value, low, high)
