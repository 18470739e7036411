"""What is known of every shipped task: the table of tasks/README.md.

    python tests/benchmarks/bench_tasks.py [TASK ...] [--trials 300] [--workers 2] [--json]

For each task, on train and on held-out workloads drawn with the salt "table": the seed, the human
reference, the best program of an offline search of so many trials, and the bound where the judge
knows one, all aggregated as the task declares; and the same on real or published workloads, where
they can be made again or ADRS_DATA has them. Seconds are those of one whole evaluation of the seed
on train by one worker, judge's set-up included.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from math import exp, log
from pathlib import Path
from statistics import fmean
from typing import Any, cast

import adrs
from adrs import plugins

ROOT = Path(__file__).parents[2]
SALT = "table"
BOUNDS = {
    "cloudcast": "bound_usd",
    "prism": "bound_kvpr",
    "spot_single": "optimum_usd",
    "txn": "lower_bound",
}
REAL = {"cloudcast": "cloudcast", "spot_single": "spot_single/timelines.jsonl.gz"}
MADE = {"prism": "published.py"}


@dataclass(frozen=True)
class Row:
    """One split of one task.

    Attributes:
        seed: the seed's mean; other figures are means too, or ratios to the seed where the task
            aggregates like that.
        searched: what the search found; None if there was none.
    """

    task: str
    workloads: str
    units: int
    unit: str
    seed: float
    reference: float
    searched: float | None
    bound: float | None
    seconds: float


def figures(evaluation: adrs.Evaluation, metric: str) -> list[float]:
    """A metric on each workload, in order."""
    if evaluation.status is not adrs.Status.SCORED:
        raise SystemExit(f"{evaluation.status} on {evaluation.split}: {evaluation.reason}")
    return [sample.metrics[metric] for sample in evaluation.samples]


def joined(task: adrs.Task, ours: list[float], seeds: list[float]) -> float:
    """Figures as the task aggregates them."""
    if task.objective.aggregate is adrs.Aggregate.MEAN:
        return fmean(ours)
    return exp(fmean(log(one / other) for one, other in zip(ours, seeds, strict=True)))


async def rows(task: adrs.Task, best: adrs.Program | None, source: Path | None) -> tuple[Row, Row]:
    """Train and held-out of a task."""
    sandbox = await adrs.choose_sandbox("auto")
    evaluator = cast("adrs.Evaluator", plugins.load("adrs.evaluators", task.evaluator.use)())
    started = time.monotonic()
    bench = await evaluator.open(adrs.Setting(task, sandbox, source, core=0))
    found = []
    seconds = 0.0
    try:
        for split in (adrs.Split.TRAIN, adrs.Split.HELD_OUT):
            salt = SALT if split is adrs.Split.HELD_OUT else ""
            request = adrs.Request(split, salt)
            seed = await bench.measure(task.seed, request)
            seconds = seconds or time.monotonic() - started
            metric, name = task.objective.metric.name, str(task.objective.reference)
            seeds = figures(seed, metric)
            human = figures(await bench.measure(task.references[name], request), metric)
            ours = None if best is None else figures(await bench.measure(best, request), metric)
            bound = BOUNDS.get(task.name)
            found.append(
                Row(
                    task=task.name,
                    workloads=f"{'drawn' if source is None else 'real'}, {split}",
                    units=len({ref.unit for ref in await bench.workloads(request)}),
                    unit=task.objective.metric.unit,
                    seed=fmean(seeds),
                    reference=joined(task, human, seeds),
                    searched=None if ours is None else joined(task, ours, seeds),
                    bound=None if bound is None else joined(task, figures(seed, bound), seeds),
                    seconds=seconds,
                )
            )
    finally:
        await bench.close()
    return found[0], found[1]


def search(task: adrs.Task, trials: int, workers: int, store: Path) -> tuple[adrs.Program, Any]:
    """The best program of an offline search, and the run's final JSON."""
    command = [sys.executable, "-m", "adrs", "run", str(task.folder), "--json", "--seed", "1"]
    command += ["--trials", str(trials), "--workers", str(workers), "--store", str(store)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    summary = json.loads(done.stdout.splitlines()[-1])
    with closing(adrs.open_store(store)) as opened:
        number = (summary["held_out"] or summary)["best"]["trial"]
        return opened.trial(summary["run"], number).program, summary


def known(task: adrs.Task, scratch: Path) -> Path | None:
    """Real or published workloads of a task; None where there are none."""
    data = os.environ.get("ADRS_DATA")
    if task.name in REAL and data:
        return Path(data, REAL[task.name])
    if task.name not in MADE:
        return None
    file = scratch / "published"
    command = [sys.executable, task.folder / MADE[task.name]]
    file.write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)
    return file


def main() -> None:
    """Prints the rows, and what each search ended with."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "tasks",
        nargs="*",
        default=sorted(path.parent.name for path in ROOT.glob("tasks/*/task.toml")),
    )
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for name in options.tasks:
        task = adrs.load_task(ROOT / "tasks" / name)
        best, summary = None, None
        with tempfile.TemporaryDirectory() as scratch:
            if options.trials:
                store = Path(scratch, "store")
                best, summary = search(task, options.trials, options.workers, store)
            found = list(asyncio.run(rows(task, best, None)))
            source = known(task, Path(scratch))
            if source is not None:
                found += asyncio.run(rows(task, best, source))
        for row in found:
            print(json.dumps(vars(row)) if options.json else row, flush=True)
        if summary:
            verdict = summary["held_out"] or {}
            print(
                name,
                summary["by_status"],
                f"{summary['wall_s']:.0f} s",
                verdict.get("verdict"),
                verdict.get("reason"),
                flush=True,
            )


if __name__ == "__main__":
    main()
