"""Which programs are worth measuring again: each races the best one so far.

The rule, where its constants come from and what else was tried: docs/decisions/racing.md.
"""

from __future__ import annotations

import math

from adrs.model.evaluation import Score
from adrs.model.metric import Direction

# Measured so often, a program is known well enough to go to validation.
MOST = 20
# Given up is what lies so many standard errors of the difference behind. A program that is lost by
# this costs the search, never the verdict, so the value is the one that finds most per sample.
GIVE_UP = 1.0
# Believed is what lies so many ahead: seen by chance once in thirty thousand looks.
BELIEVE = 4.0


def more_repeats(
    score: Score, incumbent: Score, direction: Direction, min_effect: float = 0.0
) -> int:
    """How many more repeats a program is worth now; 0 once that is decided.

    A race (Maron and Moore, "Hoeffding races", NIPS 6, 1994) against one rival, of a bounded length
    (Heidrich-Meisner and Igel, "Hoeffding and Bernstein races for selecting policies in
    evolutionary direct policy search", ICML 2009). What is unsure comes from the pooled spread and
    not from Hoeffding's bound, as F-Race takes a test for it (Birattari et al., "A racing algorithm
    for configuring metaheuristics", GECCO 2002).

    Decided is what does not vary, differs from the incumbent in how far it breaks constraints, is
    clearly behind or clearly ahead, or was measured MOST times. Repeats come one by one, since each
    may decide.

    Args:
        incumbent: of the best trial so far, feasible before infeasible, then the cautious value.
        min_effect: relative improvement over the incumbent below which being better is not worth
            knowing.
    """
    decided = score.repeats >= MOST or score.violation != incumbent.violation
    if decided or score.error == 0.0:
        return 0
    gain = score.value - incumbent.value
    if direction is Direction.MINIMIZE:
        gain = -gain
    lead = gain - min_effect * abs(incumbent.value)
    unsure = math.hypot(score.error, incumbent.error)
    return int(-GIVE_UP * unsure <= lead <= BELIEVE * unsure)
