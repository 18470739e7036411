"""What the models of a run will roughly cost, before any is asked."""

from __future__ import annotations

import math
from dataclasses import dataclass

from adrs.model.run import RunSettings
from adrs.model.task import Task
from adrs.search.calls import price_list

# Bytes of English and code to a token, and what a prompt has beside statement and programs.
_BYTES_A_TOKEN = 4
_FRAME_BYTES = 8_000
# Tokens of a plan of several ideas and of an edit; reasoning models take several times as many.
_PLAN_TOKENS = 900
_EDIT_TOKENS = 700
# Repairs and answers that cannot be used, for each edit.
_AGAIN = 1.3


@dataclass(frozen=True, slots=True)
class Estimate:
    """Tokens and USD for all trials of the proposers that wait, within a factor of three or so.

    Attributes:
        usd: None where a model has no price.
        trials: how many of the run's trials are theirs, at equal shares.
    """

    trials: int
    tokens_in: int
    tokens_out: int
    usd: float | None


def estimate(task: Task, settings: RunSettings, waiting: int) -> Estimate:
    """What models will take.

    Args:
        waiting: how many of the run's proposers ask models.

    Raises:
        ConfigError: the price table cannot be used, or a limit of money lacks a price.
    """
    trials = math.ceil(settings.trials * waiting / max(1, len(settings.proposers)))
    program = sum(map(len, task.seed.files.values()))
    shown = (len(task.brief.statement.encode()) + 2 * program + _FRAME_BYTES) / _BYTES_A_TOKEN
    plans = trials / settings.ideas
    tokens_in = round(plans * shown + trials * shown * _AGAIN)
    tokens_out = round(plans * _PLAN_TOKENS + trials * _EDIT_TOKENS * _AGAIN)
    prices, total, usd = price_list(settings), 0.0, 0.0
    for name, weight in settings.models:
        if name not in prices:
            return Estimate(trials, tokens_in, tokens_out, None)
        total += weight
        usd += weight * prices[name].usd(tokens_in, tokens_out)
    return Estimate(trials, tokens_in, tokens_out, usd / total if total else None)
