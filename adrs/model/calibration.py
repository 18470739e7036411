"""How far a program differs from itself when it is measured again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Calibration:
    """What measuring the seed several times said about this judge on this machine.

    Attributes:
        repeats: how often the seed was measured on the search split.
        deterministic: declared so, and every repeat gave the same figures.
        spread: relative standard deviation of the objective from repeat to repeat; a single
            measurement cannot tell apart what differs by less.
        cpu_spread: that of the seed's CPU seconds, the machine's noise floor.
        wall_spread: that of its elapsed seconds.
        contradiction: the figures that differ although the task declares its judge deterministic,
            in words; "" if there are none.
    """

    repeats: int
    deterministic: bool
    spread: float
    cpu_spread: float
    wall_spread: float
    contradiction: str = ""
