"""`adrs run` on tasks that are measured by commands: the examples of the documentation."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from unit.cli.door import adrs

PAGE = (Path(__file__).parents[2] / "docs/command-evaluator.md").read_text()
QUICK = ("--seed", "0", "--sandbox", "bubblewrap", "--json")
needs_compiler = pytest.mark.skipif(
    shutil.which("gcc") is None, reason="there is no gcc, so no task in C was searched"
)
TASK_TOML = """
[task]
name = "near"
title = "Come close to three"
[program]
editable = ["gain.py"]
[evaluator]
use = "command"
deterministic = true
[evaluator.options]
workloads = ["{python}", "{task}/workloads.py"]
@options@
[objective]
metric = "loss"
[[metric]]
name = "loss"
direction = "minimize"
unit = "ms"
[limits]
wall_s = 20
cpu_s = 20
"""
TUNED_ALONE = """
import json, sys
gain = 40.0
(n,) = json.load(sys.stdin)
print(json.dumps({"loss": 1 + abs(gain - 3) + n / 1000}))
"""
TUNED_HEADER = 'gain = 40.0\nprint("#define GAIN", gain)\n'
TUNED_C = """
#include <stdio.h>
#include "gain.h"
int main(void) {
    int n;
    if (scanf("[%d", &n) != 1) return 1;
    printf("%.17g\\n", GAIN * n);
    return 0;
}
"""
MEASURE = """
import json
from pathlib import Path
(n,) = json.loads(Path("workload").read_text())
print(json.dumps({"loss": 1 + abs(float(Path("answer").read_text()) / n - 3) + n / 1000}))
"""
WORKLOADS = """
import json, sys
from random import Random
split, salt = sys.argv[1:]
random = Random(split + salt)
count = 10 if split == "held_out" else 2
print(json.dumps([{"name": f"{n}", "data": [random.randint(1, 99)]} for n in range(count)]))
"""


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """The examples of docs/command-evaluator.md, a folder each."""
    blocks = re.findall(r"^`((?:bins|backoff)/\S+)`\n\n```\w+\n(.*?)^```", PAGE, re.M | re.S)
    assert len(blocks) == 10
    for path, block in blocks:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block)
    return tmp_path


def run(folder: Path, task: str, *arguments: str) -> dict[str, Any]:
    ended = adrs(folder, "run", task, *QUICK, *arguments)
    assert ended.code == 0, ended.err
    return json.loads(ended.out.splitlines()[-1])  # type: ignore[no-any-return]


def near_three(folder: Path, options: str, **program: str) -> None:
    """A task whose constant a tuner improves at once."""
    (folder / "near/program").mkdir(parents=True)
    (folder / "near/task.toml").write_text(TASK_TOML.replace("@options@", options))
    (folder / "near/README.md").write_text("Come close to three.\n")
    (folder / "near/workloads.py").write_text(WORKLOADS)
    (folder / "near/measure.py").write_text(MEASURE)
    for name, text in program.items():
        (folder / "near/program" / name.replace("_", ".")).write_text(text)


def test_who_prints_his_own_metrics_wins_only_if_that_is_accepted(tmp_path: Path) -> None:
    near_three(tmp_path, 'run = ["{python}", "gain.py"]', gain_py=TUNED_ALONE)
    few = ("--proposer", "tune", "--trials", "6")
    refused = run(tmp_path, "near", *few)
    assert refused["isolation"]["level"] == "shared"
    assert refused["held_out"]["verdict"] == "REFUSED"
    assert "--accept-isolation shared" in refused["held_out"]["reason"]
    accepted = run(tmp_path, "near", *few, "--accept-isolation", "shared")
    assert accepted["held_out"]["verdict"] == "WINNER", accepted["held_out"]["reason"]
    assert "with less isolation accepted (shared)" in accepted["held_out"]["reason"]


@needs_compiler
def test_a_compiled_program_that_is_measured_apart_wins_without_a_flag(tmp_path: Path) -> None:
    options = (
        'build = ["sh", "-c", "{python} gain.py > gain.h && gcc -O2 -o near near.c"]\n'
        'run = ["./near"]\nmeasure = ["{python}", "{task}/measure.py"]'
    )
    near_three(tmp_path, options, gain_py=TUNED_HEADER, near_c=TUNED_C)
    summary = run(tmp_path, "near", "--proposer", "tune", "--trials", "6")
    assert summary["isolation"]["level"] == "separate"
    assert summary["held_out"]["verdict"] == "WINNER", summary["held_out"]["reason"]
    ended = adrs(tmp_path, "verify", "--sandbox", "bubblewrap")
    assert ended.code == 0, ended.out


def test_the_example_of_one_command_can_be_searched(examples: Path) -> None:
    summary = run(examples, "backoff", "--proposer", "tune", "--trials", "1")
    assert (summary["status"], summary["by_status"]) == ("finished", {"SCORED": 2})
    assert summary["isolation"]["level"] == "shared"


@needs_compiler
def test_where_no_proposer_can_edit_the_language_a_run_ends_and_says_so(examples: Path) -> None:
    summary = run(examples, "bins", "--trials", "5")
    assert summary["baseline"]["objective"]["value"] > 80
    assert (summary["status"], summary["trials"]) == ("budget", 0)
    assert "nothing new to say" in summary["reason"]
    assert summary["isolation"]["level"] == "separate"
