"""One search as a state machine: `ask` for a trial, `tell` what it measured."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from adrs.errors import ModelUnavailable, SeedFailed, TrialStateError
from adrs.model.calibration import Calibration
from adrs.model.evaluation import Evaluation, Score, Status, merged
from adrs.model.facts import Asked, Begun, Calibrated, Fact, Measured, Noted, Refused, Started, Told
from adrs.model.scoring import bounded, repeat_scores
from adrs.model.scoring import score as score_of
from adrs.model.task import Split, Task
from adrs.model.trial import (
    Admission,
    Candidate,
    Lineage,
    Rejection,
    RejectionKind,
    Trial,
)
from adrs.ports.archive import Archive
from adrs.ports.proposer import Proposer
from adrs.ports.store import Store
from adrs.search.desk import Desk
from adrs.search.duplicates import normal_form
from adrs.search.editing import edit_fault
from adrs.search.promotion import Promotion
from adrs.search.rounds import Proposals, Rounds, Turn
from adrs.search.turns import Turns
from adrs.trust import Noise

# So many refused proposals in a row mean that the proposers have nothing new to say.
BARREN = 300
# So many rounds of models in a row without a program mean that they are not up to the task.
FRUITLESS = 50
_NO_RATIO = "no ratio to the seed's, since a figure is not above zero"


class Run:
    """One search: task, proposers, archive, store and seed.

    Everything decided here follows from the seed and the record: a second `Run` over the same
    store replays the recorded trials and goes on as the first one would have. What that takes is
    in docs/decisions/search-order.md.

    Args:
        name: of a run that the store has.
        desk: what proposers that wait are handed; a bare one by default.

    Attributes:
        exhausted: whether the proposers had nothing new when last asked.
    """

    def __init__(
        self,
        name: str,
        task: Task,
        proposers: Sequence[Proposer],
        archive: Archive,
        store: Store,
        desk: Desk | None = None,
    ) -> None:
        self.name = name
        self.task = task
        self.archive = archive
        self.store = store
        self.rejected = 0
        self.exhausted = False
        # What the seed was measured on at each search stage, by `set_digest`.
        self.workloads: dict[Split, str] = {}
        self._settings = settings = store.run(name).settings
        self._direction = task.objective.metric.direction
        self._proposers = {proposer.name: proposer for proposer in proposers}
        self.desk = desk or Desk(store, name)
        self.rounds = Rounds(settings.calls_in_flight)
        self._speakers = Turns(name, task, proposers, archive, store, self.desk)
        self.allocation = self._speakers.allocation
        self._seen: dict[str, int] = {}
        self._scores: dict[int, Score] = {}
        self._open: dict[int, Trial] = {}
        self._ready: deque[Trial] = deque()
        self._unrecorded: list[Fact] = []
        self._fruitless = 0
        self._next_ordinal = 0
        self._next_number = 0
        self.noise = Noise()
        self.promotion = Promotion(task)
        self.calibration = store.calibration(name)
        self._baseline: Evaluation | None = None
        self._replay()

    # --- the record, again ---------------------------------------------------------------

    def _replay(self) -> None:
        self._next_ordinal = self.store.last_ordinal(self.name) + 1
        told = self.store.told(self.name)
        waiting = self.store.in_flight(self.name)
        refused = self.store.rejections(self.name)
        for trial in (*told, *waiting):
            self._seen.setdefault(normal_form(trial.program), trial.number)
            self._next_number = max(self._next_number, trial.number + 1)
        for _, rejection in refused:
            self.allocation.refused(rejection)
            self.rejected += 1
        # One that was brought up to date came late, although it was begun early.
        cut_off = deque(sorted(self.store.open_rounds(self.name), key=lambda begun: begun.told))
        for trial in told:
            self._speakers.take_up(cut_off)
            self._absorb(trial)
        self._speakers.take_up(cut_off)
        for trial in waiting:
            self._open[trial.number] = trial
            self._ready.append(trial)

    def _absorb(self, trial: Trial) -> tuple[Trial, list[Noted]]:
        """What a told trial changes, in the first run and in every replay of it.

        Returns:
            The trial with what the archive answered, and what proposers learnt from it.
        """
        if trial.number == 0 and trial.score is not None:
            self._baseline = trial.evaluations[-1]
            self.workloads = {e.split: e.workloads for e in trial.evaluations}
        if trial.score is None and trial.status is Status.SCORED:
            split = trial.evaluations[-1].split
            last = split is self.task.search_split
            admission = Admission(False, _NO_RATIO if last else f"stopped after {split}")
        else:
            admission = self.archive.add(trial)
        if trial.admission is not None and admission != trial.admission:
            raise TrialStateError(
                f"replaying trial {trial.number} of {self.name}, the archive answered "
                f"{admission.reason!r} where {trial.admission.reason!r} is recorded; the archive "
                "or the task changed since: start a new run"
            )
        trial = replace(trial, admission=admission)
        parents = trial.lineage.parents
        self.allocation.told(trial, self._scores.get(parents[0]) if parents else None)
        if trial.score is not None:
            self._scores[trial.number] = trial.score
            self._learn_noise(trial)
            self.promotion.told(trial)
        findings = [
            Noted(proposer.name, finding)
            for proposer in self._proposers.values()
            if (finding := proposer.observe(trial)) is not None
        ]
        best = self.archive.elites(1)
        self._speakers.learn(trial, best[0] if best else None)
        return trial, findings

    # --- asking --------------------------------------------------------------------------

    @property
    def best(self) -> Trial | None:
        """The best trial so far; None before the seed is told."""
        return self._speakers.best

    @property
    def told(self) -> int:
        """Trials whose result was accepted, the seed included."""
        return self._speakers.told

    @property
    def asked(self) -> int:
        """Trials that have a number, the seed included."""
        return self._next_number

    @property
    def deterministic(self) -> bool:
        """Whether the judge is declared deterministic, and not contradicted by measurements."""
        declared = self.task.evaluator.deterministic and not self.task.timed
        return declared and (self.calibration is None or self.calibration.deterministic)

    @property
    def confined(self) -> dict[str, bool]:
        """Whether each proposer is kept from the task's files."""
        return {name: proposer.confined for name, proposer in self._proposers.items()}

    @property
    def in_flight(self) -> int:
        """Trials that were asked and not told."""
        return len(self._open)

    async def ask(self, worker: int = 0) -> Trial | None:
        """The next trial to measure, recorded as started; None when all asked trials are out.

        The first is the seed. Trials that an interrupted run left in flight come first. None too,
        with `exhausted` set, when the proposers have nothing new; and when money or tokens are
        over, which `rounds.spent` says.

        Proposers that wait are asked ahead of need, unless only one call may be in flight: then,
        with one worker, nothing depends on how long anything takes.

        Raises:
            SeedFailed: the seed was measured and does not score.
            Unavailable: a proposer failed, or its model is not to be had.
        """
        self.exhausted = False
        if self._next_number == 0:
            self._ask_seed()
        barren = 0
        while barren < BARREN:
            for turn, proposals in self.rounds.finished():
                fresh = self._accept(turn, proposals)
                barren += not fresh
                self._watch_models(turn, proposals, fresh)
            if self._ready:
                if self._settings.calls_in_flight > 1:
                    self._look_ahead()
                return self._start(worker)
            if self._next_number > self._settings.trials:
                break
            if self._baseline is None:
                raise SeedFailed(f"the seed of {self.task.name} has not scored; see trial 0")
            if self._may_begin():
                turn = self._next_turn()
                if turn.proposer.waits_for:
                    self.rounds.begin(turn)
                else:
                    barren += not self._accept(turn, await turn.proposals())
            elif self.rounds.asking or (self.rounds and not self.rounds.spent):
                self._record()
                await self.rounds.wait()
            else:
                break
        if self._ready:
            return self._start(worker)
        self.exhausted = barren >= BARREN
        self._record()
        return None

    def _watch_models(self, turn: Turn, proposals: Proposals, fresh: bool) -> None:
        """Ends the search when models cost and give nothing that can be measured."""
        if turn.proposer.waits_for != "model":
            return
        self._fruitless = 0 if fresh else self._fruitless + 1
        if self._fruitless >= FRUITLESS:
            self._record()
            reasons = [one.reason for one in proposals if isinstance(one, Rejection)]
            last = f"{reasons[-1][:200]!r}" if reasons else "all of it was tried before"
            raise ModelUnavailable(
                f"the last {FRUITLESS} rounds of {turn.proposer.name} gave no program that could "
                f"be measured; the last reason: {last}. Search on with another model in a new run, "
                "or without one"
            )

    def _look_ahead(self) -> None:
        """Begins rounds of proposers that wait while few candidates are ready."""
        while (
            self._baseline is not None
            and len(self._ready) < self._settings.workers
            and self._may_begin()
            and self._next_waits_for
        ):
            self.rounds.begin(self._next_turn())

    def _may_begin(self) -> bool:
        """Whether another proposal is wanted, and its proposer free to make it."""
        if self.rounds.spent:
            return False
        if self._settings.workers == self._settings.calls_in_flight == 1 and self.rounds.asking:
            return False  # how many others speak meanwhile would depend on the clock
        room = max(1, self._room) if self._speakers.cut_off else self._room
        return not self.rounds.full(self._next_waits_for, room)

    @property
    def _next_waits_for(self) -> str:
        return self._speakers.waits_for(self._next_ordinal, self._offered)

    @property
    def _offered(self) -> bool:
        """Whether agents have enough to choose from."""
        return self.rounds.full("agent", self._room)

    @property
    def _room(self) -> int:
        """Trials that nobody was asked for yet."""
        return self._settings.trials + 1 - self._next_number - self.rounds.expected

    async def close(self) -> None:
        """Ends what is in flight; the record has what it takes to begin it again."""
        await self.rounds.close()

    def _start(self, worker: int) -> Trial | None:
        """Takes the first waiting trial; all that was decided on the way is recorded with it."""
        if self._ready[0].number > self._settings.trials:
            self._record()
            return None
        trial = self._ready.popleft()
        self._unrecorded.append(Started(trial.number, worker))
        self._record()
        return trial

    def _record(self) -> None:
        facts, self._unrecorded = self._unrecorded, []
        self.store.append(self.name, facts)

    def _ask_seed(self) -> None:
        trial = Trial(0, Candidate(self.task.seed, Lineage("seed")))
        self._seen[normal_form(trial.program)] = 0
        self._unrecorded.append(Asked(self._take_ordinal(), trial))
        self._next_number = 1
        self._open[0] = trial
        self._ready.append(trial)

    def _next_turn(self) -> Turn:
        """Whoever is next to propose; one that waits is recorded before it begins."""
        if self._speakers.cut_off:
            return self._speakers.cut_off.popleft()
        ordinal = self._take_ordinal()
        turn = self._speakers.next(ordinal, self._room, self._offered)
        if turn.round is not None:
            self._unrecorded.append(Begun(turn.round))
            self._record()
        return turn

    def _accept(self, turn: Turn, proposals: Proposals) -> bool:
        """Numbers what was proposed, recorded with what comes next; whether any becomes a trial."""
        ordinal, selection = turn.context.ordinal, turn.context.selection
        proposals = proposals or [
            Rejection(
                RejectionKind.NOTHING_PROPOSED,
                "nothing to propose",
                Lineage(turn.proposer.name, turn.proposer.version, (selection.parent.number,)),
            )
        ]
        fresh = False
        for index, proposal in enumerate(proposals):
            number = ordinal if index == 0 else self._take_ordinal()
            refused = proposal if isinstance(proposal, Rejection) else self._refusal(proposal)
            if refused is not None:
                self.allocation.refused(refused)
                self.rejected += 1
                self._unrecorded.append(Refused(number, refused))
                continue
            assert isinstance(proposal, Candidate)
            trial = Trial(self._next_number, proposal, island=selection.island)
            self._next_number += 1
            self._unrecorded.append(Asked(number, trial))
            self._open[trial.number] = trial
            self._ready.append(trial)
            fresh = True
        return fresh

    def _take_ordinal(self) -> int:
        self._next_ordinal += 1
        return self._next_ordinal - 1

    def _refusal(self, candidate: Candidate) -> Rejection | None:
        """Why a candidate is not worth an evaluation; None, and remembered, if it is."""
        program = candidate.program
        fault = edit_fault(program, self.task.seed, self.task.brief)
        if fault:
            return Rejection(RejectionKind.NOT_EDITABLE, fault, candidate.lineage, program.id)
        form = normal_form(program)
        earlier = self._seen.setdefault(form, self._next_number)
        if earlier != self._next_number:
            reason = f"the same program as trial {earlier}"
            return Rejection(RejectionKind.DUPLICATE, reason, candidate.lineage, program.id)
        return None

    # --- telling -------------------------------------------------------------------------

    def note(self, number: int, evaluation: Evaluation) -> None:
        """Records a part of what was measured of an open trial, before more is decided by it.

        A run that goes on after a kill has it, and measures only the rest.

        Raises:
            TrialStateError: the trial is not open.
        """
        trial = self._opened(number)
        self.store.append(self.name, [Measured(number, evaluation)])
        self._open[number] = replace(trial, evaluations=merged([*trial.evaluations, evaluation]))

    def _learn_noise(self, trial: Trial) -> None:
        """Pools what a scored trial says of the spread of one repeat.

        Where the judge is deterministic, what varies is a program's own, and no other's. Of timings
        only those of the seed beside itself count: a figure alone varies with the machine's speed.
        """
        if self.task.timed:
            if trial.number == 0 and self.calibration is not None:
                self.noise.learn(self.calibration.spread, self.calibration.repeats)
        elif not self.deterministic:
            self.noise.observe(self.series(trial.evaluations[-1]))

    def _opened(self, number: int) -> Trial:
        trial = self._open.get(number)
        if trial is None:
            raise TrialStateError(
                f"trial {number} is not open; tell() takes each trial from ask() once"
            )
        return trial

    def tell(
        self,
        number: int,
        evaluations: Sequence[Evaluation],
        beside: Measured | None = None,
        calibration: Calibration | None = None,
    ) -> Trial:
        """Accepts what the search stages measured; durable when it returns.

        Args:
            number: of a trial from `ask`.
            evaluations: for each stage that it reached, those noted before left out.
            beside: the program that took turns with it on the last stage.
            calibration: what measuring the seed several times said.

        Raises:
            TrialStateError: the trial is not open: never asked, or told before.
            TrialStateError: no evaluation was given.
        """
        trial = self._opened(number)
        everything = merged([*trial.evaluations, *evaluations])
        if not everything:
            raise TrialStateError(f"tell({number}) got no evaluation; expected one per stage")
        self.calibration = calibration or self.calibration
        last = everything[-1]
        score = self.score(last, beside) if last.split is self.task.search_split else None
        trial, findings = self._absorb(replace(trial, evaluations=everything, score=score))
        assert trial.admission is not None
        facts: list[Fact] = [Measured(number, evaluation) for evaluation in evaluations]
        if beside is not None:
            facts.append(beside)
        if calibration is not None:
            facts.append(Calibrated(calibration))
        # What an agent will take up next is about what is known by then.
        offers = [Begun(self._speakers.renewed(offer)) for offer in self.rounds.offers]
        told = Told(number, score, trial.admission)
        self.store.append(self.name, [*facts, told, *findings, *offers])
        del self._open[number]
        return trial

    # --- scores --------------------------------------------------------------------------

    def score(self, evaluation: Evaluation, beside: Measured | None = None) -> Score | None:
        """The score of an evaluation on the last search stage, with how far it can be trusted.

        Args:
            beside: a scored trial that took turns with it. Then the score is that trial's, times
                the ratio of the two: a machine that got slower meanwhile was so for both.

        Returns:
            None unless it is SCORED; None too where a ratio is asked for and a repeat has none.
        """
        if evaluation.status is not Status.SCORED:
            return None
        plain = score_of(
            self.task.objective,
            self.task.brief.constraints,
            evaluation,
            self._baseline or evaluation,
        )
        series = self._turns(evaluation, beside)
        if plain is None or len(series) < evaluation.repeats:
            return None
        value, error = self.noise.estimate(series)
        value = plain.value if beside is None else value
        return Score(value, plain.violation, error, evaluation.repeats)

    def _turns(self, evaluation: Evaluation, beside: Measured | None) -> list[float]:
        """The objective repeat by repeat, as it would be had `beside` been as fast as its score."""
        series = self.series(evaluation)
        if beside is None or beside.evaluation.status is not Status.SCORED:
            return series
        assert isinstance(beside.subject, int)
        theirs = self.series(beside.evaluation)
        anchor = self._scores[beside.subject].value
        if len(theirs) != len(series) or min(theirs, default=0.0) <= 0:
            return series
        return [bounded(mine / their * anchor) for mine, their in zip(series, theirs, strict=True)]

    def series(self, evaluation: Evaluation) -> list[float]:
        """The objective, repeat by repeat."""
        return repeat_scores(self.task.objective, evaluation, self._baseline or evaluation)
