"""A run that is gone through again: it decides as the recorded one did, and records nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from adrs.model.evaluation import Evaluation
from adrs.model.facts import Asked, Refused
from adrs.model.round import Round
from adrs.model.run import RunSettings
from adrs.model.trial import Admission, Trial
from adrs.search.rounds import Proposals, Turn
from adrs.search.run import Run

Decided = Sequence[Asked | Refused]


class Rerun(Run):
    """The run's own machinery over its record, moved step by step from outside.

    Nothing is taken from the record by itself, and nothing is written to it.
    """

    def _replay(self) -> None:
        """Nothing is known yet: all of the record is what comes next."""

    @property
    def settings(self) -> RunSettings:
        """Of the recorded run."""
        return self._settings

    @property
    def baseline(self) -> Evaluation | None:
        """The seed on the last search stage, once it is told and scores."""
        return self._baseline

    @property
    def next_ordinal(self) -> int:
        """What the next proposal goes by."""
        return self._next_ordinal

    def seed(self) -> Decided:
        """Asks for the seed."""
        self._ask_seed()
        return self._decided()

    def choices(self, ordinal: int) -> list[str]:
        """Who may be next: the allocation's choice, and that while agents have enough offers.

        Which of the two it was follows from how fast agents took their offers.
        """
        chosen = [self._speakers.choose(ordinal, offered).name for offered in (False, True)]
        return list(dict.fromkeys(chosen))

    def waits(self, proposer: str) -> bool:
        """Whether a proposer answers in rounds."""
        known = self._proposers.get(proposer)
        return known is not None and bool(known.waits_for)

    def turn(self, proposer: str) -> Turn:
        """The next turn, of a proposer that answers at once and is one of the `choices`."""
        ordinal = self._take_ordinal()
        offered = self.choices(ordinal)[0] != proposer
        return self._speakers.next(ordinal, 1, offered)

    def begin(self) -> None:
        """Takes the ordinal of a round."""
        self._take_ordinal()

    def decided_round(self, recorded: Round) -> Round:
        """The round as it is decided by what is known now."""
        return self._speakers.renewed(recorded)

    def turn_of(self, recorded: Round) -> Turn:
        """The turn of a recorded round, of what is known now."""
        return self._speakers.turn_of(recorded)

    def answer(self, turn: Turn, proposals: Proposals) -> Decided:
        """Numbers or refuses what was proposed."""
        self._accept(turn, proposals)
        return self._decided()

    def _decided(self) -> Decided:
        facts, self._unrecorded = self._unrecorded, []
        self._ready.clear()
        self._open.clear()
        return cast("Decided", facts)

    def learn(self, trial: Trial) -> Admission:
        """Tells a trial with the score that is recorded; what the archive answers now."""
        told, _ = self._absorb(replace(trial, admission=None))
        assert told.admission is not None
        return told.admission
