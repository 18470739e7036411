"""Whose turn it is to propose, and what they are told."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from random import Random

from adrs.model.round import Round
from adrs.model.run import RunSettings
from adrs.model.task import Task
from adrs.model.trial import Selection, Trial
from adrs.ports.archive import Archive
from adrs.ports.proposer import Context, Proposer
from adrs.ports.store import Store
from adrs.search.allocation import EVALUATION_USD, Allocation
from adrs.search.desk import Desk
from adrs.search.ledger import Ledger
from adrs.search.rounds import Turn

# So many of the best are candidates for another parent when the search has stalled.
_OTHERS = 16
# No evaluation is worth less, however little may be spent.
_LEAST_USD = 1e-9


class Turns:
    """Makes the turns of a run's proposers of what the record says was known at the time.

    Args:
        name: of the run.
        desk: what proposers that wait are handed.

    Attributes:
        allocation: who is chosen, and why.
        best: the best trial so far.
        told: trials told so far, the seed included.
        cut_off: turns that an interrupted engine left in flight; they come first.
    """

    def __init__(
        self,
        name: str,
        task: Task,
        proposers: Sequence[Proposer],
        archive: Archive,
        store: Store,
        desk: Desk,
    ) -> None:
        self._name = name
        self._task = task
        self._archive = archive
        self._store = store
        self._desk = desk
        self._settings = settings = store.run(name).settings
        self._proposers = {proposer.name: proposer for proposer in proposers}
        self.allocation = _allocation(task, list(self._proposers), settings)
        self.best: Trial | None = None
        self.told = 0
        self.cut_off: deque[Turn] = deque()
        self._ledger = Ledger()
        # Only proposers that wait look back, and a long search without them need not remember.
        self._remembers = any(proposer.waits_for for proposer in proposers)
        self._history: dict[int, Trial] = {}

    def learn(self, trial: Trial, best: Trial | None) -> None:
        """Takes note of a told trial, and of the best after it."""
        self.best = best
        self.told += 1
        self._ledger.told(trial, best)
        if self._remembers:
            self._history[trial.number] = trial

    def take_up(self, begun: deque[Round]) -> None:
        """Makes those turns again that began when as much was told as now."""
        while begun and begun[0].told == self.told:
            found = begun.popleft()
            if found.proposer in self._proposers:
                self.cut_off.append(self.turn_of(found))

    def waits_for(self, ordinal: int, offered: bool) -> str:
        """What whoever is next waits for outside; "" for nothing.

        Args:
            offered: whether agents have enough to choose from, so that it is another's turn.
        """
        if self.cut_off:
            return self.cut_off[0].proposer.waits_for
        return self.choose(ordinal, offered).waits_for

    def choose(self, ordinal: int, offered: bool) -> Proposer:
        """Who is next; `offered` as in `waits_for`."""
        names = [
            name
            for name, proposer in self._proposers.items()
            if not (offered and proposer.waits_for == "agent")
        ]
        return self._proposers[self.allocation.choose(ordinal, names)]

    def next(self, ordinal: int, room: int, offered: bool) -> Turn:
        """A new turn; one with a round has to be recorded before it begins.

        Args:
            room: trials that nobody was asked for yet.
            offered: as in `waits_for`.
        """
        proposer = self.choose(ordinal, offered)
        if not proposer.waits_for:
            return Turn(proposer, self._context(ordinal, self._archive.select(ordinal)))
        return self.turn_of(self._round(ordinal, proposer.name, room))

    def renewed(self, begun: Round) -> Round:
        """The same round, as it would be decided by what is known now."""
        return self._round(begun.ordinal, begun.proposer, begun.wanted)

    def _round(self, ordinal: int, proposer: str, room: int) -> Round:
        selection = self._archive.select(ordinal)
        stalled = self._ledger.stalled
        if stalled:
            selection = self._elsewhere(ordinal, selection)
        operator, model, reason = "", "", self.allocation.why(proposer)
        if self._proposers[proposer].waits_for == "model":
            company = bool(selection.inspirations)
            operator, model, reason = self.allocation.brief(ordinal, proposer, stalled, company)
        return Round(
            ordinal=ordinal,
            proposer=proposer,
            parent=selection.parent.number,
            inspirations=tuple(trial.number for trial in selection.inspirations),
            island=selection.island,
            told=self.told,
            notes=len(self._store.notes(self._name)),
            # An agent answers with one program; what it does not give must not be kept free.
            wanted=max(1, min(self._settings.ideas, room)) if operator else 1,
            operator=operator,
            model=model,
            stalled=stalled,
            reason=reason,
        )

    def turn_of(self, begun: Round) -> Turn:
        """A turn of what is known now: when a round begins, and at the same place of a replay."""
        assert self.best is not None
        parent, *others = (self._history[n] for n in (begun.parent, *begun.inspirations))
        context = replace(
            self._context(begun.ordinal, Selection(begun.island, parent, tuple(others))),
            best=self._history[self.best.number],
            wanted=begun.wanted,
            operator=begun.operator,
            stalled=begun.stalled,
            history=tuple(self._history.values()),
            notes=tuple(self._store.notes(self._name)[: begun.notes]),
        )
        return Turn(self._proposers[begun.proposer], self._desk.equip(begun, context), begun)

    def _context(self, ordinal: int, selection: Selection) -> Context:
        digest = hashlib.sha256(f"{self._settings.seed}/{ordinal}".encode()).digest()
        assert self.best is not None
        return Context(
            brief=self._task.brief,
            ordinal=ordinal,
            seed=int.from_bytes(digest[:8]),
            selection=selection,
            best=self.best,
        )

    def _elsewhere(self, ordinal: int, usual: Selection) -> Selection:
        """Another parent than the best or its like, for a search that has stalled."""
        assert self.best is not None
        near = {self.best.number, *self.best.lineage.parents}
        others = [trial for trial in self._archive.elites(_OTHERS) if trial.number not in near]
        if not others:
            return usual
        parent = Random(f"{self._settings.seed}/elsewhere/{ordinal}").choice(others)
        company = [t for t in (self.best, *usual.inspirations) if t.number != parent.number]
        inspirations = tuple({trial.number: trial for trial in company}.values())
        return Selection(parent.island, parent, inspirations[:2])


def _allocation(task: Task, names: Sequence[str], settings: RunSettings) -> Allocation:
    # Where both are limited, all of one budget is worth all of the other.
    worth_usd = settings.max_usd / settings.trials if settings.max_usd else EVALUATION_USD
    worth_usd = max(worth_usd, _LEAST_USD)
    return Allocation(
        names,
        task.objective.metric.direction,
        settings.seed,
        dict(settings.models),
        settings.strong_model,
        1 / worth_usd,
    )
