"""Milliseconds a trial that the git lineage costs, its size, and what plain git finds in it.

    python tests/benchmarks/bench_lineage.py [TRIALS] [BATCH]

Every trial changes a line in one of ten files of its parent; every fifth has two parents. From one
step of the best trial's first parents on, all programs have a fault, which `git bisect run` is to
find. BATCH is how many trials are told between two looks of the follower.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
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
    Store,
    Told,
    Trial,
    open_store,
)
from adrs.store.lineage import GitLineage
from adrs.testing.store_contract import SETTINGS, a_task

SAMPLES = 20
LINES = 60
PLANTED = 0.4
"""The share of the trials after which the fault is planted into the next one of the chain."""

ISOLATION = Isolation(
    "bubblewrap", IsolationLevel.SEPARATE, dict.fromkeys("abcdefg", "enforced"), {}
)
SEED = Program(
    {
        f"module_{i}.py": b"".join(b"step_%d_%d = %d\n" % (i, n, n * n) for n in range(LINES))
        for i in range(10)
    }
)
FAULT = b"step_0_0 = 'planted'\n"


class Search:
    """Tells trials to a store, in the order in which a search would.

    Attributes:
        culprit: the first trial of the chain that has the fault.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.run = store.create_run(a_task(), SETTINGS).name
        self.culprit = -1
        self._random = random.Random(0)
        self._programs: list[Program] = []

    def tell(self, count: int) -> None:
        for _ in range(count):
            self._tell_one()

    def _tell_one(self) -> None:
        number = len(self._programs)
        trial, value = self._trial(number), 1000.0 - number
        samples = tuple(
            Sample(f"w{i}", f"u{i}", 0, Status.SCORED, {"cost_usd": value}, "", 0.1, 0.1, 31.5)
            for i in range(SAMPLES)
        )
        evaluation = Evaluation(Split.TRAIN, Status.SCORED, samples, "0" * 64, ISOLATION)
        admission = Admission(True, "among the best")
        self.store.append(
            self.run,
            [
                Asked(number, trial),
                Started(number, 0),
                Measured(number, evaluation),
                Told(number, Score(value), admission),
            ],
        )
        self._programs.append(trial.program)

    def _trial(self, number: int) -> Trial:
        if number == 0:
            return Trial(0, Candidate(SEED, Lineage("seed")))
        nearby = range(max(0, self.culprit, number - 8), number)
        parents = [self._random.choice(nearby)]
        if number % 5 == 0 and len(nearby) > 1:
            parents.append(self._random.choice([n for n in nearby if n != parents[0]]))
        program = self._programs[parents[0]]
        path = f"module_{self._random.randrange(1, 10)}.py"
        lines = program.files[path].splitlines(keepends=True)
        lines[self._random.randrange(LINES)] = b"changed = %d\n" % number
        program = program.replacing({path: b"".join(lines)})
        lineage = Lineage("mutate", "1", tuple(parents), plan=f"change a line, number {number}")
        return Trial(number, Candidate(program, lineage), island=number % 3)

    def plant(self) -> None:
        """Tells a trial with the fault; all later ones descend from it."""
        self.culprit = len(self._programs)
        first = self._programs[-1].files["module_0.py"].splitlines(keepends=True)
        planted = FAULT + b"".join(first[1:])
        parent = self.culprit - 1
        program = self._programs[parent].replacing({"module_0.py": planted})
        lineage = Lineage("mutate", "1", (parent,), plan="plant a fault")
        trial = Trial(self.culprit, Candidate(program, lineage))
        evaluation = Evaluation(Split.TRAIN, Status.CRASHED, (), "0" * 64, ISOLATION, "planted")
        self.store.append(
            self.run,
            [
                Asked(self.culprit, trial),
                Measured(self.culprit, evaluation),
                Told(self.culprit, None, Admission(True, "planted")),
            ],
        )
        self._programs.append(program)


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "advice.detachedHead=false", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def timed(call: Callable[[], object]) -> tuple[float, float]:
    """Elapsed and CPU seconds, the latter of this process and of those that it waited for."""
    before, started = os.times(), time.perf_counter()
    call()
    after = os.times()
    return time.perf_counter() - started, sum(after[:4]) - sum(before[:4])


def report(what: str, call: Callable[[], object]) -> None:
    elapsed, cpu = timed(call)
    print(f"{what}: {elapsed:.2f} s, CPU {cpu:.2f} s")


def sound(lineage: GitLineage) -> None:
    assert lineage.faults() == []


def size(folder: Path) -> str:
    return f"{sum(f.stat().st_size for f in folder.rglob('*') if f.is_file()) / 2**20:.1f} MiB"


def batches(trials: int, batch: int) -> Iterator[int]:
    for done in range(0, trials, batch):
        yield min(batch, trials - done)


def main(trials: int = 10_000, batch: int = 100) -> None:
    with tempfile.TemporaryDirectory() as place, closing(open_store(Path(place))) as store:
        search = Search(store)
        lineage = GitLineage(Path(place, "store.sqlite"))
        elapsed = cpu = told = 0.0
        mine = time.process_time()
        for count in batches(trials, batch):
            if told >= PLANTED * trials and search.culprit < 0:
                search.plant()
            before = time.process_time()
            search.tell(count)
            mine += time.process_time() - before
            told += count
            spent = timed(lambda: lineage.catch_up(search.run))
            elapsed, cpu = elapsed + spent[0], cpu + spent[1]
        mine = time.process_time() - mine
        print(f"{trials} trials, followed every {batch}")
        print(f"a trial: {1000 * elapsed / trials:.2f} ms, CPU {1000 * cpu / trials:.2f} ms,")
        print(f"of which {1000 * mine / trials:.2f} ms CPU in the engine's process")
        files = sum(len(data) for data in SEED.files.values())
        print(f"size: {size(lineage.folder)}; a program has {files / 1024:.1f} KiB")
        print("packs:", len(list(lineage.folder.glob("objects/pack/*.pack"))))
        report("nothing to follow", lambda: lineage.catch_up(search.run))
        again = GitLineage(Path(place, "store.sqlite"))
        report("the commit of each trial", lambda: again.commits(search.run))
        report("the first follow of another process", lambda: again.catch_up(search.run))
        report("git fsck", lambda: git(lineage.folder, "fsck", "--no-dangling"))
        report("no faults", lambda: sound(lineage))
        report(
            "git log --graph", lambda: git(lineage.folder, "log", "--graph", f"{search.run}/best")
        )
        report("the commit of a trial", lambda: git(lineage.folder, "show", f":/^{search.run}/17 "))
        report("adrs store gc", lineage.tidy)
        print(f"size: {size(lineage.folder)}")
        report("no faults", lambda: sound(lineage))
        bisect(Path(place), lineage, search)
        again.close()
        lineage.close()


def bisect(place: Path, lineage: GitLineage, search: Search) -> None:
    """Finds the planted fault along first parents, with a clone and the plain command."""
    clone = place / "clone"
    report(
        "git clone",
        lambda: git(
            place, "clone", "-q", "-b", f"{search.run}/best", str(lineage.folder), str(clone)
        ),
    )
    seed = lineage.commits(search.run)[0]
    git(clone, "bisect", "start", "--first-parent", "HEAD", seed)
    started = time.perf_counter()
    said = git(clone, "bisect", "run", "sh", "-c", "! grep -q planted module_0.py")
    found = git(clone, "log", "-1", "--format=%s", "bisect/bad").split(" ")[0]
    steps = said.count("running")
    print(f"git bisect run: {found} after {steps} steps, {time.perf_counter() - started:.2f} s")
    assert found == f"{search.run}/{search.culprit}"


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
