"""`adrs run`: search, or go on with a search."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from adrs.cli._options import Json, NoBuild, StoreUrl
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
        typer.Option(
            metavar="NAME",
            help="Repeatable; tune, mutate and cross by default, and planner if there is a model.",
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=WEIGHT]",
            help="A model for the planner; repeatable. record:RUN answers from that run's record.",
        ),
    ] = None,
    strong_model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Asked in place of the others when the search stalls."),
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Of an OpenAI-compatible server; the key is in OPENAI_API_KEY."
        ),
    ] = None,
    max_usd: Annotated[
        float | None, typer.Option(help="Most that models may cost; no call is made beyond it.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(help="Most tokens that models may take, in and out.")
    ] = None,
    prices: Annotated[
        str | None, typer.Option(metavar="FILE", help="A price table in place of the shipped one.")
    ] = None,
    calls_in_flight: Annotated[
        int | None, typer.Option(help="Calls of models at the same time; 8 by default.")
    ] = None,
    call_timeout: Annotated[
        float | None, typer.Option(help="Seconds after which a call is given up; 300 by default.")
    ] = None,
    answer_tokens: Annotated[
        int | None,
        typer.Option(
            help="Most tokens of an answer, reasoning included; 8192 to 16384 by default."
        ),
    ] = None,
    ideas: Annotated[
        int | None, typer.Option(help="Ideas asked for in one round of the planner; 4 by default.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(help="What models are told; the server's default otherwise.")
    ] = None,
    reasoning_effort: Annotated[
        str | None, typer.Option(metavar="LEVEL", help="What reasoning models are told, as high.")
    ] = None,
    rehearse: Annotated[
        bool,
        typer.Option("--rehearse", help="Let the planner try drafts on smoke and mend what fails."),
    ] = False,
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
        typer.Option(metavar="NAME", help="auto, the default, bubblewrap, docker or process."),
    ] = None,
    no_build: NoBuild = False,
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
    from adrs.cli._defaults import PLANNER, default_settings
    from adrs.cli._engine import begin, go_on
    from adrs.cli._models import models_of, settings_of_record
    from adrs.cli._screen import Screen

    if max_minutes is not None and not 0 < max_minutes < math.inf:
        raise ConfigError(f"--max-minutes must be a number above 0, not {max_minutes:g}")
    models, replays = models_of(model or [])
    told = {"temperature": temperature, "reasoning_effort": reasoning_effort}
    parameters = tuple((key, value) for key, value in told.items() if value is not None)
    limits: dict[str, Any] = {
        "trials": trials,
        "max_minutes": max_minutes,
        "max_usd": max_usd,
        "max_tokens": max_tokens,
        "calls_in_flight": calls_in_flight,
    }
    limits = {name: value for name, value in limits.items() if value is not None}
    chosen: dict[str, Any] = {
        "models": models or None,
        "replays": replays or None,
        "strong_model": strong_model,
        "base_url": base_url,
        "prices": str(Path(prices).resolve()) if prices else None,
        "call_timeout_s": call_timeout,
        "answer_tokens": answer_tokens,
        "ideas": ideas,
        "model_parameters": parameters or None,
        "rehearse": rehearse or None,
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
        raise typer.Exit(go_on(screen, store, resume, limits, not no_build))
    if task is None:
        raise ConfigError("name a TASK, or a run to go on with: adrs run --resume RUN")
    has_model = bool(models or strong_model)
    usual = settings_of_record(store, replays) if replays else default_settings(task, has_model)
    settings = replace(usual, task=task, **{**given, **limits})
    if PLANNER in settings.proposers and not (settings.models or settings.strong_model):
        raise ConfigError(
            "the planner needs a model: --model NAME with a key in OPENAI_API_KEY, or with "
            "--base-url of a server of your own; or leave --proposer planner out"
        )
    raise typer.Exit(begin(screen, store, settings, not no_build))


def _refuse(extra: list[str]) -> None:
    if extra:
        raise ConfigError(
            f"{', '.join(extra)} cannot be given with --resume: task and settings come from the "
            "record. Leave out, or start a new run; --trials, --max-minutes, --max-usd, "
            "--max-tokens and --calls-in-flight may change, and --no-build may be given"
        )


def _option(setting: str) -> str:
    return _OPTIONS.get(setting, setting.replace("_", "-"))


_OPTIONS = {
    "proposers": "proposer",
    "models": "model",
    "replays": "model",
    "call_timeout_s": "call-timeout",
    "model_parameters": "temperature or --reasoning-effort",
}
