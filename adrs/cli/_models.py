"""Models on the command line: how they are named, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from adrs.cli._text import harmless
from adrs.errors import ConfigError
from adrs.model.run import RunSettings
from adrs.model.task import Task

_RECORD = "record:"


def models_of(named: list[str]) -> tuple[tuple[tuple[str, float], ...], str]:
    """Names with weights, and the run whose record is to answer in their place.

    Raises:
        ConfigError: a weight that is not a number.
        ConfigError: a model named twice, or one beside a record.
    """
    if any(name.startswith(_RECORD) for name in named):
        run = named[0].removeprefix(_RECORD)
        if len(named) > 1 or not run:
            raise ConfigError(
                "--model record:RUN answers everything from the record of one run; "
                "name that run, and no other model"
            )
        return (), run
    models: dict[str, float] = {}
    for each in named:
        name, equals, weight = each.rpartition("=")
        if not equals:
            name, weight = each, "1"
        try:
            value = float(weight)
        except ValueError:
            raise ConfigError(f"--model is NAME or NAME=WEIGHT, not {each!a}") from None
        if name.startswith("sk-"):
            raise ConfigError(
                "--model is the name of a model, and this looks like a key; keys go into the "
                "environment variable OPENAI_API_KEY and nowhere else"
            )
        if name in models:
            raise ConfigError(f"--model {name} is named twice; give it one weight")
        models[name] = value
    return tuple(models.items()), ""


def settings_of_record(url: str | None, run: str) -> RunSettings:
    """The settings of a run whose record answers: what is asked has to be the same again.

    Raises:
        NotInStore: there is no such run.
        ConfigError: it had no model.
    """
    from adrs.cli._looking import opened

    with opened(url) as store:
        settings = store.run(run).settings
    if not settings.models and not settings.strong_model:
        raise ConfigError(f"{run} asked no model, so its record has no answers; name another run")
    return replace(settings, replays=run, max_minutes=None)


def model_words(task: Task, settings: RunSettings) -> Iterator[str]:
    """Which models are asked, and what that will roughly cost."""
    from adrs.cli._defaults import PLANNER
    from adrs.search import estimate

    if settings.replays:
        yield f"answers of models come from the record of {harmless(settings.replays)}"
        return
    if not settings.models and not settings.strong_model:
        return
    names = [f"{harmless(name, 60)} x {weight:g}" for name, weight in settings.models]
    if settings.strong_model:
        names.append(f"{harmless(settings.strong_model, 60)} when the search stalls")
    yield (
        f"models {', '.join(names)}; {settings.calls_in_flight} calls in flight, "
        f"{settings.ideas} ideas a round"
    )
    found = estimate(task, settings, int(PLANNER in settings.proposers))
    price = "no price is known" if found.usd is None else f"about {usd(found.usd)} at list prices"
    limits = [] if settings.max_usd is None else [f"at most {usd(settings.max_usd)}"]
    limits += [] if settings.max_tokens is None else [f"at most {tokens(settings.max_tokens)}"]
    yield ", ".join(
        [
            f"roughly {tokens(found.tokens_in)} in and {tokens(found.tokens_out)} out for "
            f"{found.trials} of the trials, {price}",
            *limits,
        ]
    )


def spending_words(summary: Mapping[str, Any], settings: RunSettings) -> Iterator[tuple[str, str]]:
    """What models cost so far and what that bought, as titles and words."""
    spent = summary["models"]
    if spent is None:
        return
    priced = bool(summary["usd"]) or settings.max_usd is not None
    limit = "" if settings.max_tokens is None else f" of {settings.max_tokens}"
    took = f"{tokens(summary['tokens'])}{limit}"
    if priced:
        of = "" if settings.max_usd is None else f" of {usd(settings.max_usd)}"
        doubt = spent["doubtful_usd"]
        doubtful = f", {usd(doubt)} of it for calls whose end is unknown" if doubt else ""
        took = f"{usd(summary['usd'])}{of}{doubtful}, {took}"
    yield "models", took
    calls = ", ".join(f"{count} {status}" for status, count in sorted(spent["calls"].items()))
    replayed = f"; {spent['replayed']} from a record" if spent["replayed"] else ""
    yield "calls", f"{calls}{replayed}"
    if priced and len(spent["by_model"]) > 1:
        shares = (f"{harmless(name, 60)} {usd(cost)}" for name, cost in spent["by_model"].items())
        yield "by model", ", ".join(shares)
    if "new_bests" in spent:
        count, each = spent["new_bests"], spent["usd_per_new_best"]
        bought = f"{count} new {'best' if count == 1 else 'bests'} by models"
        if priced:
            bought += "" if each is None else f", {usd(each)} each"
            bought += f"; the steps to the best cost {usd(spent['usd_of_best'])}"
        yield "bought", bought


def usd(amount: float) -> str:
    """Money, to the cent or to two digits."""
    return f"${amount:.2f}" if amount >= 1 or amount == 0 else f"${amount:.2g}"


def tokens(count: int) -> str:
    """A number of tokens, rounded."""
    return f"{count / 1000:.0f} k tokens" if count >= 10_000 else f"{count} tokens"
