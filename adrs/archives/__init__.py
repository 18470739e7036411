"""Who survives: pure, seeded, no I/O."""

from adrs.archives._greedy import Greedy
from adrs.archives._islands import Islands
from adrs.archives._ranking import rank

__all__ = ["Greedy", "Islands", "rank"]
