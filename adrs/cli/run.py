"""`adrs run`: search, or go on with a search."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from adrs.cli._options import Json, StoreUrl
from adrs.errors import ConfigError


def run(
    task: Annotated[
        str | None, typer.Argument(metavar="TASK", help="A task's folder, or its name.")
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Go on with this run; its settings are in the record."),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(help="Candidates to evaluate, the seed not counted; 200 by default."),
    ] = None,
    proposer: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Repeatable; tune, mutate and cross by default."),
    ] = None,
    archive: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Who survives: islands, the default, or plain greedy."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of everything random in the search; 0 by default.")
    ] = None,
    max_minutes: Annotated[
        float | None,
        typer.Option(help="Start nothing new after so many minutes of work on this run."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(help="Evaluations at the same time; as many as cores by default."),
    ] = None,
    sandbox: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="auto, the default, bubblewrap or process."),
    ] = None,
    accept_isolation: Annotated[
        Literal["shared", "process"] | None,
        typer.Option(help="Declare a WINNER although the sandbox holds no more than this."),
    ] = None,
    executor: Annotated[
        str | None, typer.Option(metavar="NAME", help="Where evaluations run; local by default.")
    ] = None,
    workloads: Annotated[
        str | None, typer.Option(metavar="PATH", help="Real workloads, handed to the judge.")
    ] = None,
    adversary: Annotated[
        bool,
        typer.Option("--adversary", help="After the verdict, look for workloads that lose."),
    ] = False,
    counterexamples: Annotated[
        list[str] | None,
        typer.Option(metavar="RUN", help="Add what that run's adversary found to validation."),
    ] = None,
    store: StoreUrl = None,
    as_json: Json = False,
) -> None:
    """Search for a better program, and say how sure it is.

    What was found is kept in the store at every moment: Ctrl-C, or a crash, loses at most what is
    in flight, and --resume goes on.
    """
    from adrs.cli._defaults import default_settings
    from adrs.cli._engine import begin, go_on
    from adrs.cli._screen import Screen

    if max_minutes is not None and not 0 < max_minutes < math.inf:
        raise ConfigError(f"--max-minutes must be a number above 0, not {max_minutes:g}")
    chosen: dict[str, Any] = {
        "proposers": tuple(proposer) if proposer else None,
        "archive": archive,
        "seed": seed,
        "workers": workers,
        "sandbox": sandbox,
        "accept_isolation": accept_isolation,
        "executor": executor,
        "workloads": str(Path(workloads).resolve()) if workloads else None,
        "adversary": adversary or None,
        "counterexamples": tuple(counterexamples) if counterexamples else None,
    }
    given = {name: value for name, value in chosen.items() if value is not None}
    screen = Screen(as_json)
    if resume is not None:
        _refuse(["TASK"] * (task is not None) + [f"--{_option(name)}" for name in given])
        raise typer.Exit(go_on(screen, store, resume, trials, max_minutes))
    if task is None:
        raise ConfigError("name a TASK, or a run to go on with: adrs run --resume RUN")
    settings = replace(default_settings(task), max_minutes=max_minutes, **given)
    if trials is not None:
        settings = replace(settings, trials=trials)
    raise typer.Exit(begin(screen, store, settings))


def _refuse(extra: list[str]) -> None:
    if extra:
        raise ConfigError(
            f"{', '.join(extra)} cannot be given with --resume: task and settings come from the "
            "record. Leave out, or start a new run; --trials and --max-minutes may change"
        )


def _option(setting: str) -> str:
    return "proposer" if setting == "proposers" else setting.replace("_", "-")
