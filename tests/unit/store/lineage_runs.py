"""Small recorded runs, and git as a user has it, for tests of the git lineage."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from adrs import (
    Admission,
    Asked,
    Candidate,
    Fact,
    Lineage,
    Measured,
    Program,
    Score,
    Status,
    Store,
    Told,
    Trial,
)
from adrs.store.lineage import GitLineage
from adrs.testing.store_contract import SETTINGS, a_task, an_evaluation

KEPT = Admission(True, "better")


def program_of(number: int) -> Program:
    """Ten lines, of which the one at the number's place differs; in two folders."""
    lines = [b"line %d\n" % place for place in range(10)]
    lines[number % 10] = b"trial %d\n" % number
    return Program({"solve.py": b"".join(lines), "lib/deep/x.py": b"x = 1\n", "lib.py": b""})


def parents_of(number: int) -> tuple[int, ...]:
    """A tree with merges, whose second parent is the older one."""
    if number == 0:
        return ()
    return (number - 1,) if number % 3 else (max(0, number - 2), max(0, number - 3))


def a_run(store: Store, name: str = "toy") -> str:
    return store.create_run(a_task(name), SETTINGS).name


def tell(
    store: Store,
    run: str,
    number: int,
    value: float | None = None,
    *,
    program: Program | None = None,
    lineage: Lineage | None = None,
    island: int | None = None,
) -> Trial:
    """Records the whole life of a trial; one without a value crashes if its number is 7, 17, …"""
    parents = parents_of(number)
    made = lineage or Lineage("tune" if number else "seed", "1", parents, plan=f"step {number}")
    trial = Trial(
        number,
        Candidate(program or program_of(number), made),
        island=number % 3 if island is None else island,
    )
    crashed = value is None and number % 10 == 7
    figure = None if crashed else (value if value is not None else 1000.0 - number)
    status = Status.CRASHED if crashed else Status.SCORED
    facts: list[Fact] = [
        Asked(number, trial),
        Measured(number, an_evaluation(figure or 0.0, status=status)),
        Told(number, None if figure is None else Score(figure), KEPT),
    ]
    store.append(run, facts)
    return trial


def tell_many(store: Store, run: str, numbers: Sequence[int]) -> None:
    for number in numbers:
        tell(store, run, number)


def lineage_at(folder: Path) -> GitLineage:
    return GitLineage(folder / "store.sqlite")


def git(folder: Path, *arguments: str) -> str:
    """What plain git says, without the configuration of whoever runs the tests."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "somebody",
        "GIT_AUTHOR_EMAIL": "somebody@invalid",
        "GIT_COMMITTER_NAME": "somebody",
        "GIT_COMMITTER_EMAIL": "somebody@invalid",
    }
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def branches(repository: Path) -> dict[str, str]:
    told = git(repository, "for-each-ref", "--format=%(refname:short) %(objectname)")
    return dict(line.split(" ") for line in told.splitlines())
