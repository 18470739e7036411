"""Draws fleets: those of the published shape, and fuller ones whose models differ widely."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from fleet import Fleet, Model

from adrs.judging import Workload

UNIFORM = {"smoke": 2, "train": 32, "validation": 12, "held_out": 0}
SKEWED = {"smoke": 2, "train": 8, "validation": 12, "held_out": 40}
SHRINK = 3  # only held_out has skewed fleets of full size
GPU_MEMORY_GB = (40, 80, 141)
LARGEST_SHARE = 0.75  # of a GPU's memory, for one model
EMPTIER = 0.98  # a fleet that does not fit is drawn again with so much of its size


def drawn(
    split: str,
    salt: str,
    gpu_count: Sequence[int],
    models_per_gpu: Sequence[float],
    filled: Sequence[float],
    tail: Sequence[float],
) -> list[Workload]:
    """Draws a split: each workload is one fleet, independent of all others.

    Args:
        salt: makes another set of "held_out"; the other splits are always the same.
        gpu_count: fewest and most GPUs of a skewed fleet.
        models_per_gpu: fewest and most models for each of them, on average.
        filled: lowest and highest share of all its memory that the models take.
        tail: lowest and highest Pareto shape of sizes and rates; near 1 is the heaviest tail.
    """
    series = f"{split}/{salt}" if split == "held_out" else split
    shrink = 1 if split == "held_out" else SHRINK
    workloads = []
    for number in range(UNIFORM[split] + SKEWED[split]):
        random = Random(f"prism/{series}/{number}")
        if number < UNIFORM[split]:
            kind, fleet = "uniform", _uniform(random)
        else:
            count = max(2, random.randint(*gpu_count) // shrink)
            kind, fleet = "skewed", _skewed(random, count, models_per_gpu, filled, tail)
        name = f"{split}-{number:02d}-{fleet.gpu_count}x{fleet.gpu_memory_gb}gb-{kind}"
        workloads.append(Workload(name, fleet.data()))
    return workloads


def _uniform(random: Random) -> Fleet:
    """A fleet of the published shape. Two models are at most 58 GB, so that it always fits."""
    gpu_count = random.randint(5, 9)
    models = tuple(
        Model(random.randint(10, 29), random.randint(1, 9), random.randint(5, 9))
        for _ in range(2 * gpu_count)
    )
    return Fleet(gpu_count, 80, models)


def _skewed(
    random: Random,
    gpu_count: int,
    models_per_gpu: Sequence[float],
    filled: Sequence[float],
    tail: Sequence[float],
) -> Fleet:
    memory_gb = random.choice(GPU_MEMORY_GB)
    count = round(gpu_count * random.uniform(*models_per_gpu))
    share = random.uniform(*filled)
    shape = random.uniform(*tail)
    while True:
        sizes = [random.paretovariate(shape) for _ in range(count)]
        gb = share * gpu_count * memory_gb / sum(sizes)
        models = tuple(
            Model(
                size_gb=max(0.25, _quarters(min(size * gb, LARGEST_SHARE * memory_gb))),
                rate_per_s=round(random.paretovariate(shape), 2),
                slo_s=round(2 ** random.uniform(0, 3), 1),
            )
            for size in sizes
        )
        fleet = Fleet(gpu_count, memory_gb, models)
        if fleet.fits(fleet.largest_first()):
            return fleet
        share *= EMPTIER


def _quarters(gb: float) -> float:
    """Rounded to what a computer adds up without error."""
    return round(4 * gb) / 4
