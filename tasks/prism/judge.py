"""Measures a placement: asks for it once, and works every pressure out from its own figures."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping
from math import sqrt
from statistics import mean
from typing import Any

from drawn import drawn
from fleet import Fleet
from recorded import recorded

from adrs.judging import Invalid, Program, Workload

FULL_KVPR = 1e6  # what the published score takes for a GPU without free memory


def workloads(split: str, salt: str, source: str | None = None, **ranges: Any) -> list[Workload]:
    """One workload a fleet: those that the file `source` has for the split, else drawn ones."""
    given = [] if source is None else recorded(split, source)
    return given or drawn(split, salt, **ranges)


async def evaluate(program: Program, workload: Workload) -> dict[str, float]:
    """Asks where each model goes, and compares the most pressed GPU with what is possible."""
    fleet = Fleet.of(workload.data)
    placement = await program.call("place", *workload.data.values())
    check(placement, fleet)
    gpus = fleet.gpus(placement)
    for number, gpu in enumerate(gpus):
        if gpu.free_gb <= 0:
            raise Invalid(
                f"the models of a GPU must leave some of its {fleet.gpu_memory_gb:g} GB free; "
                f"place puts {fleet.gpu_memory_gb - gpu.free_gb:g} GB on GPU {number}"
            )
    max_kvpr = max(gpu.kvpr for gpu in gpus)
    return {
        "max_kvpr": max_kvpr,
        "bound_kvpr": fleet.bound_kvpr,
        "gap": 100 * (max_kvpr / fleet.bound_kvpr - 1),
        "min_kvpr": min(gpu.kvpr for gpu in gpus),
        "least_free_gb": min(gpu.free_gb for gpu in gpus),
        "published_score": published_score(max_kvpr, fleet),
    }


def check(placement: object, fleet: Fleet) -> None:
    """Refuses what is not a list of one GPU for each model.

    Raises:
        Invalid: says what was expected and what came.
    """
    if type(placement) is not list or len(placement) != len(fleet.models):
        raise Invalid(
            f"place must return a list of {len(fleet.models)} numbers, the GPU of each model; "
            f"it returned {_short(placement)}"
        )
    for number, gpu in enumerate(placement):
        if type(gpu) is not int or not 0 <= gpu < fleet.gpu_count:
            raise Invalid(
                f"a GPU is a whole number from 0 to {fleet.gpu_count - 1}; place returned "
                f"{_short(gpu)} for model {number}"
            )


def _short(answer: object) -> str:
    if isinstance(answer, list | dict):
        return f"a {type(answer).__name__} of length {len(answer)}"
    return f"{reprlib.repr(answer)} ({type(answer).__name__})"


def published_score(max_kvpr: float, fleet: Fleet) -> float:
    """The score of the published evaluator for one case, 0 to 100."""
    base = min(FULL_KVPR, max(gpu.kvpr for gpu in fleet.gpus(fleet.round_robin())))
    if base <= fleet.even_kvpr:  # round robin is perfect
        return 100.0 if max_kvpr <= base else 0.0
    return 100 * sqrt(max(0.0, min(1.0, (base - max_kvpr) / (base - fleet.even_kvpr))))


def feedback(samples: Iterable[Mapping[str, Any]]) -> str:
    """Where pressure is shared out least evenly, in words, for whoever improves the placement."""
    rows = sorted(samples, key=lambda row: float(row["metrics"]["gap"]), reverse=True)
    kinds: dict[str, list[Mapping[str, float]]] = {}
    for row in rows:
        kinds.setdefault(row["workload"].rsplit("-", 1)[-1], []).append(row["metrics"])
    lines = []
    for kind, of in sorted(kinds.items()):
        gap, most, least, free_gb = (
            mean(one[name] for one in of)
            for name in ("gap", "max_kvpr", "min_kvpr", "least_free_gb")
        )
        lines.append(
            f"{len(of)} {kind} fleets: the most pressed GPU is {gap:.1f} % above the bound, at "
            f"{most:.4f}/GB; the least pressed one has {least:.4f}/GB, the fullest one "
            f"{free_gb:.1f} GB free (means)."
        )
    lines.append("Furthest above the bound:")
    for row in rows[:3]:
        of_one = row["metrics"]
        lines.append(
            f"- {row['workload']}: {of_one['gap']:.1f} %; {of_one['max_kvpr']:.4f}/GB, the least "
            f"pressed {of_one['min_kvpr']:.4f}/GB, the fullest {of_one['least_free_gb']:.1f} GB "
            "free"
        )
    return "\n".join(lines)
