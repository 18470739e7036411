"""How often the whole product declares a winner where no program is better than another.

    python tests/benchmarks/bench_false_winners.py [--runs 50] [--trials 300]

Every run is an `adrs run` of its own on the task in noise/: offline proposers, real sandboxes, a
judge whose figures are noise of 10 %, a least effect of nothing. A rate of one in twenty is what a
95 % interval allows; with 50 runs, five or fewer false winners are seen with 96 % probability then.

Beside it stands what taking the best single measurement would have said: the best first sample of
any trial, against the seed's mean.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from statistics import fmean
from typing import Any

import adrs

TASK = Path(__file__).parent / "noise"


def search(seed: int, trials: int, store: Path) -> dict[str, Any]:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "adrs", "run", str(TASK), "--json", "--workers", "1"),
            *("--trials", str(trials), "--seed", str(seed), "--store", str(store)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    summary: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    with closing(adrs.open_store(store)) as record:
        told = [trial for trial in record.told(summary["run"]) if trial.score is not None]
    seed_mean = fmean(sample.metrics["loss"] for sample in told[0].evaluations[-1].samples)
    firsts = [trial.evaluations[-1].samples[0].metrics["loss"] for trial in told[1:]]
    held_out = summary["held_out"]
    return {
        "verdict": "none" if held_out is None else held_out["verdict"],
        "samples": fmean(len(trial.evaluations[-1].samples) for trial in told[1:]),
        "train": summary["gains"].get("train"),
        "held_out": summary["gains"].get("held_out"),
        "take_the_best": 1 - min(firsts) / seed_mean,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--trials", type=int, default=300)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        stores = [Path(folder) / str(run) for run in range(asked.runs)]
        runs = list(pool.map(search, range(asked.runs), [asked.trials] * asked.runs, stores))
    false = sum(run["verdict"] == "WINNER" for run in runs)
    verdicts = {run["verdict"] for run in runs}
    counts = {verdict: sum(run["verdict"] == verdict for run in runs) for verdict in verdicts}
    judged = [run for run in runs if run["held_out"] is not None]
    print(f"{asked.runs} runs of {asked.trials} trials, all programs alike: {counts}")
    print(f"false winners: {false}")
    print(f"samples a trial: {fmean(run['samples'] for run in runs):.2f}")
    print(
        f"gain of the best: on train {100 * fmean(run['train'] for run in judged):.1f} %, "
        f"on held-out {100 * fmean(run['held_out'] for run in judged):.1f} %"
    )
    taken = fmean(run["take_the_best"] for run in runs)
    wrong = sum(run["take_the_best"] > 0 for run in runs)
    print(f"taking the best sample: {wrong} false winners, said to be {100 * taken:.1f} % better")
    raise SystemExit(false > asked.runs / 10)


if __name__ == "__main__":
    main()
