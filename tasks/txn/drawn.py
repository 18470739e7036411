"""Draws the workloads of each split."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from mixes import MIXES, numbered

from adrs.judging import Workload

UNITS = {"smoke": 4, "train": 24, "validation": 24, "held_out": 36}
SHAPES = ("wide", "mixed", "hot")
SPLIT_MIXES = {
    "smoke": (*SHAPES, "ycsb"),
    "train": (*SHAPES, "ycsb"),
    "validation": (*SHAPES, "ycsb", "smallbank", "tpcc"),
    "held_out": ("ycsb", "smallbank", "tpcc"),
}
TRANSACTIONS = 100  # of a workload that is not held out
HELD_OUT_STRETCH = 1.25  # how far held-out skews may lie outside the declared range


def drawn(
    split: str,
    salt: str,
    skew: Sequence[float],
    write_share: Sequence[float],
    transactions: Sequence[int],
) -> list[Workload]:
    """Draws a split: each workload is independent of all others.

    Args:
        salt: makes another set of "held_out"; the other splits are always the same.
        skew: lowest and highest Zipf exponent of how often keys are used.
        write_share: lowest and highest share of what may write that does.
        transactions: fewest and most transactions of a held-out workload.
    """
    series = f"{split}/{salt}" if split == "held_out" else split
    workloads = []
    for number in range(UNITS[split]):
        random = Random(f"txn/{series}/{number}")
        mix = SPLIT_MIXES[split][number % len(SPLIT_MIXES[split])]
        count = TRANSACTIONS
        low, high = skew
        if split == "held_out":
            count = random.randint(*transactions)
            low, high = low / HELD_OUT_STRETCH, high * HELD_OUT_STRETCH
        accesses = MIXES[mix](
            random, count, random.uniform(low, high), random.uniform(*write_share)
        )
        name = f"{split}-{number:02d}-{count}-{mix}"
        workloads.append(Workload(name, numbered(random, accesses)))
    return workloads
