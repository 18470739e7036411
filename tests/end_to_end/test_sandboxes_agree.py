"""The same seed with one worker gives the same trials and figures, whatever the sandbox."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from contracts.engines import engine_or_skip

import adrs

TASK = Path(__file__).parents[2] / "tasks" / "spot_single"


def timelines(path: Path) -> Path:
    """Seven short records in the format of the real ones."""
    luck = random.Random(11)
    rows = []
    for number in range(7):
        state, ticks = "0", []
        while len(ticks) < 1764:
            ticks += [state] * luck.randint(3, 60)
            state = "1" if state == "0" else "0"
        row = {"environment": f"e{number}", "gap_s": 600, "unavailable": "".join(ticks[:1764])}
        rows.append(json.dumps(row))
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize("other", ["process", "docker"])
def test_sandboxes_agree(tmp_path: Path, other: str) -> None:
    if other == "docker":
        engine_or_skip()
    source = timelines(tmp_path / "timelines.jsonl")
    found = []
    for sandbox in ("bubblewrap", other):
        done = subprocess.run(
            [
                *(sys.executable, "-m", "adrs", "run", str(TASK), "--workloads", str(source)),
                *("--trials", "12", "--seed", "4", "--workers", "1", "--sandbox", sandbox),
                *("--store", str(tmp_path / sandbox), "--json"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        summary = json.loads(done.stdout.splitlines()[-1])
        with closing(adrs.open_store(tmp_path / sandbox)) as store:
            trials = store.trials(summary["run"])
        found.append([(t.number, t.program.id, t.status, t.score) for t in trials])
        if sandbox == "process" and summary["held_out"] is not None:
            assert summary["held_out"]["verdict"] == "REFUSED"
        assert summary["isolation"]["sandbox"] == sandbox
    assert found[0] == found[1]
