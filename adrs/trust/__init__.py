"""How sure a figure is, and what may be said of the best program. Pure: no clocks, no I/O."""

from adrs.trust._intervals import effect_interval, mean_interval, objective_interval
from adrs.trust._noise import Noise
from adrs.trust._race import more_repeats
from adrs.trust._verdict import judge_held_out, measured_effect

__all__ = [
    "Noise",
    "effect_interval",
    "judge_held_out",
    "mean_interval",
    "measured_effect",
    "more_repeats",
    "objective_interval",
]
