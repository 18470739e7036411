"""Finding what a command is asked to look at."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from adrs.cli._text import gain, harmless, significant
from adrs.errors import ConfigError, NotInStore
from adrs.model.evaluation import Status
from adrs.model.metric import Aggregate, Objective
from adrs.model.run import RunInfo, RunStatus
from adrs.model.task import Task
from adrs.model.trial import Trial
from adrs.ports.store import Record, Store
from adrs.search import gains


@contextmanager
def opened(url: str | None, *, create: bool = False) -> Iterator[Store]:
    """The store of a command; those that only look never make one."""
    from adrs.store import open_store

    store = open_store(url, create=create)
    try:
        yield store
    finally:
        store.close()


def winners_folder(url: str | None) -> Path:
    """Where the certificates of a store's winners are written: beside its file."""
    place = url or os.environ.get("ADRS_STORE") or ".adrs"
    scheme, found, rest = place.partition("://")
    if not found:
        return Path(place) / "winners"
    return Path(rest[1:]).parent / "winners" if scheme == "sqlite" else Path("winners")


def run_named(record: Record, name: str | None) -> RunInfo:
    """A run by name; the latest without one.

    Raises:
        NotInStore: there is no such run, or none at all.
    """
    if name is not None:
        return record.run(name)
    runs = record.runs()
    if not runs:
        raise NotInStore("this store has no run yet; `adrs run TASK` makes one")
    return runs[0]


def trial_named(record: Record, name: str) -> tuple[RunInfo, Trial]:
    """A trial by RUN/NUMBER, or by NUMBER in the latest run.

    Raises:
        ConfigError: `name` is neither.
        NotInStore: there is no such run or trial.
    """
    run, _, number = name.rpartition("/")
    if not (number.isascii() and number.isdigit()) or len(number) > 9:
        raise ConfigError(
            f"a trial is RUN/NUMBER, or NUMBER in the latest run, not {name!a}; "
            "`adrs trials` lists them"
        )
    info = run_named(record, run or None)
    return info, record.trial(info.name, int(number))


def killed(info: RunInfo) -> bool:
    """Whether the run's engine is gone without having said goodbye."""
    return info.status is RunStatus.RUNNING and not info.live


def standing(info: RunInfo) -> str:
    """How a run stands, in a word."""
    if killed(info):
        return "killed"
    return "stopping" if info.live and info.stop_requested else info.status.value


def resume_command(run: str, url: str | None, more: str = "") -> str:
    """What to type to go on with a run."""
    return f"adrs run --resume {run}{more}{store_option(url)}"


def store_option(url: str | None) -> str:
    """The option that leads another command to the same store."""
    from shlex import quote

    return "" if url is None else f" --store {quote(url)}"


def trial_record(run: str, trial: Trial, base: Trial, task: Task) -> dict[str, object]:
    """A trial as plain data, without the text of its program.

    Args:
        base: trial 0 of the run; `gains` are over it, split by split.
    """
    return {
        "trial": f"{run}/{trial.number}",
        "number": trial.number,
        "program": trial.program.id,
        "island": trial.island,
        "status": trial.status,
        "score": trial.score and {**asdict(trial.score), "feasible": trial.score.feasible},
        "gains": gains(trial, base, task) if trial.number else {},
        "admission": trial.admission and asdict(trial.admission),
        "lineage": asdict(trial.lineage),
    }


def scored(trial: Trial, base: Trial | None, task: Task) -> str:
    """A trial's score, its standard error and what it is worth against the seed, in words.

    Without a score, why a trial that was SCORED has none; "-" for any other.
    """
    if trial.score is None:
        if trial.admission is None or trial.status is not Status.SCORED:
            return "-"
        return harmless(trial.admission.reason, 60)
    words = significant(trial.score.value)
    if trial.score.error:
        words += f" ± {significant(trial.score.error)}"
    if base is not None and trial.number > 0:
        shares = [gain(share) for share in gains(trial, base, task).values()]
        words += f" ({shares[0]})" if shares else ""
    return words if trial.score.feasible else f"{words}, violates a constraint"


def elsewhere(trial: Trial, base: Trial | None, task: Task) -> dict[str, str]:
    """What a trial is worth on validation and held-out, as far as it was measured there."""
    if base is None or trial.number == 0:
        return {}
    found = gains(trial, base, task)
    found.pop(task.search_split, None)
    return {split.replace("_", "-"): gain(share) for split, share in found.items()}


def title_of(objective: Objective) -> str:
    """What a column of objective figures is called."""
    metric = objective.metric
    if objective.aggregate is Aggregate.GEOMEAN_RATIO:
        return f"{metric.name} / seed's"
    return metric.name if metric.unit == "1" else f"{metric.name} ({metric.unit})"
