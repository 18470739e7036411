"""The proposals of a run once more, in the recorded order of asks and tells."""

from __future__ import annotations

import math
from itertools import groupby, pairwise

from adrs.errors import Unavailable
from adrs.model.evaluation import Evaluation, Score
from adrs.model.facts import Asked, Refused
from adrs.model.moment import MomentKind
from adrs.model.round import Round
from adrs.model.trial import Lineage, Rejection, Trial
from adrs.ports.store import Record
from adrs.reproduction.difference import Difference, Differs
from adrs.reproduction.rerun import Rerun
from adrs.reproduction.surroundings import Surroundings
from adrs.reproduction.unlike import in_words, unlike
from adrs.reproduction.watching import Watcher
from adrs.search.rounds import Proposals, Turn

# What is reckoned from recorded figures may differ by so much, relatively: not every C library
# rounds logarithms in the same way.
_ROUNDING = 1e-12
_DECISIONS = ("parent", "inspirations", "island", "operator", "model", "stalled")
_AS_RECORDED = (
    "with what is named as the cause as it was in the record, the same comes out; `adrs show` has "
    "what is recorded"
)
_UNEDITED = "take a copy of the store from before its file was edited"


class Retelling:
    """Goes through a record: asks again, compares, and tells what is recorded.

    What was measured is taken from the record, so that one figure that varies does not make
    everything after it differ.

    Attributes:
        told: trials by number, with what the search stages measured, in the order of tells.
        proposals: how many were compared, the seed not counted.
    """

    def __init__(self, run: Rerun, record: Record, surroundings: Surroundings) -> None:
        name = run.name
        self._run = run
        self._surroundings = surroundings
        self._moments = record.moments(name)
        trials = {trial.number: trial for trial in record.trials(name)}
        self._recorded: dict[int, Trial | Rejection] = dict(record.rejections(name))
        for moment in self._moments:
            if moment.kind is MomentKind.ASKED and moment.trial is not None:
                self._recorded[moment.ordinal] = trials[moment.trial]
        self.told = {trial.number: trial for trial in record.told(name)}
        self._rounds = {begun.ordinal: begun for begun in record.rounds(name)}
        self._handed_in = {lease.round.ordinal for lease in record.leases(name) if lease.submitted}
        # Rounds in the order they began, and the turns of those of which all is told.
        self._begun: list[Round] = []
        self._turns: dict[int, Turn] = {}
        self.proposals = 0

    @property
    def lineages(self) -> list[Lineage]:
        """Who proposed what."""
        return [outcome.lineage for outcome in self._recorded.values()]

    @property
    def evaluations(self) -> list[Evaluation]:
        """What was measured of trials, at all times."""
        trials = (one for one in self._recorded.values() if isinstance(one, Trial))
        return [evaluation for trial in trials for evaluation in trial.evaluations]

    async def go(self, watcher: Watcher) -> None:
        """Goes through all of it.

        Raises:
            Differs: something comes out otherwise.
        """
        if any(later.at < earlier.at for earlier, later in pairwise(self._moments)):
            self._surroundings.note(
                "the machine's clock was set back during the run, so the order of its asks and "
                "tells is not sure"
            )
        for _, moments in groupby(self._moments, key=lambda moment: moment.at):
            together = list(moments)
            answers = (MomentKind.ASKED, MomentKind.REFUSED)
            await self._answered({one.ordinal for one in together if one.kind in answers})
            for moment in together:
                if moment.kind is MomentKind.BEGUN:
                    self._begin(self._rounds[moment.ordinal])
                elif moment.kind is MomentKind.TOLD and moment.trial is not None:
                    self._tell(self.told[moment.trial])
            watcher.progress(self.proposals, max(1, len(self._recorded) - 1))

    # --- asks ----------------------------------------------------------------------------

    async def _answered(self, ordinals: set[int]) -> None:
        """What was recorded together: rounds that ended first, then turns without a round."""
        for begun in [one for one in self._begun if one.ordinal in ordinals]:
            turn = self._turns.pop(begun.ordinal, None)
            if turn is None:
                expected = f"a round that began after {begun.told} tells"
                raise self._differs(begun.ordinal, expected, "an answer before as many were told")
            self._begun.remove(begun)
            await self._take(turn, ordinals)
        while ordinals:
            await self._take(self._at_once(min(ordinals)), ordinals)

    def _at_once(self, ordinal: int) -> Turn | None:
        """The turn of whoever answers at once; None for the seed's."""
        if self._run.next_ordinal == ordinal == 0:
            return None
        name = self._recorded[ordinal].lineage.proposer
        if self._run.next_ordinal != ordinal or self._run.waits(name):
            expected = in_words(self._recorded[ordinal])
            raise self._differs(ordinal, expected, "nothing: it is not proposed again")
        self._check_choice(ordinal, name)
        return self._run.turn(name)

    async def _take(self, turn: Turn | None, ordinals: set[int]) -> None:
        if turn is None:
            facts = self._run.seed()
        else:
            facts = self._run.answer(turn, await self._proposed(turn))
        for fact in facts:
            self._compare(fact)
            self.proposals += turn is not None
            ordinals.discard(fact.ordinal)

    async def _proposed(self, turn: Turn) -> Proposals:
        ordinal = turn.context.ordinal
        if turn.proposer.waits_for == "agent" and ordinal not in self._handed_in:
            cause = "the agent's program was taken out of the record"
            raise self._differs(ordinal, "what an agent handed in", "nothing", cause, _UNEDITED)
        try:
            return await turn.proposals()
        except Unavailable as error:
            if type(error) is not Unavailable:  # the store, say: that is not the proposer's doing
                raise
            expected = in_words(self._recorded[ordinal])
            raise self._differs(ordinal, expected, str(error)) from error

    def _check_choice(self, ordinal: int, recorded: str) -> None:
        choices = self._run.choices(ordinal)
        if recorded not in choices:
            came = f"the allocation chooses {' or '.join(choices)}"
            raise self._differs(ordinal, f"the turn of {recorded}", came, self._cause_of_choice())

    def _compare(self, fact: Asked | Refused) -> None:
        recorded = self._recorded.get(fact.ordinal)
        now = fact.trial if isinstance(fact, Asked) else fact.rejection
        if recorded is None:
            raise self._differs(fact.ordinal, "no such proposal", in_words(now))
        found = unlike(recorded, now)
        if found is not None:
            name, expected, came = found
            raise self._differs(fact.ordinal, expected, came, what=f", its {name}")

    # --- rounds ----------------------------------------------------------------------------

    def _begin(self, recorded: Round) -> None:
        if self._run.next_ordinal != recorded.ordinal:
            came = f"proposal {self._run.next_ordinal} is next"
            raise self._differs(recorded.ordinal, f"a round of {recorded.proposer}", came)
        self._check_choice(recorded.ordinal, recorded.proposer)
        self._run.begin()
        self._begun.append(recorded)
        self._make_turns()

    def _make_turns(self) -> None:
        """Turns of rounds of which as much is told as they knew.

        A round that waits for an agent is brought up to date until one takes it up.
        """
        for recorded in self._begun:
            if recorded.told != self._run.told or recorded.ordinal in self._turns:
                continue
            decided = self._run.decided_round(recorded)
            for name in _DECISIONS:
                was, now = getattr(recorded, name), getattr(decided, name)
                if was != now:
                    cause = self._cause_of_choice()
                    what = f", the {name} chosen for its round"
                    raise self._differs(recorded.ordinal, str(was), str(now), cause, what=what)
            self._turns[recorded.ordinal] = self._run.turn_of(recorded)

    def _cause_of_choice(self) -> str:
        cause = self._surroundings.cause_of_proposal()
        if self._run.settings.max_usd is None:
            return cause
        return f"{cause}; or the run went on with another --trials or --max-usd, which decide too"

    # --- tells -----------------------------------------------------------------------------

    def _tell(self, trial: Trial) -> None:
        if not trial.evaluations:
            where, cause = f"trial {trial.number}", "they were taken out of the record"
            raise Differs(Difference(where, "its measurements", "none", cause, _UNEDITED))
        if not self._run.task.timed:  # else it rests on whoever took turns with it
            self._check_score(trial)
        answer = self._run.learn(trial)
        if answer != trial.admission and trial.admission is not None:
            kept = {True: "kept", False: "not kept"}
            expected, came = (
                f"{kept[one.kept]}: {one.reason}, displacing {list(one.displaced)}"
                for one in (trial.admission, answer)
            )
            raise Differs(
                Difference(
                    f"trial {trial.number}, the archive's answer",
                    expected,
                    came,
                    self._surroundings.cause_of_proposal(),
                    _AS_RECORDED,
                )
            )
        self._make_turns()

    def _check_score(self, trial: Trial) -> None:
        last = trial.evaluations[-1]
        on_last_stage = last.split is self._run.task.search_split
        try:
            score = self._run.score(last) if on_last_stage else None
        except (ValueError, KeyError) as error:
            score, came = None, f"its figures cannot be reckoned with: {error}"
        else:
            came = str(score)
        if not _same(score, trial.score):
            cause = (
                "its figures or its score were changed in the record after they were written, or "
                "scores are reckoned otherwise"
            )
            expected = str(trial.score)
            where = f"trial {trial.number}, the score of its recorded figures"
            raise Differs(Difference(where, expected, came, cause, _UNEDITED))

    def _differs(
        self,
        ordinal: int,
        expected: str,
        came: str,
        cause: str = "",
        cure: str = _AS_RECORDED,
        what: str = "",
    ) -> Differs:
        recorded = self._recorded.get(ordinal)
        trial = f" (trial {recorded.number})" if isinstance(recorded, Trial) else ""
        cause = cause or self._surroundings.cause_of_proposal()
        return Differs(Difference(f"proposal {ordinal}{trial}{what}", expected, came, cause, cure))


def _same(one: Score | None, other: Score | None) -> bool:
    if one is None or other is None:
        return one is other
    pairs = (
        (one.value, other.value),
        (one.violation, other.violation),
        (one.error, other.error),
    )
    close = all(math.isclose(a, b, rel_tol=_ROUNDING, abs_tol=1e-300) for a, b in pairs)
    return close and one.repeats == other.repeats
