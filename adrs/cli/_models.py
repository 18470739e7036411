"""Models as they are named on the command line."""

from __future__ import annotations

from dataclasses import replace

from adrs.errors import ConfigError
from adrs.model.run import RunSettings

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
