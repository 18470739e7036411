"""The loop from seed to verdict: order, budgets, resume, and whose fault a failure is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import adrs
from adrs.testing.fakes import FunctionEvaluator, Silent

Loss = Callable[[adrs.Program, adrs.WorkloadRef], dict[str, float] | adrs.Status | adrs.AdrsError]


class Counter:
    """Proposes the ordinal as a constant; remembers what it saw."""

    name = "counter"
    version = "1"
    confined = True
    waits_for = ""

    def __init__(self, repeat: bool = False, batch: int = 1) -> None:
        self.repeat = repeat
        self.batch = batch
        self.observed: list[int] = []

    async def propose(self, context: adrs.Context) -> Sequence[adrs.Candidate | adrs.Rejection]:
        parent = context.selection.parent
        lineage = adrs.Lineage(self.name, self.version, (parent.number,))
        candidates = []
        for n in range(self.batch):
            value = 1 if self.repeat else 1000 - context.ordinal - n / 10
            source = f"x = {value}\nseed = {context.seed % 7}\n"
            candidates.append(
                adrs.Candidate(adrs.Program({"numbers.py": source.encode()}), lineage)
            )
        return candidates

    def observe(self, trial: adrs.Trial) -> None:
        self.observed.append(trial.number)


def begin(
    store: adrs.Store,
    task: adrs.Task,
    measure: Loss | FunctionEvaluator,
    proposers: Sequence[adrs.Proposer] | None = None,
    *,
    run: str | None = None,
    observer: adrs.Observer | None = None,
    **settings: object,
) -> adrs.Search:
    """An engine on a new run, or on the run of that name."""
    given = {"trials": 10, "proposers": ("counter",), **settings}
    if run is None:
        asked = adrs.RunSettings(task=str(task.folder), **given)  # type: ignore[arg-type]
        run = store.create_run(task, asked).name
    info = store.run(run)
    archive = adrs.Islands(task.objective.metric.direction, info.settings.seed)
    machine = adrs.Run(run, task, proposers or [Counter()], archive, store)
    evaluator = measure if isinstance(measure, FunctionEvaluator) else FunctionEvaluator(measure)
    executor = adrs.LocalExecutor(info.settings.workers)
    return adrs.Search(machine, evaluator, executor, _NoSandbox(), observer or Silent())


class _NoSandbox:
    name = "none"

    async def probe(self) -> adrs.Probe:
        raise NotImplementedError

    async def open(self, room: adrs.Room) -> adrs.Session:
        raise NotImplementedError


def offline() -> list[adrs.Proposer]:
    from adrs.plugins import load

    return [load("adrs.proposers", name)() for name in ("tune", "mutate", "cross")]  # type: ignore[misc]


def history(store: adrs.Store, run: str) -> list[tuple[int, str, str, tuple[int, ...]]]:
    trials = sorted(store.told(run), key=lambda trial: trial.number)
    return [(t.number, t.program.id, t.lineage.proposer, t.lineage.parents) for t in trials]


def constant(program: adrs.Program, workload: adrs.WorkloadRef) -> dict[str, float]:
    line = program.text("numbers.py").splitlines()[0]
    spread = int(workload.digest[:4], 16) / 65536
    value = float(line.partition("=")[2]) if line.startswith("x =") else 2000.0
    return {"loss": value + spread}


def test_a_run_ends_with_the_asked_trials_and_a_verdict(store: adrs.Store, task: adrs.Task) -> None:
    search = begin(store, task, constant, trials=12)
    assert asyncio.run(search.go()) is adrs.RunStatus.FINISHED
    summary = adrs.summarize(store, search.run.name, task)
    assert summary["trials"] == 12
    assert summary["status"] == "finished"
    assert summary["by_status"] == {"SCORED": 13}
    assert summary["best"]["objective"]["value"] < summary["baseline"]["objective"]["value"]
    held_out = summary["held_out"]
    assert held_out["verdict"] == "WINNER", held_out["reason"]
    assert held_out["units"] == 10
    assert held_out["looks"] == 1
    assert held_out["effect"]["low"] > 0.4
    assert len(held_out["salt"]) == 32


def test_held_out_is_drawn_with_a_new_salt_each_time(store: adrs.Store, task: adrs.Task) -> None:
    salts = set()
    for _ in range(2):
        search = begin(store, task, constant, trials=3)
        asyncio.run(search.go())
        finding = store.finding(search.run.name)
        assert finding is not None
        salts.add(finding.salt)
    assert len(salts) == 2


def test_nothing_better_means_no_look_at_held_out(store: adrs.Store, task: adrs.Task) -> None:
    search = begin(store, task, lambda program, workload: {"loss": 1.0}, trials=3)
    asyncio.run(search.go())
    assert adrs.summarize(store, search.run.name, task)["held_out"] is None


def test_the_same_seed_with_one_worker_gives_the_same_trials(
    store: adrs.Store, task: adrs.Task, search_loss: Loss
) -> None:
    runs = []
    for seed in (5, 5, 6):
        search = begin(store, task, search_loss, offline(), trials=40, seed=seed)
        asyncio.run(search.go())
        runs.append(history(store, search.run.name))
    assert len(runs[0]) == 41
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


class StopAt:
    """An observer that interrupts the search at a trial."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.search: adrs.Search | None = None

    def phase(self, words: str) -> None:
        pass

    def calibrated(self, calibration: adrs.Calibration) -> None:
        pass

    def told(self, trial: adrs.Trial) -> None:
        if trial.number == self.number and self.search is not None:
            self.search.stop("the test said so")


@pytest.mark.parametrize("stop_at", [0, 1, 17, 39])
def test_a_resumed_run_goes_on_as_if_never_stopped(
    store: adrs.Store, task: adrs.Task, search_loss: Loss, stop_at: int
) -> None:
    whole = begin(store, task, search_loss, offline(), trials=40, seed=9)
    asyncio.run(whole.go())
    stop = StopAt(stop_at)
    first = begin(store, task, search_loss, offline(), trials=40, seed=9, observer=stop)
    stop.search = first
    assert asyncio.run(first.go()) is adrs.RunStatus.INTERRUPTED
    name = first.run.name
    assert store.run(name).told == stop_at + 1
    second = begin(store, task, search_loss, offline(), run=name)
    assert asyncio.run(second.go()) is adrs.RunStatus.FINISHED
    assert history(store, name) == history(store, whole.run.name)


def test_more_trials_extend_a_finished_run(store: adrs.Store, task: adrs.Task) -> None:
    short = begin(store, task, constant, trials=4)
    asyncio.run(short.go())
    name = short.run.name
    store.amend_run(name, replace(store.run(name).settings, trials=9))
    longer = begin(store, task, constant, run=name)
    asyncio.run(longer.go())
    whole = begin(store, task, constant, trials=9)
    asyncio.run(whole.go())
    assert history(store, name) == history(store, whole.run.name)


def test_a_batch_is_used_to_the_last_and_never_beyond_the_budget(
    store: adrs.Store, task: adrs.Task
) -> None:
    search = begin(store, task, constant, [Counter(batch=4)], trials=10)
    asyncio.run(search.go())
    assert [number for number, *_ in history(store, search.run.name)] == list(range(11))


def test_every_proposer_sees_every_trial_again_on_resume(
    store: adrs.Store, task: adrs.Task
) -> None:
    first = begin(store, task, constant, trials=6)
    asyncio.run(first.go())
    again = Counter()
    begin(store, task, constant, [again], run=first.run.name)
    assert again.observed == list(range(7))


def test_repeated_programs_are_rejections_and_end_the_run(
    store: adrs.Store, task: adrs.Task
) -> None:
    search = begin(store, task, constant, [Counter(repeat=True)], trials=50)
    assert asyncio.run(search.go()) is adrs.RunStatus.BUDGET
    info = store.run(search.run.name)
    assert "nothing new" in info.reason
    assert info.told < 12
    assert info.rejections >= 300
    kinds = {rejection.kind for _, rejection in store.rejections(search.run.name)}
    assert kinds == {adrs.RejectionKind.DUPLICATE}


def test_minutes_are_a_budget(store: adrs.Store, task: adrs.Task) -> None:
    search = begin(store, task, constant, trials=100_000, max_minutes=0.05)
    assert asyncio.run(search.go()) is adrs.RunStatus.BUDGET
    summary = adrs.summarize(store, search.run.name, task)
    assert 0 < summary["trials"] < 100_000
    assert summary["held_out"] is not None


def test_a_seed_that_does_not_score_ends_the_run_with_the_reason(
    store: adrs.Store, task: adrs.Task
) -> None:
    search = begin(store, task, lambda program, workload: adrs.Status.INVALID)
    with pytest.raises(adrs.SeedFailed, match="INVALID: as the function said"):
        asyncio.run(search.go())
    info = store.run(search.run.name)
    assert info.status is adrs.RunStatus.UNAVAILABLE
    assert "INVALID" in info.reason


def test_failures_are_trials_and_never_kept(store: adrs.Store, task: adrs.Task) -> None:
    def measure(
        program: adrs.Program, workload: adrs.WorkloadRef
    ) -> dict[str, float] | adrs.Status:
        figures = constant(program, workload)
        return adrs.Status.TIMED_OUT if int(figures["loss"]) % 2 else figures

    search = begin(store, task, measure, trials=20)
    asyncio.run(search.go())
    info = store.run(search.run.name)
    assert info.by_status["TIMED_OUT"] == 10
    assert info.told == 21
    kept = [t for t in store.told(search.run.name) if t.admission and t.admission.kept]
    assert all(t.status is adrs.Status.SCORED for t in kept)


def test_a_judge_that_always_fails_ends_the_run(store: adrs.Store, task: adrs.Task) -> None:
    def measure(
        program: adrs.Program, workload: adrs.WorkloadRef
    ) -> dict[str, float] | adrs.Status:
        seed = not program.text("numbers.py").startswith("x =")
        return {"loss": 1.0} if seed else adrs.Status.JUDGE_FAILED

    search = begin(store, task, measure, trials=100)
    with pytest.raises(adrs.Unavailable, match="20 times in a row"):
        asyncio.run(search.go())
    info = store.run(search.run.name)
    assert info.status is adrs.RunStatus.UNAVAILABLE
    assert info.by_status["JUDGE_FAILED"] == 20


def test_a_broken_sandbox_is_retried_and_never_scored(store: adrs.Store, task: adrs.Task) -> None:
    broken = [True]

    def measure(
        program: adrs.Program, workload: adrs.WorkloadRef
    ) -> dict[str, float] | adrs.AdrsError:
        if broken.pop() if broken else False:
            return adrs.SandboxUnavailable("gone")
        return constant(program, workload)

    search = begin(store, task, measure, trials=5)
    assert asyncio.run(search.go()) is adrs.RunStatus.FINISHED
    assert store.run(search.run.name).by_status == {"SCORED": 6}


def test_a_sandbox_that_stays_broken_ends_the_run_and_keeps_the_trial(
    store: adrs.Store, task: adrs.Task
) -> None:
    def measure(
        program: adrs.Program, workload: adrs.WorkloadRef
    ) -> dict[str, float] | adrs.AdrsError:
        seed = not program.text("numbers.py").startswith("x =")
        return {"loss": 1.0} if seed else adrs.SandboxUnavailable("gone for good")

    search = begin(store, task, measure, trials=5)
    with pytest.raises(adrs.SandboxUnavailable, match="gone for good"):
        asyncio.run(search.go())
    name = search.run.name
    assert store.run(name).status is adrs.RunStatus.UNAVAILABLE
    assert [trial.number for trial in store.in_flight(name)] == [1]
    mended = begin(store, task, constant, run=name)
    assert asyncio.run(mended.go()) is adrs.RunStatus.FINISHED
    assert store.run(name).told == 6


def test_a_proposer_that_raises_ends_the_run_and_keeps_it(
    store: adrs.Store, task: adrs.Task
) -> None:
    class Broken(Counter):
        async def propose(self, context: adrs.Context) -> Sequence[adrs.Candidate | adrs.Rejection]:
            if context.ordinal > 3:
                raise KeyError("of its own")
            return await super().propose(context)

    search = begin(store, task, constant, [Broken()], trials=9)
    with pytest.raises(adrs.Unavailable, match=r"counter 1 failed: KeyError\('of its own'\)"):
        asyncio.run(search.go())
    assert store.run(search.run.name).told == 4


def test_several_workers_lose_and_double_nothing(store: adrs.Store, task: adrs.Task) -> None:
    evaluator = FunctionEvaluator(constant)
    search = begin(store, task, evaluator, trials=60, workers=4)
    asyncio.run(search.go())
    assert [number for number, *_ in history(store, search.run.name)] == list(range(61))
    twice_since_each_leads, finalists, baseline_and_best = 2, 5, 2
    searching = 1 + 60 * twice_since_each_leads
    assert evaluator.measured == searching + (finalists + 1) + baseline_and_best


def test_less_isolation_than_a_winner_needs_is_refused_and_may_be_accepted(
    store: adrs.Store, task: adrs.Task
) -> None:
    bare = adrs.Isolation("process", adrs.IsolationLevel.PROCESS, {"wall": "a clock"}, {})
    evaluator = FunctionEvaluator(constant, isolation=bare)
    for accept, verdict in (("", "REFUSED"), ("process", "WINNER")):
        search = begin(store, task, evaluator, trials=5, accept_isolation=accept)
        asyncio.run(search.go())
        held_out = adrs.summarize(store, search.run.name, task)["held_out"]
        assert held_out["verdict"] == verdict, held_out["reason"]


def test_too_few_units_confirm_nothing(store: adrs.Store, task: adrs.Task) -> None:
    search = begin(store, task, FunctionEvaluator(constant, units=7), trials=5)
    asyncio.run(search.go())
    held_out = adrs.summarize(store, search.run.name, task)["held_out"]
    assert held_out["verdict"] == "NOT_CONFIRMED"
    assert "too few independent workloads" in held_out["reason"]


def test_stop_is_heard_through_the_store(store: adrs.Store, task: adrs.Task) -> None:
    class StopThroughStore(StopAt):
        def told(self, trial: adrs.Trial) -> None:
            if trial.number == 3:
                store.request_stop(name)

    def slow(program: adrs.Program, workload: adrs.WorkloadRef) -> dict[str, float]:
        import time

        time.sleep(0.005)
        return constant(program, workload)

    search = begin(store, task, slow, trials=100_000, observer=StopThroughStore(0))
    name = search.run.name
    assert asyncio.run(search.go()) is adrs.RunStatus.INTERRUPTED
    info = store.run(name)
    assert "adrs stop" in info.reason
    assert not info.stop_requested or info.told < 1000


def test_tell_takes_each_trial_once(store: adrs.Store, task: adrs.Task) -> None:
    search = begin(store, task, constant)
    run = search.run

    async def play() -> None:
        evaluator = FunctionEvaluator(constant)
        trial = await run.ask()
        assert trial is not None
        evaluation = await evaluator.measure(trial.program, adrs.Request(adrs.Split.TRAIN))
        with pytest.raises(adrs.TrialStateError, match="no evaluation"):
            run.tell(trial.number, [])
        run.tell(trial.number, [evaluation])
        with pytest.raises(adrs.TrialStateError, match="not open"):
            run.tell(trial.number, [evaluation])
        with pytest.raises(adrs.TrialStateError, match="not open"):
            run.tell(99, [evaluation])

    asyncio.run(play())


def test_a_task_that_changed_is_not_resumed(
    store: adrs.Store, task: adrs.Task, tmp_path: Path
) -> None:
    settings = adrs.RunSettings(task=str(task.folder), trials=3, sandbox="process")
    name = store.create_run(task, settings).name
    judge = task.folder / "judge.py"
    judge.write_text(judge.read_text() + "# changed\n")
    with pytest.raises(adrs.ConfigError, match="another version of the task"):
        asyncio.run(adrs.assemble(store, name, Silent()))


def test_who_was_exhausted_may_have_something_new_after_the_next_tell(
    store: adrs.Store, task: adrs.Task
) -> None:
    proposer = Counter(repeat=True)
    run = begin(store, task, constant, [proposer], trials=9).run

    async def play() -> None:
        evaluator = FunctionEvaluator(constant)
        request = adrs.Request(adrs.Split.TRAIN)
        while trial := await run.ask():
            run.tell(trial.number, [await evaluator.measure(trial.program, request)])
        assert run.exhausted
        proposer.repeat = False
        assert await run.ask() is not None
        assert not run.exhausted

    asyncio.run(play())


@pytest.mark.parametrize(
    "marks", [b"# EVOLVE-BLOCK-START\n" * 60_000, b"# EVOLVE-BLOCK-END\n" * 60_000]
)
def test_marks_without_end_are_looked_through_quickly(task: adrs.Task, marks: bytes) -> None:
    seed = adrs.Program({"numbers.py": b"# EVOLVE-BLOCK-START\nx = 1\n# EVOLVE-BLOCK-END\n"})
    began = time.process_time()
    hostile = seed.replacing({"numbers.py": marks})
    assert "outside its EVOLVE-BLOCK" in adrs.edit_fault(hostile, seed, task.brief)
    assert time.process_time() - began < 2


def test_an_empty_block_may_be_filled_and_nothing_else(task: adrs.Task) -> None:
    seed = adrs.Program({"numbers.py": b"a = 1\n# EVOLVE-BLOCK-START\n# EVOLVE-BLOCK-END\n"})
    filled = seed.replacing(
        {"numbers.py": b"a = 1\n# EVOLVE-BLOCK-START\nx = 1\n# EVOLVE-BLOCK-END\n"}
    )
    assert adrs.edit_fault(filled, seed, task.brief) == ""
    other = seed.replacing({"numbers.py": b"a = 2\n# EVOLVE-BLOCK-START\n# EVOLVE-BLOCK-END\n"})
    assert "outside" in adrs.edit_fault(other, seed, task.brief)
