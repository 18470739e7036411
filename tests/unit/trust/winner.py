"""A run that ended with a WINNER, recorded by hand: what certificates are made of."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import rfc8785

import adrs
from adrs.trust import Certificate, issue_certificate, parse_certificate, write_folder

TASK_TOML = """
[task]
name = "toy"
title = "Make it cheap"
[program]
root = "program"
editable = ["*.py"]
entry = "solve"
[objective]
metric = "cost_usd"
reference = "steady"
min_effect = 0.05
[[metric]]
name = "cost_usd"
direction = "minimize"
unit = "USD"
[[metric]]
name = "missed"
direction = "minimize"
unit = "1"
[[constraint]]
metric = "missed"
at_most = 0
[[stage]]
split = "train"
"""
FILES = {
    "task.toml": TASK_TOML,
    "README.md": "## Problem\n\nMake it cheap.\n",
    "judge.py": "import rules\ndef workloads(split, salt, source=None): return []\n",
    "rules.py": "PRICE = 3\n",
    "program/solve.py": "def solve(x):\n    return x\n",
    "program/.style": "plain\n",
    "references/steady/solve.py": "def solve(x):\n    return 0.9 * x\n",
    "checks/notes.txt": "not part of what decides\n",
}
FASTER = "def solve(x):\n    return 0.8 * x\n"
COSTS = [10.0, 20.5, 30.0, 41.0, 50.0, 61.0, 70.0, 79.0, 90.0, 99.0]
SHARES = [0.80, 0.79, 0.82, 0.81, 0.78, 0.80, 0.83, 0.77, 0.80, 0.80]
SALT = "5a17" * 8
SET = hashlib.sha256(b"the workloads").hexdigest()
CONFINED = {"tune": True, "mutate": True, "agent": False}


@dataclass(frozen=True)
class Winner:
    store: adrs.Store
    run: str
    task: adrs.Task

    def certificate(self, confined: Mapping[str, bool] = CONFINED) -> Certificate:
        return issue_certificate(self.store, self.run, confined)

    def program(self, certificate: Certificate) -> adrs.Program:
        return self.store.program(certificate.program.id)


def make_task(folder: Path) -> adrs.Task:
    for path, text in FILES.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return adrs.load_task(folder)


def evaluation(
    factors: list[float] | None = None,
    split: adrs.Split = adrs.Split.HELD_OUT,
    isolation: adrs.Isolation | None = None,
    fingerprint: str = "",
) -> adrs.Evaluation:
    """Costs times a factor each, with two repeats of every workload."""
    made = tuple(
        adrs.Sample(
            f"{split}-{at}", f"unit-{at}", repeat, adrs.Status.SCORED,
            {"cost_usd": cost * factor * (1 + 0.001 * repeat), "missed": 0.0},
            "", 0.01 + at, 0.02 + at, 30.5,
        )
        for at, (cost, factor) in enumerate(zip(COSTS, factors or [1.0] * 10, strict=True))
        for repeat in (0, 1)
    )  # fmt: skip
    return adrs.Evaluation(
        split, adrs.Status.SCORED, made, SET, isolation or apart(), fingerprint=fingerprint
    )


def apart(**enforced: str) -> adrs.Isolation:
    how = {guarantee.value: "so" for guarantee in adrs.NEEDED_FOR_WINNER} | enforced
    return adrs.Isolation("fake", adrs.IsolationLevel.SEPARATE, how, {})


def trial(number: int, program: adrs.Program, *parents: int, **lineage: Any) -> adrs.Trial:
    made = adrs.Lineage("tune" if number else "seed", "1", parents)
    return adrs.Trial(number, adrs.Candidate(program, replace(made, **lineage)))


def record_winner(
    folder: Path,
    task: adrs.Task,
    *,
    settings: Mapping[str, Any] | None = None,
    lineage: Mapping[str, Any] | None = None,
    best: adrs.Evaluation | None = None,
    description: Mapping[str, object] | None = None,
    between: list[adrs.Trial] | None = None,
) -> Winner:
    """The seed, what lies between, and a last trial that wins."""
    store = adrs.open_store(folder)
    chosen = {"seed": 2**60 + 1, "proposers": ("tune", "mutate"), **(settings or {})}
    run = store.create_run(task, adrs.RunSettings(str(task.folder), trials=9, **chosen)).name
    digest = store.keep_fingerprint(dict(description or {"cpu": "fast", "cores": 2}))
    between = between or []
    number = len(between) + 1
    parent = between[-1].number if between else 0
    program = task.seed.replacing({"solve.py": FASTER.encode()})
    last = trial(number, program, parent, plan="cheaper by a fifth")
    last = replace(
        last, candidate=replace(last.candidate, lineage=replace(last.lineage, **(lineage or {})))
    )
    facts: list[adrs.Fact] = []
    train, kept = adrs.Split.TRAIN, adrs.Admission(True, "better")
    for at, one in enumerate([trial(0, task.seed), *between, last]):
        factors = [0.7] * 10 if one is last else None
        facts.append(adrs.Asked(at, one))
        facts.append(adrs.Measured(one.number, evaluation(factors, train)))
        facts.append(adrs.Told(one.number, adrs.Score(1.0), kept))
    baseline = evaluation(fingerprint=digest)
    best = replace(best or evaluation(SHARES), fingerprint=digest)
    finding = adrs.judge_held_out(
        task.objective,
        task.brief.constraints,
        baseline,
        best,
        trial=number,
        salt=SALT,
        accept_isolation=str(chosen.get("accept_isolation", "")),
    )
    steady = evaluation([0.9] * 10, fingerprint=digest)
    measured = [(0, baseline), (number, best), ("steady", steady)]
    facts.append(adrs.Looked(number, SET, SALT))
    facts += [adrs.Measured(who, what) for who, what in measured]
    store.append(run, [*facts, adrs.Found(finding)])
    return Winner(store, run, task)


def forged(certificate: Certificate, change: Callable[[dict[str, Any]], object]) -> Certificate:
    """Changed by somebody who knows how ids are made."""
    content = certificate.model_dump(mode="json")
    change(content)
    return parse_certificate(with_own_id(content))


def with_own_id(content: dict[str, Any]) -> bytes:
    bare = {key: value for key, value in content.items() if key != "id"}
    return rfc8785.dumps({**bare, "id": hashlib.sha256(rfc8785.dumps(bare)).hexdigest()})


def write_for_ever(
    content: bytes, program: adrs.Program, task: Path, place: Path, says: Connection
) -> None:
    """Writes one winner's folder after the other, and says so after each."""
    certificate = parse_certificate(content)
    for number in count(int(certificate.run.name.removeprefix("toy-"))):
        this = renamed(certificate, f"toy-{number}")
        says.send(write_folder(this, program, task, place).name)


def renamed(certificate: Certificate, run: str) -> Certificate:
    """The same winner, of another run."""
    part = certificate.run.model_copy(update={"name": run})
    named = certificate.model_copy(update={"run": part})
    return named.model_copy(update={"id": named.own_id()})
