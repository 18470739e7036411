"""Everything that a run measured, group by group: trials, references, validation, held-out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from adrs.errors import UnusableInput
from adrs.model.evaluation import Evaluation, set_digest
from adrs.model.program import Program
from adrs.model.task import Split
from adrs.model.trial import Trial
from adrs.ports.evaluator import Bench, Request
from adrs.ports.store import Record
from adrs.reproduction.comparison import Comparison, Group
from adrs.reproduction.difference import Difference, Differs
from adrs.reproduction.figures import Figures, Noisy
from adrs.reproduction.rerun import Rerun
from adrs.reproduction.surroundings import Surroundings
from adrs.reproduction.verdict import finalists, held_out_of, judged
from adrs.reproduction.watching import Watcher
from adrs.search.measuring import Measuring
from adrs.search.validation import ValidationSet, known_counterexamples, validation_of

_Measure = Callable[[int], Awaitable[Sequence[Evaluation]]]

_READS = "make workloads() depend on its arguments alone, and put back what it reads"


class Remeasuring:
    """Measures a run again.

    Args:
        run: gone through to its end.
        bench: of the task as it is now.
        told: trials in the order of tells, with what the search stages measured.
        first: numbers above this are not measured again.

    Attributes:
        measured: trials that came out as recorded so far.
    """

    def __init__(
        self,
        run: Rerun,
        record: Record,
        bench: Bench,
        told: Sequence[Trial],
        first: int,
        surroundings: Surroundings,
    ) -> None:
        self._run = run
        self._record = record
        self._bench = bench
        self._surroundings = surroundings
        self._noisy = Noisy(run, told)
        self._measuring = Measuring(run, bench, sign=lambda evaluation: evaluation)
        self._trials = sorted(
            (one for one in told if one.number <= first), key=lambda one: one.number
        )
        self.measured = 0
        self._finalists = finalists(run, record)
        self._finding = record.finding(run.name)
        self._references = record.references(run.name)
        count = len(self._trials) + len(self._finalists) + len(self._references) + 2
        self._comparison = Comparison(run, surroundings, count)

    async def go(self, watcher: Watcher) -> None:
        """All of it, the cheapest to doubt first.

        Raises:
            Differs: something comes out otherwise.
            ConfigError: the judge cannot make its workloads.
            Unavailable: the sandbox broke.
        """
        await self._check_workloads()
        watcher.phase("measuring trials again")
        await self._measure_trials(watcher)
        watcher.phase("measuring references, validation and held-out again")
        await self._measure_references()
        await self._measure_validation()
        await self._measure_held_out()

    async def _check_workloads(self) -> None:
        wanted = [(Request(split), digest) for split, digest in self._run.workloads.items()]
        if self._finding is not None:
            request = Request(Split.HELD_OUT, self._finding.salt)
            wanted.append((request, self._finding.workloads))
        for request, recorded in wanted:
            now = set_digest(await self._bench.workloads(request))
            if now != recorded:
                where = f"the {request.split} workloads that the judge makes"
                was, came = (f"a set with the digest {one[:16]}..." for one in (recorded, now))
                cause = self._surroundings.cause_of_figure()
                if self._run.settings.workloads:
                    cause = f"{self._run.settings.workloads} may have changed; {cause}"
                raise Differs(Difference(where, was, came, cause, _READS))

    # --- trials --------------------------------------------------------------------------

    async def _measure_trials(self, watcher: Watcher) -> None:
        """As many at a time as the bench has room for; the first that differs is the one named."""
        tasks = [asyncio.ensure_future(self._measure_trial(trial)) for trial in self._trials]
        try:
            for done, task in enumerate(tasks, 1):
                await task
                self.measured = done
                watcher.progress(done, len(tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _measure_trial(self, trial: Trial) -> None:
        for recorded in trial.evaluations:
            await self._comparison.compare(self._group_of(trial, recorded))

    def _group_of(self, trial: Trial, recorded: Evaluation) -> Group:
        task, seed = self._run.task, self._run.baseline
        request = Request(recorded.split, repeats=recorded.repeats)
        alone = self._measures([trial.program], request)
        if recorded.split is not task.search_split or seed is None:
            return self._group([_subject(trial)], [recorded], alone, recorded.repeats)
        if not task.timed or trial.number == 0:
            return self._group([_subject(trial)], [recorded], alone, recorded.repeats, seed)
        # Timings of another hour or machine mean nothing alone: what is compared is their ratio.
        beside = self._measures([task.seed, trial.program], request)
        subjects = ["the seed", _subject(trial)]
        group = self._group(subjects, [seed, recorded], beside, recorded.repeats, seed, turns=True)
        return replace(group, was=[None, self._noisy.chained(trial)])

    # --- what was confirmed --------------------------------------------------------------

    async def _measure_references(self) -> None:
        """On the last search stage."""
        split = self._run.task.search_split
        for name, program, recorded in self._references_on(split):
            measure = self._measures([program], Request(split))
            group = self._group([name], [recorded], measure, recorded.repeats, self._run.baseline)
            await self._comparison.compare(group)

    async def _measure_validation(self) -> None:
        if not self._finalists:
            return
        runs = self._run.settings.counterexamples
        try:
            found = known_counterexamples(self._record, runs, self._run.task)
        except UnusableInput as error:
            self._surroundings.note(f"validation is not measured again: {error}")
            return
        validation = ValidationSet(self._measuring, self._bench, found)
        await validation.check()

        def measures(programs: Sequence[Program]) -> _Measure:
            return lambda _: validation.measure(programs)

        recorded = [one for one in map(validation_of, self._finalists) if one is not None]
        seed = recorded[0]
        subjects = [_subject(trial) for trial in self._finalists]
        measure = measures([trial.program for trial in self._finalists])
        await self._comparison.compare(
            self._group(subjects, recorded, measure, 1, seed, turns=True)
        )
        for name, program, theirs in self._references_on(Split.VALIDATION):
            group = self._group([name], [theirs], measures([program]), 1, seed)
            await self._comparison.compare(group)

    async def _measure_held_out(self) -> None:
        """With the recorded salt: the same look once more, at the same programs."""
        finding = self._finding
        if finding is None:
            return
        seed, best = (self._record.trial(self._run.name, number) for number in (0, finding.trial))
        recorded = [held_out_of(one, finding) for one in (seed, best)]
        evaluations = [one for one in recorded if one is not None]  # both, or there is no verdict
        baseline = evaluations[0]
        references = [
            one
            for one in self._references_on(Split.HELD_OUT)
            if one[2].workloads == finding.workloads
        ]
        subjects = ["the seed", _subject(best), *(name for name, _, _ in references)]
        programs = [seed.program, best.program, *(program for _, program, _ in references)]
        repeats = baseline.repeats
        request = Request(Split.HELD_OUT, finding.salt)
        measure = self._measures(programs, request)
        evaluations += [one for _, _, one in references]
        group = self._group(subjects, evaluations, measure, repeats, baseline, turns=True)
        now = await self._comparison.compare(group)
        again = judged(self._run, finding, now[0], now[1])
        if again.verdict is not finding.verdict:
            self._surroundings.note(
                f"by the figures of now, the verdict on trial {finding.trial} is {again.verdict}, "
                f"recorded is {finding.verdict}: {again.reason}"
            )

    # --- groups --------------------------------------------------------------------------

    def _references_on(self, split: Split) -> list[tuple[str, Program, Evaluation]]:
        known = self._run.task.references
        return [
            (f"the reference {name}", known[name], evaluation)
            for name, evaluation in self._references
            if evaluation.split is split and name in known
        ]

    def _measures(self, programs: Sequence[Program], request: Request) -> _Measure:
        return lambda repeats: self._measuring.programs(programs, replace(request, repeats=repeats))

    def _group(
        self,
        subjects: Sequence[str],
        recorded: Sequence[Evaluation],
        measure: _Measure,
        repeats: int,
        baseline: Evaluation | None = None,
        *,
        turns: bool = False,
    ) -> Group:
        """A group, with what is compared of it where figures vary.

        Args:
            baseline: the seed on the same workloads; None if no figures are compared.
            turns: whether all took turns with the first.
        """
        timed = self._run.task.timed

        def figures(evaluations: Sequence[Evaluation]) -> Figures:
            if baseline is None or (timed and not turns):
                return [None] * len(evaluations)
            if timed:
                return self._noisy.ratios(evaluations)
            return self._noisy.of_each(evaluations, baseline)

        return Group(subjects, recorded, repeats, measure, figures, figures(recorded))


def _subject(trial: Trial) -> str:
    return "the seed" if trial.number == 0 else f"trial {trial.number}"
