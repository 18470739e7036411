"""Names of a run's settings turned into objects, once, at the edge."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import cast

from adrs import plugins
from adrs.config import load_task
from adrs.errors import ConfigError, PluginError, SandboxUnavailable
from adrs.model.isolation import NEEDED_FOR_WINNER, IsolationLevel
from adrs.model.run import RunInfo, RunSettings
from adrs.model.task import Task
from adrs.ports.archive import Archive
from adrs.ports.evaluator import Evaluator, Executor
from adrs.ports.model import ModelServer
from adrs.ports.proposer import Proposer
from adrs.ports.sandbox import Sandbox
from adrs.ports.store import Store
from adrs.search.calls import ModelCalls, Replay, price_list
from adrs.search.desk import Desk
from adrs.search.run import Run
from adrs.search.search import Observer, Search
from adrs.search.validation import known_counterexamples

# What `auto` tries, in this order; others have to be asked for by name.
_AUTO = ("bubblewrap", "docker")
# Far more than tells one model from another, and far less than sums can bear.
_MOST_WEIGHT = 1e9


def new_run(store: Store, task: Task, settings: RunSettings) -> RunInfo:
    """Records a new run of a task.

    Raises:
        PluginError: a proposer, archive or executor that is not installed.
        ConfigError: a setting that makes no sense.
        NotInStore: a run whose counterexamples are asked for is not there.
    """
    check_settings(store, settings)
    if settings.workloads and not Path(settings.workloads).exists():
        raise ConfigError(f"--workloads {settings.workloads}: there is no such file or folder")
    known_counterexamples(store, settings.counterexamples, task)
    for name in settings.proposers:
        plugins.load("adrs.proposers", name)
    for group, name in (("adrs.archives", settings.archive), ("adrs.executors", settings.executor)):
        plugins.load(group, name)
    return store.create_run(task, settings)


def check_settings(store: Store, settings: RunSettings) -> None:
    """Sees that numbers make sense and that what models need is there.

    Raises:
        ConfigError: a number that makes no sense.
        ConfigError: a key, an address or a price is missing or cannot be used.
        NotInStore: the run whose record is to answer is not there.
    """
    for option, count in (("--trials", settings.trials), ("--workers", settings.workers)):
        if count < 1:
            raise ConfigError(f"{option} must be at least 1, not {count}")
    positive = {
        "--max-usd": settings.max_usd,
        "--max-tokens": settings.max_tokens,
        "--calls-in-flight": settings.calls_in_flight,
        "--call-timeout": settings.call_timeout_s,
        "--answer-tokens": settings.answer_tokens,
        "--ideas": settings.ideas,
    }
    for option, value in positive.items():
        if value is not None and not 0 < value < math.inf:
            raise ConfigError(f"{option} must be above 0, and finite, not {value}")
    for name, weight in settings.models:
        if not name or not 0 < weight <= _MOST_WEIGHT:
            raise ConfigError(
                f"--model is NAME or NAME=WEIGHT above 0 and up to {_MOST_WEIGHT:g}, not "
                f"{name}={weight:g}"
            )
    _check_words(settings)
    if settings.replays:
        store.run(settings.replays)
        return
    if settings.models or settings.strong_model:
        price_list(settings)
        plugins.load("adrs.models", settings.server)(settings.base_url)


def _check_words(settings: RunSettings) -> None:
    """Sees that names can be shown, and that all that a server is told can be sent."""
    told: list[tuple[str, object]] = [("model", name) for name, _ in settings.models]
    told += [("strong_model", settings.strong_model), *settings.model_parameters]
    for name, value in told:
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, str) and not value.isprintable():
            raise ConfigError(f"{option} must be printable characters, not {value[:80]!a}")
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"{option} must be finite, not {value:g}")


async def assemble(store: Store, name: str, observer: Observer, may_build: bool = True) -> Search:
    """An engine for a recorded run, new or to be resumed. The caller holds `store.claim(name)`.

    Args:
        may_build: whether the sandbox may build what the task's environment lacks.

    Raises:
        ConfigError: the task's folder changed since the run was created.
        PluginError: a plug-in that the run used is not installed.
        SandboxUnavailable: the sandbox asked for cannot run here.
    """
    info = store.run(name)
    settings = info.settings
    task = load_task(settings.task)
    if task.digest != info.task_digest:
        raise ConfigError(
            f"run {name} was started on another version of the task in {settings.task}; its "
            "figures would not be comparable. Put the folder back as it was, or start a new run"
        )
    proposers, archive = deciders(task, settings)
    make_executor = cast(
        "Callable[[int], Executor]", plugins.load("adrs.executors", settings.executor)
    )
    evaluator = cast("Evaluator", plugins.load("adrs.evaluators", task.evaluator.use)())
    sandbox = await choose_sandbox(settings.sandbox)
    waiting = any(proposer.waits_for == "model" for proposer in proposers)
    calls = model_calls(store, name, settings, observer.phase) if waiting else None
    desk = Desk(store, name, calls, settings.rehearse)
    run = Run(name, task, proposers, archive, store, desk)
    executor = make_executor(settings.workers)
    return Search(run, evaluator, executor, sandbox, observer, may_build)


def deciders(task: Task, settings: RunSettings) -> tuple[list[Proposer], Archive]:
    """The proposers and the archive of a run, which know nothing yet.

    Raises:
        PluginError: one is not installed, or lacks what it must have.
    """
    proposers = [_proposer(proposer) for proposer in settings.proposers]
    make_archive = cast("Callable[..., Archive]", plugins.load("adrs.archives", settings.archive))
    return proposers, make_archive(task.objective.metric.direction, settings.seed)


def model_calls(
    store: Store, run: str, settings: RunSettings, say: Callable[[str], None]
) -> ModelCalls | None:
    """The models of a run; None if it has none.

    Raises:
        ConfigError: a key, an address or a price is missing or cannot be used.
        NotInStore: the run whose record is to answer is not there.
    """
    if settings.replays:
        replay = Replay.of(store, settings.replays)
        return ModelCalls(store, run, settings, None, replay, say=say)
    if not settings.models and not settings.strong_model:
        return None
    make = cast("Callable[[str], ModelServer]", plugins.load("adrs.models", settings.server))
    return ModelCalls(store, run, settings, make(settings.base_url), say=say)


def _proposer(name: str) -> Proposer:
    made = plugins.load("adrs.proposers", name)()
    if not isinstance(made, Proposer) or made.waits_for not in ("", "model", "agent"):
        raise PluginError(
            f"the proposer {name} must have name, version, confined (whether it is kept from the "
            'task\'s files) and waits_for ("model", "agent", or "" for nothing) beside its '
            "methods; its author has to add what is missing"
        )
    return made


async def choose_sandbox(name: str) -> Sandbox:
    """The sandbox of a name; "auto" is the first that holds all that a WINNER needs.

    Raises:
        PluginError: there is no sandbox of that name.
        SandboxUnavailable: it cannot run here, or none is good enough for "auto".
    """
    if name != "auto":
        sandbox = cast("Sandbox", plugins.load("adrs.sandboxes", name)())
        probe = await sandbox.probe()
        if probe.unavailable:
            raise SandboxUnavailable(f"the sandbox {name} cannot run here: {probe.unavailable}")
        return sandbox
    installed = {plugin.name for plugin in plugins.installed_plugins("adrs.sandboxes")}
    reasons = []
    for candidate in _AUTO:
        if candidate not in installed:
            continue
        sandbox = cast("Sandbox", plugins.load("adrs.sandboxes", candidate)())
        probe = await sandbox.probe()
        missing = [g for g in NEEDED_FOR_WINNER if g not in probe.holds]
        if not probe.unavailable and not missing and probe.level is IsolationLevel.SEPARATE:
            return sandbox
        lacking = "; ".join(f"{g}: {probe.missing.get(g, 'not held')}" for g in missing)
        reasons.append(f"{candidate}: {probe.unavailable or lacking}")
    raise SandboxUnavailable(
        "no sandbox on this machine holds what a trusted result needs. "
        + " ".join(reasons)
        + " `adrs doctor` shows all; --sandbox process runs without walls, for trying things out"
    )
