"""Whether a recorded run comes out the same when all of it is computed again."""

from adrs.reproduction.difference import Difference
from adrs.reproduction.reproducing import Means, Reproduction, reproduce
from adrs.reproduction.watching import Watcher

__all__ = ["Difference", "Means", "Reproduction", "Watcher", "reproduce"]
