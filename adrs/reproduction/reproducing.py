"""Computes a recorded run again, from its inputs to its verdict, up to the first difference."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from adrs import plugins
from adrs.errors import ConfigError, RunIsLive
from adrs.model.evaluation import Evaluation
from adrs.model.program import Program
from adrs.model.run import RunInfo, RunSettings
from adrs.model.task import Task
from adrs.ports.evaluator import Bench, Evaluator, Setting
from adrs.ports.store import Store
from adrs.reproduction.answers import RecordedAnswers
from adrs.reproduction.difference import Difference, Differs
from adrs.reproduction.inputs import check_bytes, check_task
from adrs.reproduction.proposals import Retelling
from adrs.reproduction.remeasuring import Remeasuring
from adrs.reproduction.rerun import Rerun
from adrs.reproduction.surroundings import Surroundings
from adrs.reproduction.verdict import check_verdict
from adrs.reproduction.watching import Watcher
from adrs.search import LocalExecutor, choose_sandbox, prepare_environment
from adrs.search.assembly import deciders
from adrs.search.desk import Desk

_NO_WALLS = "process"


@dataclass(frozen=True, slots=True)
class Means:
    """With what a run is measured again.

    Attributes:
        trials: numbers up to this one are measured; None for all.
        sandbox: a name; "" for that of the run, unless it had no walls.
        may_build: whether the sandbox may build what the task's environment lacks.
    """

    trials: int | None = None
    sandbox: str = ""
    may_build: bool = True


@dataclass(slots=True)
class Reproduction:
    """What came of computing a run again.

    Attributes:
        proposals: compared, the seed not counted.
        measured: trials that were measured again, the seed included.
        difference: the first one; None if there is none.
        notes: what is otherwise here and makes no difference, in words.
    """

    run: str
    proposals: int = 0
    measured: int = 0
    difference: Difference | None = None
    notes: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Whether everything came out as it is recorded."""
        return self.difference is None


async def reproduce(
    store: Store, name: str, task: Task, means: Means, watcher: Watcher
) -> Reproduction:
    """Computes a run again. Reads the store and writes nothing to it; asks no model.

    Args:
        task: as it is in its folder now.

    Raises:
        RunIsLive: an engine works on the run.
        ConfigError: nothing of it was told, or real workloads are not there any more.
        PluginError: a plug-in that the run used is not installed.
        Unavailable: no sandbox can measure here, or the store cannot be read.
    """
    info = store.run(name)
    _check_state(info)
    surroundings = Surroundings(store, task, info.settings.seed)
    found = Reproduction(name)
    try:
        await _computed(store, info, task, means, surroundings, found, watcher)
    except Differs as error:
        found.difference = error.difference
    found.notes = tuple(surroundings.notes)
    return found


def _check_state(info: RunInfo) -> None:
    if info.live:
        raise RunIsLive(
            f"an engine works on {info.name}, so its record is not complete; wait for it, or end "
            f"it with: adrs stop {info.name}"
        )
    if info.told == 0:
        raise ConfigError(f"{info.name} has no told trial, so there is nothing to reproduce")


async def _computed(
    store: Store,
    info: RunInfo,
    task: Task,
    means: Means,
    surroundings: Surroundings,
    found: Reproduction,
    watcher: Watcher,
) -> None:
    name, settings = info.name, info.settings
    watcher.phase("comparing stored bytes with their hashes")
    check_bytes(store, name)
    recorded = store.task(name)
    if remark := check_task(info, recorded, task):
        surroundings.note(remark)
    proposers, archive = deciders(recorded, settings)
    desk = Desk(store, name, RecordedAnswers(store, name, surroundings), settings.rehearse)
    desk.place = _nowhere
    run = Rerun(name, recorded, proposers, archive, store, desk)
    retelling = _read(run, store, surroundings)
    surroundings.compare_proposers(proposers, retelling.lineages)
    surroundings.compare_engine(retelling.evaluations)
    watcher.phase("proposing again")
    try:
        await retelling.go(watcher)
    finally:
        found.proposals = retelling.proposals
    check_verdict(run, store)
    watcher.phase("opening sandboxes")
    async with _bench(task, settings, means, watcher) as bench:
        most = info.asked if means.trials is None else means.trials
        again = Remeasuring(run, store, bench, list(retelling.told.values()), most, surroundings)
        try:
            await again.go(watcher)
        finally:
            found.measured = again.measured


def _read(run: Rerun, store: Store, surroundings: Surroundings) -> Retelling:
    try:
        return Retelling(run, store, surroundings)
    except (ValueError, KeyError, TypeError) as error:  # of JSON that is not what we write
        raise Differs(
            Difference(
                "what is recorded of trials, rejections and rounds",
                "rows that can be read",
                f"{type(error).__name__}: {error}",
                "the store's file was changed after it was written",
                "take a copy of the store from before",
            )
        ) from error


@asynccontextmanager
async def _bench(
    task: Task, settings: RunSettings, means: Means, watcher: Watcher
) -> AsyncIterator[Bench]:
    """As many programs at a time as the run measured, as far as there are cores for it."""
    source = Path(settings.workloads) if settings.workloads else None
    if source is not None and not source.exists():
        raise ConfigError(
            f"the run was measured on the real workloads in {source}, and nothing is there any "
            "more; put them back"
        )
    usual = "auto" if settings.sandbox == _NO_WALLS else settings.sandbox
    sandbox = await choose_sandbox(means.sandbox or usual)
    await prepare_environment(sandbox, task.environment, means.may_build, watcher.phase)
    evaluator = cast("Evaluator", plugins.load("adrs.evaluators", task.evaluator.use)())
    workers = min(settings.workers, len(os.sched_getaffinity(0)))
    executor = LocalExecutor(1 if task.timed else workers)
    bench = await executor.open(evaluator, Setting(task, sandbox, source))
    try:
        yield bench
    finally:
        await bench.close()


async def _nowhere(program: Program) -> Evaluation:
    """Where drafts are tried: they were, and what came of it is recorded."""
    raise Differs(
        Difference(
            "a draft that was tried before it was proposed",
            "one of the drafts that are recorded",
            f"the program {program.id[:16]}...",
            "the proposer writes something else of the same answer",
            "see what is recorded with `adrs show`",
        )
    )
