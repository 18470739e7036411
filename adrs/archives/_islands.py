"""Islands of elites with ring migration.

Tanese, "Distributed genetic algorithms" (ICGA 1989), for islands with migration; rank selection
after Whitley, "The GENITOR algorithm and selection pressure" (ICGA 1989).
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from random import Random

from adrs.archives._ranking import rank
from adrs.model.metric import Direction
from adrs.model.trial import Admission, Selection, Trial

# Programs that measure exactly the same are mostly neutral rewrites of each other; two of a kind
# leave room to drift without filling an island with copies.
_ALIKE = 2


class Island:
    """A bounded population, best first, with its own random stream."""

    def __init__(self, number: int, seed: int, capacity: int, direction: Direction) -> None:
        self._number = number
        self._seed = seed
        self._capacity = capacity
        self._direction = direction
        self.members: list[Trial] = []

    def _rank(self, trial: Trial) -> tuple[float, float]:
        return rank(trial, self._direction)

    def admits(self, trial: Trial) -> bool:
        """Whether there is room for the trial, or a worse member to leave."""
        key = self._rank(trial)
        return (
            len(self.members) < self._capacity
            or key < self._rank(self.members[-1])
            or len(self._alike(key)) >= _ALIKE
        )

    def _alike(self, key: tuple[float, float]) -> list[Trial]:
        return [member for member in self.members if self._rank(member) == key]

    def add(self, trial: Trial) -> tuple[bool, Trial | None]:
        """Whether the trial was taken in, and which one had to leave."""
        if not self.admits(trial):
            return False, None
        key = self._rank(trial)
        alike = self._alike(key)
        displaced = None
        if len(alike) >= _ALIKE:
            displaced = min(alike, key=lambda member: member.number)
        elif len(self.members) >= self._capacity:
            displaced = self.members[-1]
        if displaced is not None:
            self.members.remove(displaced)
        insort(self.members, trial, key=lambda member: (*self._rank(member), -member.number))
        return True, displaced

    def choose(self, ordinal: int, others: Sequence[Trial]) -> Selection:
        """A parent by rank, the better the likelier, and up to two inspirations."""
        random = Random(f"{self._seed}/{self._number}/{ordinal}")
        weights = [len(self.members) - place for place in range(len(self.members))]
        parent = random.choices(self.members, weights)[0]
        pool = [t for t in (*self.members, *others) if t.number != parent.number]
        inspirations: dict[int, Trial] = {}
        for _ in range(min(2, len(pool))):
            pick = random.choice(pool)
            inspirations[pick.number] = pick
        return Selection(self._number, parent, tuple(inspirations.values()))


class Islands:
    """Several islands that exchange their best now and then.

    Args:
        direction: which way the objective is better.
        seed: of the islands' random streams.
        islands: how many.
        capacity: trials per island.
        migration: kept trials on an island after which its best visits the next island.
    """

    def __init__(
        self,
        direction: Direction,
        seed: int = 0,
        islands: int = 3,
        capacity: int = 10,
        migration: int = 15,
    ) -> None:
        self._direction = direction
        self._islands = [Island(n, seed, capacity, direction) for n in range(islands)]
        self._migration = migration
        self._arrivals = [0] * islands

    def add(self, trial: Trial) -> Admission:
        """Offers a trial to the island that its parent came from; the seed goes to all."""
        if trial.score is None:
            return Admission(False, "not scored")
        if trial.number == 0:
            for island in self._islands:
                island.add(trial)
            return Admission(True, "seed of every island")
        home = self._islands[trial.island]
        best_before = home.members[0] if home.members else None
        kept, displaced = home.add(trial)
        if not kept:
            return Admission(False, f"not among the best of island {trial.island}")
        best = home.members[0] is trial and best_before is not None
        gone = [displaced] if displaced is not None else []
        gone += self._migrate(trial.island)
        still_kept = {member.number for island in self._islands for member in island.members}
        left = tuple(sorted({t.number for t in gone} - still_kept))
        reason = f"best of island {trial.island}" if best else f"among the best of {trial.island}"
        return Admission(True, reason, left)

    def admits(self, trial: Trial) -> bool:
        """Whether the trial's island has a place for it."""
        return trial.score is not None and self._islands[trial.island].admits(trial)

    def _migrate(self, number: int) -> list[Trial]:
        """Lets the island's best visit the next one when it is time; who had to leave."""
        self._arrivals[number] += 1
        if self._arrivals[number] % self._migration or len(self._islands) == 1:
            return []
        visitor = self._islands[number].members[0]
        target = self._islands[(number + 1) % len(self._islands)]
        if any(member.number == visitor.number for member in target.members):
            return []
        _, displaced = target.add(visitor)
        return [displaced] if displaced is not None else []

    def select(self, ordinal: int) -> Selection:
        """Islands take turns; inspirations may come from another island's best."""
        island = self._islands[ordinal % len(self._islands)]
        others = [other.members[0] for other in self._islands if other is not island]
        return island.choose(ordinal, others)

    def elites(self, count: int) -> Sequence[Trial]:
        """The best of all islands, each trial once."""
        trials = {member.number: member for island in self._islands for member in island.members}
        order = sorted(trials.values(), key=lambda t: (*rank(t, self._direction), t.number))
        return order[:count]
