"""What models cost, and what that bought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from adrs.archives import rank
from adrs.model.metric import Direction
from adrs.model.trial import Trial
from adrs.ports.store import Record


def costs(record: Record, run: str) -> dict[str, Any]:
    """Money and tokens of a run's model calls, for `summarize`.

    `usd` and `tokens` are what a budget counts: calls whose end nobody knows are in them at the
    most that they can have cost, and once more alone in `models`.
    """
    spending = record.spending(run)
    return {
        "usd": round(spending.usd, 6),
        "tokens": spending.tokens,
        "models": asdict(spending) if spending.calls else None,
    }


def add_cost_of_best(summary: dict[str, Any], record: Record, run: str, best: Trial | None) -> None:
    """Adds what the lineage of the best cost, and what a new best cost on average."""
    if summary["models"] is None:
        return
    direction = record.task(run).objective.metric.direction
    told = record.told(run)
    by_number = {trial.number: trial for trial in told}
    found = _new_bests(told, direction)
    by_model = [trial for trial in found if trial.lineage.author]
    summary["models"] |= {
        "usd_of_best": round(_lineage_usd(best, by_number), 6),
        "new_bests": len(by_model),
        "usd_per_new_best": round(summary["usd"] / len(by_model), 6) if by_model else None,
    }


def _new_bests(told: Sequence[Trial], direction: Direction) -> list[Trial]:
    """Trials that were the best when they were told, the seed left out."""
    found: list[Trial] = []
    best: Trial | None = None
    for trial in told:
        if trial.score is None:
            continue
        if best is None or rank(trial, direction) < rank(best, direction):
            best = trial
            if trial.number:
                found.append(trial)
    return found


def _lineage_usd(best: Trial | None, by_number: dict[int, Trial]) -> float:
    """What the steps from the seed to a trial cost, first parents only."""
    usd = 0.0
    while best is not None:
        usd += best.lineage.usd
        parents = best.lineage.parents
        best = by_number.get(parents[0]) if parents else None
    return usd
