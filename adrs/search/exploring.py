"""The search for a worst region within a generator's ranges."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from statistics import fmean

from adrs.errors import ConfigError
from adrs.search.arena import Arena, Draw
from adrs.search.duels import Duel, badness
from adrs.search.measuring import gather
from adrs.search.ranges import Ranges, near

# Many points with few workloads each, read together by smoothing, find a worst region better than
# few points with many (docs/adversary.md, "How it searches").
PROBES = 48
EVEN = 24
WORKLOADS = 5
# Shares of a range: how far around a point its neighbours speak for it, and how far steps go.
_REACH = 0.25
_STEP = 0.25
_STEP_SHRINKS = 0.9
# Weight of what is usual, so that one bad workload far from all others does not lead.
_PRIOR = 0.5


@dataclass(frozen=True, slots=True)
class Probe:
    """One point of the parameters, and what happened on workloads drawn there."""

    point: tuple[float, ...]
    draw: Draw
    duels: Sequence[Duel]

    @property
    def severity(self) -> float:
        """How bad it is for the best here."""
        return fmean(duel.severity for duel in self.duels)

    @property
    def losses(self) -> list[Duel]:
        return [duel for duel in self.duels if duel.lost]


class Exploration:
    """Probes spread evenly, then around what was seen.

    Args:
        lanes: probes at the same time.
        seconds: after which no probe is begun.

    Attributes:
        even: probes that were not chosen for what others showed.
        later: the others.
        refused: probes that the judge did not take.
        refusal: the last reason for that, in words.
    """

    def __init__(
        self, ranges: Ranges, arena: Arena, random: Random, lanes: int, seconds: float
    ) -> None:
        self._ranges = ranges
        self._arena = arena
        self._random = random
        self._lanes = lanes
        self._ends = time.monotonic() + seconds
        self.even: list[Probe] = []
        self.later: list[Probe] = []
        self.refused = 0
        self.refusal = ""

    @property
    def probes(self) -> list[Probe]:
        return [*self.even, *self.later]

    async def go(self) -> None:
        """Makes all probes.

        Raises:
            SandboxUnavailable: the sandbox broke.
        """
        points = iter(self._ranges.spread(EVEN, self._random))
        steps = iter(range(PROBES - EVEN))

        async def spread() -> None:
            for point in points:
                self.even += await self._probe(point)

        async def refine() -> None:
            for number in steps:
                self.later += await self._probe(self._step(number))

        await gather(spread() for _ in range(self._lanes))
        if self.even:
            await gather(refine() for _ in range(self._lanes))

    async def _probe(self, point: tuple[float, ...]) -> list[Probe]:
        """What a point shows; nothing if the time is over, or the judge or the baseline fails."""
        if time.monotonic() > self._ends:
            return []
        try:
            draw = await self._arena.draw(self._ranges.parameters(point), WORKLOADS)
            fought = await self._arena.duels(draw)
        except ConfigError as error:
            self.refused += 1
            self.refusal = str(error)
            return []
        return [Probe(point, draw, fought)] if fought else []

    def _step(self, number: int) -> tuple[float, ...]:
        """A point near the worst, near the worst loss, or, where sizes differ, the smallest."""
        centres = [self.worst]
        losing = [probe for probe in self.probes if probe.losses]
        if losing:
            centres.append(max(losing, key=lambda one: max(map(badness, one.losses))))
        if losing and len({d.workload.size for probe in self.probes for d in probe.duels}) > 1:
            centres.append(min(losing, key=lambda one: min(d.workload.size for d in one.losses)))
        centre = centres[number % len(centres)]
        return near(centre.point, _STEP * _STEP_SHRINKS**number, self._random)

    @property
    def worst(self) -> Probe:
        """The probe that looks worst when its neighbours are heard, too.

        Every point's severity is a mean of all, weighed by a Gaussian of the distance (Nadaraya,
        "On estimating regression", Theory of Probability and its Applications 9, 1964; Watson,
        "Smooth regression analysis", Sankhya A 26, 1964).
        """
        probes = self.probes
        usual = fmean(probe.severity for probe in probes)

        def smoothed(probe: Probe) -> float:
            weights = [
                math.exp(-(math.dist(probe.point, other.point) ** 2) / (2 * _REACH**2))
                for other in probes
            ]
            heard = sum(w * other.severity for w, other in zip(weights, probes, strict=True))
            return (heard + _PRIOR * usual) / (sum(weights) + _PRIOR)

        return max(probes, key=smoothed)
