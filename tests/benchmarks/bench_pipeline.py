"""How full evaluation slots are kept by a model that takes its time.

    python tests/benchmarks/bench_pipeline.py [--trials 240] [--latency 0.5] [--slots 8]

The planner asks a scripted server for one idea a call; an evaluation sleeps for a second. Trials a
second are counted from the moment when all slots were full, as a share of one a slot and second.
Trials that a repeat of the best measures twice take two seconds and are counted as two.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import adrs

WEIGHTS = Path(__file__).parent / "weights"


class Watch:
    """Notes when evaluations came in."""

    def __init__(self) -> None:
        self.searched: float | None = None
        self.told_at: list[tuple[float, int]] = []

    def phase(self, words: str) -> None:
        if words == "searching":
            self.searched = time.monotonic()

    def calibrated(self, calibration: adrs.Calibration) -> None:
        pass

    def told(self, trial: adrs.Trial) -> None:
        if trial.number:
            repeats = trial.evaluations[-1].repeats
            self.told_at.append((time.monotonic(), repeats))


async def search(store: adrs.Store, name: str, watch: Watch) -> None:
    with store.claim(name):
        await (await adrs.assemble(store, name, watch)).go()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=240)
    parser.add_argument("--latency", type=float, default=0.5)
    parser.add_argument("--slots", type=int, default=8)
    parser.add_argument("--calls", type=int, default=16)
    options = parser.parse_args()
    server = subprocess.Popen(
        [sys.executable, "-m", "adrs.testing.model_server", "--latency", str(options.latency)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        base_url = server.stdout.readline().split()[-1]
        with tempfile.TemporaryDirectory() as folder, closing(adrs.open_store(folder)) as store:
            task = Path(shutil.copytree(WEIGHTS, Path(folder) / "weights"))
            declared = task / "task.toml"
            declared.write_text(declared.read_text().replace("pause_s = 0.0", "pause_s = 1.0"))
            settings = adrs.RunSettings(
                str(task),
                trials=options.trials,
                proposers=("planner",),
                workers=options.slots,
                models=(("scripted", 1.0),),
                base_url=base_url,
                calls_in_flight=options.calls,
                ideas=1,
            )
            name = adrs.new_run(store, adrs.load_task(task), settings).name
            watch = Watch()
            asyncio.run(search(store, name, watch))
            rejections, calls = store.run(name).rejections, dict(store.spending(name).calls)
    finally:
        server.terminate()
        server.wait()
    # The first fill: as many results as there are slots; the last ones empty the pipe again.
    full, last = watch.told_at[options.slots - 1][0], watch.told_at[-options.slots][0]
    done = sum(repeats for at, repeats in watch.told_at if full < at <= last)
    assert watch.searched is not None
    per_s = done / (last - full)
    print(
        json.dumps(
            {
                "evaluations_per_s": round(per_s, 3),
                "of_ideal": round(per_s / options.slots, 4),
                "first_fill_s": round(full - watch.searched, 2),
                "evaluations": done,
                "rejections": rejections,
                "calls": calls,
            }
        )
    )


if __name__ == "__main__":
    main()
