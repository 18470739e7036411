"""Which programs are worth measuring again."""

from __future__ import annotations

import math

from adrs.model.evaluation import Score
from adrs.model.metric import Direction

MOST = 10
# So many standard errors behind the incumbent a program is given up, and ahead it is believed.
GIVE_UP = 1.0
BELIEVE = 4.0


def more_repeats(
    score: Score, incumbent: Score, direction: Direction, min_effect: float = 0.0
) -> int:
    """How many more repeats a program is worth now; 0 once that is decided.

    Args:
        incumbent: of the best trial so far, feasible before infeasible, then the cautious value.
        min_effect: relative improvement below which a difference does not matter.
    """
    if score.error == 0.0 or score.repeats >= MOST or score.violation != incumbent.violation:
        return 0
    sign = 1.0 if direction is Direction.MAXIMIZE else -1.0
    bar = incumbent.value + sign * min_effect * abs(incumbent.value)
    lead = sign * (score.value - bar)
    unsure = math.hypot(score.error, incumbent.error)
    if lead < -GIVE_UP * unsure or lead > BELIEVE * unsure:
        return 0
    return min(score.repeats, MOST - score.repeats)
