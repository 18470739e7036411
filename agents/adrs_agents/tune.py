"""Tunes the numbers of a program: one small study for every program structure.

CMA-ES (Hansen, "The CMA evolution strategy: a tutorial", 2016) with populations of five, by the
`cmaes` library. The study is made again for every proposal from the trials told so far, so nothing
is remembered that the record does not hold. See docs/decisions/proposers-tuning.md for the choice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from adrs import Candidate, Context, Direction, Rejection, Score, Trial

from .literals import Literal, rewritten, skeleton
from .offline import Memory, Proposal, answer
from .source import Source

if TYPE_CHECKING:
    from cmaes import CMA

POPULATION = 5
STEP = 0.4  # of the logarithm: about one and a half times up or down
MOST_LITERALS = 30
MOST_POINTS = 150
MOST_STUDIES = 300
_REACH = math.log(1000.0)


@dataclass(frozen=True, slots=True)
class Point:
    """The numbers of a told trial; `score` is None if it failed."""

    trial: int
    values: tuple[float, ...]
    score: Score | None


@dataclass(slots=True)
class Study:
    """What is known of one program structure; `origin` is where its search starts."""

    origin: tuple[float, ...]
    points: list[Point] = field(default_factory=list)


class Tune:
    """Moves the parent's numbers to where programs of the same structure did well."""

    name = "tune"
    version = "2"
    confined = True
    waits_for = ""

    def __init__(self) -> None:
        self._seen = Memory()
        self._studies: dict[str, Study] = {}

    def observe(self, trial: Trial) -> None:
        self._seen.add(trial)
        bones = skeleton(trial.program)
        study = self._studies.pop(bones.key, None) or Study(bones.values)
        if len(study.points) >= MOST_POINTS:
            study = Study(bones.values)  # a fresh start, from wherever the search has come to
        study.points.append(Point(trial.number, bones.values, trial.score))
        self._studies[bones.key] = study  # the latest is the last to be forgotten
        if len(self._studies) > MOST_STUDIES:
            del self._studies[next(iter(self._studies))]

    async def propose(self, context: Context) -> Sequence[Candidate | Rejection]:
        start = self._seen.leanest(context.selection.parent)
        bones = skeleton(start.program)
        study = self._studies.get(bones.key) or Study(bones.values)
        direction = context.brief.objective.metric.direction
        chosen: list[int] = []
        search: CMA | None = None

        def attempt(rng: Random, sources: Sequence[Source]) -> Proposal | None:
            nonlocal search, chosen
            by_path = {source.path: source for source in sources}
            if search is None:
                chosen = [i for i, lit in enumerate(bones.literals) if lit.path in by_path]
                if len(chosen) > MOST_LITERALS:
                    # The same ones for every proposal of this structure, so that they add up.
                    chosen = sorted(Random(bones.key).sample(chosen, MOST_LITERALS))
                search = _replayed(study, chosen, direction, rng) if chosen else None
            if search is None:
                return None
            scales = [_Scale(study.origin[i]) for i in chosen]
            literals = [bones.literals[i] for i in chosen]
            values = [
                scale.value(coordinate)
                for scale, coordinate in zip(scales, search.ask(), strict=False)
            ]
            files = rewritten(by_path, literals, values)
            if not files:
                return None
            parent, inspirations = _origin(study, start, direction)
            return Proposal(files, _words(literals, values), inspirations, parent)

        return answer(self, context, self._seen, attempt, start)


class _Scale:
    """Between a number and its coordinate: a logarithm that goes through zero.

    One unit is a factor of e for numbers near the origin or larger; zero is three units away.
    """

    def __init__(self, origin: float) -> None:
        self._unit = abs(origin) / 10 or 1.0
        self._zero = math.asinh(origin / self._unit)

    def coordinate(self, value: float) -> float:
        return self._clipped(math.asinh(value / self._unit) - self._zero)

    def value(self, coordinate: float) -> float:
        return self._unit * math.sinh(self._clipped(coordinate) + self._zero)

    @staticmethod
    def _clipped(coordinate: float) -> float:
        return max(-_REACH, min(_REACH, float(coordinate)))


def _replayed(study: Study, chosen: Sequence[int], direction: Direction, rng: Random) -> CMA:
    """A search that has been told every full population of the study."""
    import numpy as np
    from cmaes import CMA

    dimensions = max(2, len(chosen))  # the library has no searches on a line
    search = CMA(
        mean=np.zeros(dimensions),
        sigma=STEP,
        seed=rng.getrandbits(32),
        population_size=POPULATION,
    )
    scales = [_Scale(study.origin[i]) for i in chosen]
    padding = [0.0] * (dimensions - len(chosen))
    for first in range(0, len(study.points) - POPULATION + 1, POPULATION):
        group = study.points[first : first + POPULATION]
        order = sorted(range(POPULATION), key=lambda i: (*_badness(group[i], direction), i))
        told = [
            (
                np.array(
                    [
                        scale.coordinate(group[i].values[at])
                        for scale, at in zip(scales, chosen, strict=True)
                    ]
                    + padding
                ),
                float(place),
            )
            for place, i in enumerate(order)
        ]
        search.tell(told)
    return search


def _badness(point: Point, direction: Direction) -> tuple[float, float, float]:
    """Failed behind infeasible behind feasible; the search looks at nothing but the order."""
    if point.score is None or not math.isfinite(point.score.value):
        return (1.0, 0.0, 0.0)
    sign = 1.0 if direction is Direction.MINIMIZE else -1.0
    return (0.0, point.score.violation, sign * point.score.value)


def _origin(study: Study, start: Trial, direction: Direction) -> tuple[int, tuple[int, ...]]:
    """Parent and inspirations: all numbers are new, so it descends from the study's best."""
    selected = start.number
    if not study.points:
        return selected, ()
    best = min(study.points, key=lambda point: (*_badness(point, direction), point.trial)).trial
    return best, (selected,) if selected != best else ()


def _words(literals: Sequence[Literal], values: Sequence[float]) -> str:
    changes = [
        f"{old.written(old.value)} to {old.written(new)}"
        for old, new in zip(literals, values, strict=True)
        if old.written(new) != old.written(old.value)
    ]
    more = f" and {len(changes) - 6} more" if len(changes) > 6 else ""
    return f"set {', '.join(changes[:6])}{more}"
