"""CPU milliseconds that the record costs a trial, at the start of a run and after many trials.

    python tests/benchmarks/bench_store.py [TRIALS] [SAMPLES]

Every trial is one append of what the engine writes: the measured, told trial and the next asked.
A short and a long run take turns, so that what else the machine does weighs on both alike.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from adrs import (
    Admission,
    Asked,
    Candidate,
    Direction,
    Evaluation,
    Fact,
    Isolation,
    IsolationLevel,
    Lineage,
    Measured,
    Program,
    Sample,
    Score,
    Split,
    Started,
    Status,
    Store,
    Told,
    Trial,
    open_store,
)
from adrs.testing.store_contract import SETTINGS, a_task

SHORT = 500
"""Trials that the short run has before the turns begin."""

TURNS = 500
"""Trials that each figure is the mean of."""

ISOLATION = Isolation(
    "bubblewrap", IsolationLevel.SEPARATE, dict.fromkeys("abcdefg", "enforced"), {}
)
SOURCE = b"".join(b"def step_%d(x): return x * %d\n" % (i, i * i) for i in range(100))
OTHERS = {f"module_{i}.py": b"# module %d\n" % i * 40 for i in range(4)}


def candidate(number: int) -> Trial:
    program = Program({**OTHERS, "policy.py": SOURCE + b"# %d\n" % number})
    return Trial(number, Candidate(program, Lineage("tune", "1", (0,), (0,), "a plan")))


def measured(number: int, samples: int) -> Measured:
    drawn = tuple(
        Sample(
            f"workload-{i}", f"unit-{i}", 0, Status.SCORED,
            {"cost_usd": random.random(), "missed": 0.0}, "",
            random.random(), random.random(), 31.5,
        )
        for i in range(samples)
    )  # fmt: skip
    return Measured(number, Evaluation(Split.TRAIN, Status.SCORED, drawn, "0" * 64, ISOLATION))


class Engine:
    """What an engine writes, timed."""

    def __init__(self, store: Store, samples: int) -> None:
        self.store = store
        self.run = store.create_run(a_task(), SETTINGS).name
        self._samples = samples
        self._number = 0
        store.append(self.run, [Asked(0, candidate(0)), Started(0, 0)])

    def go_on(self) -> float:
        """Record one trial; return its CPU milliseconds."""
        number, self._number = self._number, self._number + 1
        facts: list[Fact] = [
            measured(number, self._samples),
            Told(number, Score(random.random()), Admission(True, "better")),
            Asked(number + 1, candidate(number + 1)),
            Started(number + 1, 0),
        ]
        return cpu_ms(lambda: self.store.append(self.run, facts))


def cpu_ms(call: Callable[[], object]) -> float:
    before = time.process_time()
    call()
    return (time.process_time() - before) * 1000


def main(trials: int = 10_000, samples: int = 20) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(open_store(Path(folder, "short"))) as one,
        closing(open_store(Path(folder, "long"))) as other,
    ):
        short, long = Engine(one, samples), Engine(other, samples)
        for _ in range(SHORT):
            short.go_on()
        for _ in range(trials - TURNS):
            long.go_on()
        turns = [(short.go_on(), long.go_on()) for _ in range(TURNS)]
        early, late = (sum(figures) / TURNS for figures in zip(*turns, strict=True))
        print(f"append, {samples} samples: {early:.3f} ms CPU at {SHORT} trials")
        print(f"append, {samples} samples: {late:.3f} ms CPU at {trials}, ratio {late / early:.2f}")
        store, run = long.store, long.run
        looks: dict[str, Callable[[], object]] = {
            "run": lambda: store.run(run),
            "the last 50 of trials": lambda: store.trials(run, trials - 50, 50),
            "best_number": lambda: store.best_number(run, Direction.MINIMIZE),
            "told": lambda: store.told(run),
            "check": store.check,
        }
        for name, look in looks.items():
            look()
            print(f"{name}: {cpu_ms(look):.2f} ms CPU")
        store.close()
        size = sum(file.stat().st_size for file in Path(folder, "long").iterdir() if file.is_file())
        print(f"size: {size / trials / 1024:.1f} KiB a trial")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
