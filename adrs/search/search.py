"""Drives a run from the seed to the verdict: steady state, no barrier between trials."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from adrs.errors import ConfigError, SeedFailed, StoreUnavailable, Unavailable
from adrs.model.calibration import Calibration
from adrs.model.evaluation import Evaluation, Status, set_digest
from adrs.model.facts import Attacked, Beat, Certified, Ended, Found, Looked, Measured
from adrs.model.isolation import Isolation
from adrs.model.program import Program
from adrs.model.run import RunStatus
from adrs.model.task import Split
from adrs.model.trial import Trial
from adrs.model.verdict import Verdict
from adrs.ports.evaluator import Bench, Evaluator, Executor, Request, Setting
from adrs.ports.sandbox import Sandbox
from adrs.search.adversary import Adversary
from adrs.search.fingerprint import describe
from adrs.search.measuring import Measuring, gather
from adrs.search.preparing import prepare_environment
from adrs.search.run import Run
from adrs.search.validation import (
    ValidationSet,
    by_validation,
    known_counterexamples,
    validation_of,
    validation_score,
)
from adrs.trust import issue_certificate, judge_held_out

# So many of the best on train are measured on validation before one is frozen.
FINALISTS = 5
# A judge that fails this often in a row is broken, whatever it is given.
JUDGE_FAILURES = 20
HEARTBEAT_S = 0.5


class Observer(Protocol):
    """Who watches a search. Called after the fact is recorded."""

    def phase(self, words: str) -> None:
        """The search does something else now."""
        ...

    def calibrated(self, calibration: Calibration) -> None:
        """How far the seed differs from itself is known."""
        ...

    def told(self, trial: Trial) -> None:
        """A trial's result was accepted."""
        ...


class Search:
    """One engine at work on one run.

    Args:
        run: what to ask and tell.
        evaluator: how programs are measured.
        executor: where.
        sandbox: inside what.
        observer: who is told about it.
        may_build: whether the sandbox may build what the task's environment lacks.

    Raises:
        ConfigError: a run whose counterexamples are asked for has none for this task.
        NotInStore: there is no such run.
    """

    def __init__(
        self,
        run: Run,
        evaluator: Evaluator,
        executor: Executor,
        sandbox: Sandbox,
        observer: Observer,
        may_build: bool = True,
    ) -> None:
        self.run = run
        self._evaluator = evaluator
        self._executor = executor
        self._sandbox = sandbox
        self._observer = observer
        self._may_build = may_build
        self._settings = run.store.run(run.name).settings
        self._counterexamples = known_counterexamples(
            run.store, self._settings.counterexamples, run.task
        )
        self._work: asyncio.Task[RunStatus] | None = None
        self._stop_reason = ""
        self._unfrozen = ""
        self._judge_failures = 0
        self._started = time.monotonic()
        self._beaten = self._started
        self._elapsed_before = run.store.run(run.name).elapsed_s
        self._news = asyncio.Event()
        self._fingerprints: dict[int, tuple[Isolation, str]] = {}

    @property
    def elapsed_s(self) -> float:
        """Seconds worked on the run, resumes added up."""
        return self._elapsed_before + time.monotonic() - self._started

    def stop(self, reason: str) -> None:
        """Ends the search soon; what was told is kept, what is in flight is measured again."""
        self._stop_reason = reason
        if self._work is not None:
            self._work.cancel()

    async def go(self) -> RunStatus:
        """Searches, freezes the best and judges it; how it ended.

        Raises:
            SeedFailed: the seed does not score; the message has the judge's reason.
            ConfigError: the judge cannot make its workloads.
            Unavailable: sandbox or store broke, or the judge failed JUDGE_FAILURES times in a row.
        """
        store, name = self.run.store, self.run.name
        store.append(name, [Ended(RunStatus.RUNNING)])
        self._work = asyncio.create_task(self._whole())
        heart = asyncio.create_task(self._beat())
        try:
            status, reason = await self._work, self._unfrozen
            if status is RunStatus.BUDGET:
                reason = "; ".join(filter(None, (self._budget_reason(), reason)))
        except asyncio.CancelledError:
            if heart.done() and not heart.cancelled() and (failure := heart.exception()):
                raise failure from None
            if not self._stop_reason:
                raise
            status, reason = RunStatus.INTERRUPTED, self._stop_reason
        except (Unavailable, ConfigError, SeedFailed) as error:
            with contextlib.suppress(StoreUnavailable):  # when that is what broke, it stays unsaid
                self._end(RunStatus.UNAVAILABLE, str(error))
            raise
        finally:
            heart.cancel()
        self._end(status, reason)
        return status

    def _end(self, status: RunStatus, reason: str) -> None:
        elapsed = time.monotonic() - self._beaten
        self.run.store.append(self.run.name, [Beat(elapsed), Ended(status, reason)])

    def _budget_reason(self) -> str:
        if self.run.rounds.spent:
            return self.run.rounds.spent
        if self.run.exhausted:
            return "the proposers have nothing new to say"
        return f"{self._settings.max_minutes:g} minutes are over"

    async def _beat(self) -> None:
        """Says that the engine lives, and hears what other processes ask of it."""
        store, name = self.run.store, self.run.name
        assert self._work is not None
        try:
            while not store.run(name).stop_requested:
                await asyncio.sleep(HEARTBEAT_S)
                now = time.monotonic()
                store.append(name, [Beat(now - self._beaten)])
                self._beaten = now
        except StoreUnavailable:
            self._work.cancel()
            raise
        self.stop("`adrs stop` asked for it")

    async def _whole(self) -> RunStatus:
        source = Path(self._settings.workloads) if self._settings.workloads else None
        setting = Setting(self.run.task, self._sandbox, source)
        environment = self.run.task.environment
        say = self._observer.phase
        await prepare_environment(self._sandbox, environment, self._may_build, say)
        say("opening sandboxes")
        bench = await self._executor.open(self._evaluator, setting)
        try:
            measuring = Measuring(self.run, bench, self._sign)
            validation = ValidationSet(measuring, bench, self._counterexamples)
            await validation.check()
            await self._measure_seed(measuring)
            search = Request(self.run.task.search_split)
            await self._measure_references(
                search.split, lambda programs: measuring.programs(programs, search)
            )
            self._observer.phase("searching")
            self.run.desk.place = measuring.rehearse
            await gather(self._worker(measuring, n) for n in range(self._executor.capacity))
            await self.run.close()
            await self._confirm(measuring, bench, validation)
        finally:
            await self.run.close()
            await self.run.desk.close()
            await bench.close()
        short = self.run.told <= self._settings.trials
        return RunStatus.BUDGET if short else RunStatus.FINISHED

    # --- searching -----------------------------------------------------------------------

    async def _measure_seed(self, measuring: Measuring) -> None:
        if self.run.told == 0:
            self._observer.phase("measuring the seed")
            trial = await self.run.ask()
            assert trial is not None
            self._observer.told(await measuring.seed(trial))
        seed = self.run.store.trial(self.run.name, 0)
        if seed.score is None:
            last = next(e for e in reversed(seed.evaluations) if e.split in self._search_splits)
            raise SeedFailed(
                f"the seed of {self.run.task.name} must score before a search can start; on "
                f"{last.split} {self._why_not(last)}"
            )
        calibration = self.run.store.calibration(self.run.name)
        if calibration is not None:
            self._observer.calibrated(calibration)

    def _why_not(self, evaluation: Evaluation) -> str:
        if evaluation.status is not Status.SCORED:
            return f"it is {evaluation.status}: {evaluation.reason or 'no reason given'}"
        return (
            f"its {self.run.task.objective.metric.name} is not above zero everywhere, so there are "
            'no ratios to it; mend the judge, or take aggregate = "mean"'
        )

    @property
    def _search_splits(self) -> set[Split]:
        return {stage.split for stage in self.run.task.stages}

    async def _worker(self, measuring: Measuring, number: int) -> None:
        while self._time_left():
            trial = await self._next(number)
            if trial is None:
                # Nothing new for now; what is in flight may change that.
                if not (self.run.exhausted and self.run.in_flight):
                    return
                self._news.clear()
                await self._news.wait()
                continue
            trial = await measuring.trial(trial)
            self._news.set()
            self._observer.told(trial)
            self._watch_judge(trial)

    async def _next(self, worker: int) -> Trial | None:
        """The next trial; None too if the time is over before a proposer has answered."""
        try:
            async with asyncio.timeout(self._seconds_left):
                return await self.run.ask(worker)
        except TimeoutError:
            return None

    @property
    def _seconds_left(self) -> float | None:
        limit = self._settings.max_minutes
        return None if limit is None else 60 * limit - self.elapsed_s

    def _time_left(self) -> bool:
        left = self._seconds_left
        return left is None or left > 0

    def _watch_judge(self, trial: Trial) -> None:
        failed = trial.status is Status.JUDGE_FAILED
        self._judge_failures = self._judge_failures + 1 if failed else 0
        if self._judge_failures >= JUDGE_FAILURES:
            raise Unavailable(
                f"the judge failed {JUDGE_FAILURES} times in a row; mend judge.py and go on with "
                f"adrs run --resume {self.run.name}. The last reason: "
                f"{trial.evaluations[-1].reason}"
            )

    def _sign(self, evaluation: Evaluation) -> Evaluation:
        return replace(evaluation, fingerprint=self._fingerprint(evaluation.isolation))

    def _fingerprint(self, isolation: Isolation) -> str:
        known = self._fingerprints.get(id(isolation))
        if known is None:
            description = describe(self.run.task, isolation, self._settings.seed)
            known = (isolation, self.run.store.keep_fingerprint(description))
            self._fingerprints[id(isolation)] = known
        return known[1]

    # --- after the search ---------------------------------------------------------------------

    async def _measure_references(
        self, split: Split, measure: Callable[[Sequence[Program]], Awaitable[list[Evaluation]]]
    ) -> None:
        """References on one split, once."""
        references, store = self.run.task.references, self.run.store
        known = any(e.split is split for _, e in store.references(self.run.name))
        if known or not references:
            return
        self._observer.phase(f"measuring references on {split}")
        done = await measure(list(references.values()))
        measured = [Measured(name, e) for name, e in zip(references, done, strict=True)]
        store.append(self.run.name, measured)

    async def _confirm(self, measuring: Measuring, bench: Bench, validation: ValidationSet) -> None:
        """Validation for the few best, then held-out for the best of these."""
        frozen = await self._freeze(validation)
        if frozen is None:
            return
        found = self.run.store.finding(self.run.name)
        if found is None or found.trial != frozen.number:
            await self._judge(measuring, bench, frozen)
        self._certify()
        if self._settings.adversary:
            await self._attack(measuring, bench, frozen)

    async def _judge(self, measuring: Measuring, bench: Bench, frozen: Trial) -> None:
        store, name, task = self.run.store, self.run.name, self.run.task
        self._observer.phase("judging the best on held-out workloads")
        salt = secrets.token_hex(16)
        request = Request(Split.HELD_OUT, salt, repeats=measuring.confirming_repeats)
        workloads = await bench.workloads(request)
        shares = ", ".join(sorted({ref.shares for ref in workloads} - {""}))
        digest = set_digest(workloads)
        store.append(name, [Looked(frozen.number, digest, salt)])
        subjects: list[int | str] = [0, frozen.number, *task.references]
        programs = [task.seed, frozen.program, *task.references.values()]
        done = await measuring.programs(programs, request)
        measured = dict(zip(subjects, done, strict=True))
        baseline, best = measured[0], measured[frozen.number]
        if not baseline.workloads == best.workloads == digest:
            raise ConfigError(
                f"the judge of {task.name} made other held-out workloads in another "
                "process from the same salt; workloads() must depend on its arguments alone"
            )
        finding = judge_held_out(
            task.objective,
            task.brief.constraints,
            baseline,
            best,
            trial=frozen.number,
            salt=salt,
            looks=store.looks(digest, name),
            shares=shares,
            accept_isolation=self._settings.accept_isolation,
        )
        facts = [Measured(subject, evaluation) for subject, evaluation in measured.items()]
        store.append(name, [*facts, Found(finding)])

    def _certify(self) -> None:
        """A certificate for a WINNER that has none."""
        store, name = self.run.store, self.run.name
        finding = store.finding(name)
        assert finding is not None
        if finding.verdict is not Verdict.WINNER:
            return
        if store.certificate(name, finding.trial) is None:
            certificate = issue_certificate(store, name, self.run.confined)
            content = certificate.canonical().decode()
            store.append(name, [Certified(finding.trial, certificate.id, content)])

    async def _attack(self, measuring: Measuring, bench: Bench, frozen: Trial) -> None:
        """Workloads on which the frozen program loses, once; nothing rests on them."""
        store, name = self.run.store, self.run.name
        earlier = store.attack(name)
        if earlier is not None and earlier.trial == frozen.number:
            return
        adversary = Adversary(
            self.run.task,
            frozen,
            measuring,
            bench,
            store,
            real=bool(self._settings.workloads),
            lanes=max(1, self._executor.capacity // 2),
            seconds=self.elapsed_s,
            say=self._observer.phase,
        )
        store.append(name, [Attacked(await adversary.attack())])

    async def _freeze(self, validation: ValidationSet) -> Trial | None:
        """The best on validation of the few best on train.

        Returns:
            None if the seed is still the best, or if validation cannot tell; `_unfrozen` says why.
        """
        name, store, task = self.run.name, self.run.store, self.run.task
        finalists = [t for t in self.run.archive.elites(FINALISTS) if t.number != 0]
        better = self.run.best is not None and self.run.best.number != 0
        if not finalists or not better:
            return None
        self._observer.phase("measuring the few best on validation")
        await self._measure_references(Split.VALIDATION, validation.measure)
        numbers = [0, *(trial.number for trial in finalists)]
        fresh = [number for number in numbers if self._validation(number) is None]
        if fresh and task.timed:
            fresh = numbers  # timings of another hour are not compared with
        programs = [store.trial(name, number).program for number in fresh]
        done = await validation.measure(programs)
        store.append(name, [Measured(n, e) for n, e in zip(fresh, done, strict=True)])
        measured = {number: self._validation(number) for number in numbers}
        seed = measured[0]
        if len({e.workloads for e in measured.values() if e and e.status is Status.SCORED}) > 1:
            raise ConfigError(
                f"the judge of {task.name} made other validation workloads than when this run was "
                "last at work; workloads() must depend on its arguments alone, and files that it "
                "reads must stay as they are while a run goes on. Start a new run"
            )
        if seed is None or validation_score(task, seed, seed) is None:
            self._unfrozen = f"nothing was frozen: {_failure('the seed', seed)}"
            return None
        ranked = by_validation(task, finalists, measured, seed)
        if not ranked:
            best = finalists[0].number
            self._unfrozen = (
                f"nothing was frozen: none of the {len(finalists)} best programs scored on "
                f"validation; {_failure(f'trial {best}', measured[best])}"
            )
        return ranked[0] if ranked else None

    def _validation(self, number: int) -> Evaluation | None:
        return validation_of(self.run.store.trial(self.run.name, number))


def _failure(whose: str, evaluation: Evaluation | None) -> str:
    """Why a program has no score on validation; whoever wrote the reason, it is quoted and cut."""
    if evaluation is None or evaluation.status is Status.SCORED:
        return f"{whose} has figures that are not above zero there, so there are no ratios"
    reason = f": {evaluation.reason[:200]!r}" if evaluation.reason else ""
    return f"{whose} is {evaluation.status} on validation{reason}"
