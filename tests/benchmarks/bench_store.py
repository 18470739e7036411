"""CPU milliseconds that the record costs a trial, at the start of a run and after many trials.

    python tests/benchmarks/bench_store.py [TRIALS] [SAMPLES]

Every trial is one append of what the engine writes: the measured, told trial and the next asked.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

from adrs import (
    Admission,
    Asked,
    Candidate,
    Evaluation,
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
    Told,
    Trial,
    open_store,
)
from adrs.testing.store_contract import SETTINGS, a_task

WINDOW = 250
"""Trials that one figure is the mean of."""


def main(trials: int = 10_000, samples: int = 20) -> None:
    isolation = Isolation(
        "bubblewrap", IsolationLevel.SEPARATE, dict.fromkeys("abcdefg", "enforced"), {}
    )
    source = b"".join(b"def step_%d(x): return x * %d\n" % (i, i * i) for i in range(100))
    others = {f"module_{i}.py": b"# module %d\n" % i * 40 for i in range(4)}
    noise = random.Random(0)

    def candidate(number: int) -> Trial:
        program = Program({**others, "policy.py": source + b"# %d\n" % number})
        return Trial(number, Candidate(program, Lineage("tune", "1", (0,), (0,), "a plan")))

    def measured(number: int) -> Measured:
        drawn = tuple(
            Sample(
                f"workload-{i}", f"unit-{i}", 0, Status.SCORED,
                {"cost_usd": noise.random(), "missed": 0.0}, "",
                noise.random(), noise.random(), 31.5,
            )
            for i in range(samples)
        )  # fmt: skip
        evaluation = Evaluation(Split.TRAIN, Status.SCORED, drawn, "0" * 64, isolation)
        return Measured(number, evaluation)

    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder))
        run = store.create_run(a_task(), SETTINGS).name
        store.append(run, [Asked(0, candidate(0)), Started(0, 0)])
        cpu_ms = []
        for number in range(trials):
            facts = [
                measured(number),
                Told(number, Score(noise.random()), Admission(True, "better")),
                Asked(number + 1, candidate(number + 1)),
                Started(number + 1, 0),
            ]
            before = time.process_time()
            store.append(run, facts)
            cpu_ms.append((time.process_time() - before) * 1000)
        early = _mean(cpu_ms[max(0, 500 - WINDOW) : 500])
        late = _mean(cpu_ms[-WINDOW:])
        print(f"append at 500 trials:      {early:.3f} ms CPU per trial, {samples} samples")
        print(f"append at {trials} trials:    {late:.3f} ms, ratio {late / early:.2f}")
        _time("run", lambda: store.run(run), 100)
        _time("told", lambda: store.told(run))
        _time("trials, the last 50", lambda: store.trials(run, trials - 50, 50))
        _time("check", store.check)
        size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
        print(f"size: {size / trials / 1024:.1f} KiB per trial")


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _time(name: str, call: object, repeats: int = 1) -> None:
    before = time.process_time()
    for _ in range(repeats):
        call()  # type: ignore[operator]
    print(f"{name}: {(time.process_time() - before) * 1000 / repeats:.2f} ms CPU")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
