"""The one order in which archives compare trials."""

from __future__ import annotations

from adrs.model.metric import Direction
from adrs.model.trial import Trial


def rank(trial: Trial, direction: Direction) -> tuple[float, float]:
    """Sort key, best first: how far constraints are broken, then the objective's cautious bound."""
    assert trial.score is not None
    sign = 1.0 if direction is Direction.MINIMIZE else -1.0
    return (trial.score.violation, sign * trial.score.cautious(direction))
