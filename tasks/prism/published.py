"""The published workload: 50 fleets from numpy's legacy generator with seed 42, without numpy.

`python published.py > published.jsonl` writes them as a file for `--workloads`.
"""

from __future__ import annotations

import json
import sys
from random import Random

from fleet import Fleet, Model

CASES = 50
SEED = 42
GPU_MEMORY_GB = 80


class LegacyRandom:
    """The whole numbers that numpy's RandomState draws from a seed: a Mersenne twister.

    Python has the same twister, but seeds it in another way.
    """

    def __init__(self, seed: int) -> None:
        words = [seed]
        for index in range(1, 624):
            last = words[-1]
            words.append((1812433253 * (last ^ last >> 30) + index) % 2**32)
        self._random = Random()
        self._random.setstate((3, (*words, 624), None))

    def randint(self, low: int, high: int) -> int:
        """At least `low` and below `high`: too large ones of as few bits as will do are redrawn."""
        widest = high - 1 - low
        mask = (1 << widest.bit_length()) - 1
        while (drawn := self._random.getrandbits(32) & mask) > widest:
            pass
        return low + drawn


def fleets() -> list[Fleet]:
    """The 50 published cases, in their order."""
    random = LegacyRandom(SEED)
    found = []
    for _ in range(CASES):
        gpu_count = random.randint(5, 10)
        models = tuple(
            Model(random.randint(10, 30), random.randint(1, 10), random.randint(5, 10))
            for _ in range(2 * gpu_count)
        )
        found.append(Fleet(gpu_count, GPU_MEMORY_GB, models))
    return found


if __name__ == "__main__":
    for fleet in fleets():
        sys.stdout.write(json.dumps({"split": "train"} | fleet.data()) + "\n")
