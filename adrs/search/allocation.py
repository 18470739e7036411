"""Which proposer, operator and model goes next: the only place that chooses."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from random import Random

from adrs.model.evaluation import Score
from adrs.model.metric import Direction
from adrs.model.trial import Lineage, Rejection, Trial

OPERATORS = ("refine", "explore", "combine")
"""What a proposer that waits is asked for: a better form of the mechanism that is there, another
mechanism, or what works in several programs put together."""

# What an evaluation is worth where no budget of money says so.
EVALUATION_USD = 0.01


class _Account:
    """What one option cost and earned."""

    def __init__(self) -> None:
        self.cost = 0.0
        self.gain = 0.0
        self.usd = 0.0
        self.told = 0
        self.refused = 0

    def rate(self, evaluations_per_usd: float) -> float:
        """Improvement per evaluation, less where most proposals are not worth one, or are dear.

        Refusals and money only add up: a resume replays refusals apart from the tells, so their
        order must not matter.
        """
        fresh = (self.told + 1) / (self.told + self.refused + 1)
        price = 1.0 + evaluations_per_usd * self.usd / (self.told + 1)
        return fresh * (self.gain + 0.01) / ((self.cost + 5.0) * price)


class Shares:
    """Shares a choice among options by improvement bought per recorded cost.

    Probability matching with a floor and forgetting (Thierens, "An adaptive pursuit strategy for
    allocating operator probabilities", GECCO 2005, section 2): an option's share follows the
    relative improvement over their parents that its kept trials brought, per evaluation. Nothing is
    starved, and what stopped earning is forgotten. Only recorded facts enter, so a resumed run
    chooses as the first one did.

    Args:
        weights: option to its share of the floor, in the order they were given.
        evaluations_per_usd: evaluations that are worth as much as a USD.
    """

    # Half of all choices go round by weight. A rare large gain of one option would else silence the
    # others for long: on generated spot timelines the best of 300 trials cost 0.812 of the seed's
    # at 0.15, 0.800 at 0.5, 0.806 at 0.75 (12 seeds, standard errors up to 0.007); on the real
    # ones there was no difference.
    FLOOR = 0.5
    MEMORY = 100  # evaluations after which half of an account is forgotten

    def __init__(self, weights: Mapping[str, float], evaluations_per_usd: float) -> None:
        total = sum(weights.values())
        self._weights = {name: weight / total for name, weight in weights.items()}
        self._evaluations_per_usd = evaluations_per_usd
        self._accounts = {name: _Account() for name in weights}

    def choose(self, random: Random, options: Sequence[str] = ()) -> str:
        """One of the options, or of those that are named."""
        names = tuple(options or self._accounts)
        return random.choices(names, [self.share(name) for name in names])[0]

    def share(self, name: str) -> float:
        """The probability with which an option is chosen among all."""
        earned = {
            key: self._weights[key] * account.rate(self._evaluations_per_usd)
            for key, account in self._accounts.items()
        }
        floor = self.FLOOR * self._weights[name]
        return floor + (1 - self.FLOOR) * earned[name] / sum(earned.values())

    def refused(self, name: str, usd: float) -> None:
        """Takes note of a proposal that was not evaluated."""
        account = self._accounts.get(name)
        if account is not None:
            account.refused += 1
            account.usd += usd

    def told(self, name: str, usd: float, gain: float) -> None:
        """Takes note of an evaluation and what it earned."""
        forget = 0.5 ** (1 / self.MEMORY)
        for each in self._accounts.values():
            each.cost *= forget
            each.gain *= forget
        account = self._accounts.get(name)
        if account is not None:
            account.cost += 1.0
            account.told += 1
            account.usd += usd
            account.gain += gain

    def reason(self, name: str) -> str:
        """Why an option has its share, in words."""
        account = self._accounts[name]
        words = f"{name} {100 * self.share(name):.0f} %"
        if not account.told and not account.refused:
            return f"{words} (not tried yet)"
        price = f", ${account.usd / (account.told or 1):.4f} a trial" if account.usd else ""
        refused = f", {account.refused} refused" if account.refused else ""
        return f"{words} ({account.told} trials{refused}, gain {account.gain:.3f}{price})"


class Allocation:
    """Chooses by shares: a proposer for each proposal; operator and model for those that wait.

    Args:
        names: the proposers, in the order they were given.
        seed: the run's.
        models: name to weight, as the user gave them.
        strong: the model for a search that has stalled; "" for none.
        evaluations_per_usd: evaluations that are worth as much as a USD.
    """

    FLOOR = Shares.FLOOR

    def __init__(
        self,
        names: Sequence[str],
        direction: Direction,
        seed: int,
        models: Mapping[str, float] | None = None,
        strong: str = "",
        evaluations_per_usd: float = 1 / EVALUATION_USD,
    ) -> None:
        self._direction = direction
        self._seed = seed
        self._strong = strong
        self._proposers = Shares(dict.fromkeys(names, 1.0), evaluations_per_usd)
        self._operators = Shares(dict.fromkeys(OPERATORS, 1.0), evaluations_per_usd)
        known = {**(models or {}), **({strong: 1.0} if strong else {})}
        self._models = Shares(known, evaluations_per_usd) if known else None
        self._usual = tuple(models or {}) or tuple(known)

    def choose(self, ordinal: int, names: Sequence[str] = ()) -> str:
        """The name of the proposer for proposal `ordinal`: one of `names`, or of all."""
        return self._proposers.choose(Random(f"{self._seed}/allocation/{ordinal}"), names)

    def share(self, name: str) -> float:
        """The probability with which a proposer is chosen."""
        return self._proposers.share(name)

    def why(self, proposer: str) -> str:
        """Why a proposer has its share, in words."""
        return self._proposers.reason(proposer)

    def brief(
        self, ordinal: int, proposer: str, stalled: int, company: bool
    ) -> tuple[str, str, str]:
        """Operator and model for a proposer that asks models, and why they are these, in words.

        Args:
            stalled: trials told since the best was found, if that is long ago.
            company: whether there are inspirations, without which nothing can be combined.
        """
        random = Random(f"{self._seed}/brief/{ordinal}")
        fitting = OPERATORS if company else OPERATORS[:2]
        operator = "explore" if stalled else self._operators.choose(random, fitting)
        reasons = [self.why(proposer), self._operators.reason(operator)]
        model = ""
        if self._models is not None:
            strong = stalled and self._strong
            model = self._strong if strong else self._models.choose(random, self._usual)
            reasons.append(self._models.reason(model))
        if stalled:
            more = ", other parents" + (" and the strong model" if self._strong else "")
            reasons.insert(0, f"nothing better for {stalled} trials: a new direction{more}")
        return operator, model, "; ".join(reasons)

    def refused(self, rejection: Rejection) -> None:
        """Takes note of a proposal that was not evaluated."""
        lineage = rejection.lineage
        for shares, name in self._entries(lineage):
            shares.refused(name, lineage.usd)

    def told(self, trial: Trial, parent: Score | None) -> None:
        """Takes note of a trial and what it earned over its parent."""
        gain = 0.0
        kept = trial.admission is not None and trial.admission.kept
        if kept and parent is not None and trial.score is not None:
            direction = self._direction
            gain = self._improvement(trial.score.cautious(direction), parent.cautious(direction))
        for shares, name in self._entries(trial.lineage):
            shares.told(name, trial.lineage.usd, gain)

    def _entries(self, lineage: Lineage) -> list[tuple[Shares, str]]:
        entries = [(self._proposers, lineage.proposer), (self._operators, lineage.operator)]
        if self._models is not None:
            entries.append((self._models, lineage.author))
        return entries

    def _improvement(self, value: float, parent: float) -> float:
        if not self._direction.better(value, parent):
            return 0.0
        scale = max(abs(parent), abs(value))
        return min(1.0, math.fabs(value - parent) / scale) if scale > 0 else 0.0
