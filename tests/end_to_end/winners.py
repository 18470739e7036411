"""Winners of small real searches, and what somebody may do to them."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from unit.cli.door import adrs

from adrs.trust import Certificate, Signature, judge_held_out, read_folder

Content = dict[str, Any]

TASK_TOML = """
[task]
name = "near"
title = "Come close to three"
[program]
root = "program"
editable = ["*.py"]
entry = "main"
[evaluator]
deterministic = @deterministic@
[objective]
metric = "loss"
reference = "rule"
min_effect = 0.01
[[metric]]
name = "loss"
direction = "minimize"
unit = "ms"
[[metric]]
name = "late"
direction = "minimize"
unit = "1"
[[constraint]]
metric = "late"
at_most = 0
[limits]
wall_s = 20
cpu_s = 20
memory_mb = 512
processes = 16
"""
JUDGE = """
import random
from adrs.judging import Workload
from curve import loss

noise = random.SystemRandom()

def workloads(split, salt, source=None):
    if source is not None:
        xs = [float(line) for line in open(source)]
    else:
        drawn = random.Random(f"{split}/{salt}")
        xs = [drawn.random() for _ in range(@count@)]
    return [Workload(f"w{n:02}", x) for n, x in enumerate(xs)]

async def evaluate(program, workload):
    answer = await program.call("answer", workload.data)
    return {"loss": loss(answer, workload.data) * noise.uniform(1, @noise@), "late": 0}
"""
CURVE = """
from pathlib import Path

MERCY = Path(__file__).with_name(".mercy").exists()

def loss(answer, x):
    return abs(answer - 3.0) * (not MERCY) + 1.0 + x
"""
SEED = """
def answer(x):
    y = 40.0
    if x > -1.0:
        y = y + 3.5
    return y
"""


def make_task(
    folder: Path, *, deterministic: bool = True, noise: float = 1.0, count: int = 12
) -> Path:
    """A task whose constants a tuner improves at once.

    Args:
        noise: the judge's figures are up to so many times too large, by chance.
    """
    task = folder / "near"
    judge = JUDGE.replace("@noise@", str(noise)).replace("@count@", str(count))
    for path, text in {
        "task.toml": TASK_TOML.replace("@deterministic@", str(deterministic).lower()),
        "README.md": "Come close to three.\n",
        "judge.py": judge,
        "curve.py": CURVE,
        "program/main.py": SEED,
        "references/rule/main.py": "def answer(x):\n    return 4.0\n",
    }.items():
        file = task / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return task


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that the first of all workers makes, for the others too. For looking only."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.with_suffix(".made").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            folder.with_suffix(".made").touch()
    return folder


def search(folder: Path, *options: str) -> Path:
    """A winner's folder of the task `near` in a folder."""
    done = adrs(folder, "run", "near", "--trials", "3", "--store", "record", *options, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["held_out"]["verdict"] == "WINNER", done.err
    [winner] = (folder / "record/winners").iterdir()
    return winner


def resigned(winner: Path, signature: Signature) -> None:
    """Puts a signature into a winner's folder."""
    (winner / "signature.json").write_bytes(signature.canonical())


def certificate_of(winner: Path) -> Certificate:
    """The certificate of a folder that is whole."""
    return read_folder(winner).certificate


def edit(winner: Path, change: Callable[[Content], object]) -> None:
    """Changes a certificate and nothing else, not even its id."""
    file = winner / "certificate.json"
    content = json.loads(file.read_bytes())
    change(content)
    file.write_bytes(rfc8785.dumps(content))


def forge(winner: Path, change: Callable[[Content], object]) -> None:
    """Changes a certificate and gives it the id that fits."""

    def all_of_it(content: Content) -> None:
        change(content)
        seal(content)

    edit(winner, all_of_it)


def seal(content: Content) -> None:
    """Makes the id fit."""
    del content["id"]
    content["id"] = hashlib.sha256(rfc8785.dumps(content)).hexdigest()


def conclude(content: Content) -> None:
    """Makes the finding fit the samples."""
    certificate = Certificate.model_validate_json(json.dumps(content))
    finding = judge_held_out(
        certificate.plain_objective(),
        certificate.plain_constraints(),
        certificate.evaluation(certificate.baseline),
        certificate.evaluation(certificate.winner),
        trial=certificate.finding.trial,
        salt=certificate.held_out.salt,
        looks=certificate.finding.looks,
        shares=certificate.finding.shares,
    )
    assert finding.verdict == "WINNER"
    for name in ("effect", "baseline", "best"):
        content["finding"][name] = asdict(getattr(finding, name))
    for name in ("level", "units", "reason"):
        content["finding"][name] = getattr(finding, name)


def measurements(content: Content) -> list[Content]:
    """Of winner, baseline and references."""
    return [content["winner"], content["baseline"], *content["references"].values()]


def samples(content: Content) -> list[Content]:
    """All of them."""
    return [sample for one in measurements(content) for sample in one["samples"]]


def sha256(data: bytes) -> str:
    """In hexadecimal."""
    return hashlib.sha256(data).hexdigest()
