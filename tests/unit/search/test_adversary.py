"""What an adversary finds, what it must not touch, and how its finds join a next run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

import adrs
from adrs.testing.fakes import FunctionEvaluator, Silent

Answer = dict[str, float] | adrs.Status | adrs.AdrsError
Measure = Callable[[adrs.Program, adrs.WorkloadRef], Answer]

GENERATOR = {"load": [0.0, 1.0], "jobs": [1, 100], "kind": "batch", "pair": [7, 7]}
# With less than a WINNER needs there is no certificate to issue; an adversary does not mind.
WEAK = adrs.Isolation("fake", adrs.IsolationLevel.PROCESS, {}, {})


class Given:
    """Proposes the given programs, one after the other."""

    name = "given"
    version = "1"
    confined = True
    waits_for = ""

    def __init__(self, *values: float) -> None:
        self._values = values

    async def propose(self, context: adrs.Context) -> Sequence[adrs.Candidate | adrs.Rejection]:
        if context.ordinal > len(self._values):
            return []
        program = adrs.Program(
            {"numbers.py": f"x = {self._values[context.ordinal - 1]}\n".encode()}
        )
        lineage = adrs.Lineage(self.name, self.version, (context.selection.parent.number,))
        return [adrs.Candidate(program, lineage)]

    def observe(self, trial: adrs.Trial) -> None:
        pass


class Judge(FunctionEvaluator):
    """A function whose workloads are as large as their jobs, and that remembers what was drawn."""

    def __init__(self, measure: Measure, refuses: Callable[[Any], str] = lambda _: "") -> None:
        super().__init__(measure, isolation=WEAK)
        self._refuses = refuses
        self.drawn: list[Any] = []

    async def workloads(self, request: adrs.Request) -> tuple[adrs.WorkloadRef, ...]:
        found = await super().workloads(request)
        if request.parameters is None:
            return found
        self.drawn.append(request.parameters)
        if reason := self._refuses(request.parameters):
            raise adrs.ConfigError(reason)
        jobs: Any = request.parameters["jobs"]
        return tuple(replace(one, size=round(10 * jobs[0])) for one in found)


class Fixed(FunctionEvaluator):
    """A judge with one held-out set, whatever it is given."""

    async def workloads(self, request: adrs.Request) -> tuple[adrs.WorkloadRef, ...]:
        return await super().workloads(adrs.Request(request.split, names=request.names))


def value(program: adrs.Program) -> float:
    line = program.text("numbers.py").splitlines()[0]
    return float(line.split()[2]) if line.startswith("x =") else 100.0


def drawn(workload: adrs.WorkloadRef, parameter: str) -> float:
    """What an adversary made of a parameter; 0 for the task's own workloads."""
    _, brace, rest = workload.name.partition("{")
    return float(json.loads(brace + rest.rpartition("-")[0])[parameter][0]) if brace else 0.0


def above(limit: float, answer: Answer) -> Measure:
    """Programs answer how good they are; all but the seed something else where load is high."""

    def measure(program: adrs.Program, workload: adrs.WorkloadRef) -> Answer:
        figure = value(program)
        return answer if figure < 100 and drawn(workload, "load") > limit else {"loss": figure}

    return measure


def engine(
    store: adrs.Store,
    task: adrs.Task,
    evaluator: FunctionEvaluator,
    *values: float,
    run: str | None = None,
    observer: adrs.Observer | None = None,
    **settings: Any,
) -> adrs.Search:
    if run is None:
        given = {"trials": len(values), "proposers": ("given",), "adversary": True, **settings}
        run = store.create_run(task, adrs.RunSettings(str(task.folder), **given)).name
    machine = adrs.Run(run, task, [Given(*values)], adrs.Islands(adrs.Direction.MINIMIZE, 0), store)
    return adrs.Search(machine, evaluator, adrs.LocalExecutor(1), None, observer or Silent())  # type: ignore[arg-type]


def attack(
    store: adrs.Store, task: adrs.Task, evaluator: FunctionEvaluator, **settings: Any
) -> adrs.Attack:
    search = engine(store, task, evaluator, 80.0, **settings)
    assert asyncio.run(search.go()) is adrs.RunStatus.FINISHED
    found = store.attack(search.run.name)
    assert found is not None
    return found


@pytest.fixture
def ranged(task: adrs.Task) -> adrs.Task:
    return replace(task, generator=GENERATOR)


def test_it_finds_where_the_best_loses_and_how_common_that_is(
    store: adrs.Store, ranged: adrs.Task
) -> None:
    judge = Judge(above(0.6, {"loss": 120.0}))
    found = attack(store, ranged, judge)
    assert (found.trial, found.probes, found.workloads, found.refused) == (1, 48, 240, 0)
    # 24 points lie in 24 equal parts of the range, so 9 or 10 of them are above 0.6.
    assert found.even_workloads == 120
    assert found.even_lost in (45, 50)
    assert found.lost > found.even_lost
    assert found.region is not None
    assert found.region.loss is not None
    assert found.region.loss.value == pytest.approx(0.2)
    assert found.region.loss.low == pytest.approx(0.2)
    assert (found.region.workloads, found.region.lost) == (10, 10)
    assert len(found.found) == 5
    for one in found.found:
        parameters: Any = one.parameters
        assert parameters["load"][0] == parameters["load"][1] > 0.6
        assert type(parameters["jobs"][0]) is int
        assert (parameters["kind"], parameters["pair"]) == ("batch", [7, 7])
        assert (one.baseline, one.best, one.loss, one.fault) == (100.0, 120.0, 0.2, "")
        assert len(one.salt) == 32
    assert len({json.dumps(one.parameters) for one in found.found}) == 5


def test_the_smallest_is_made_again_from_what_is_recorded(
    store: adrs.Store, ranged: adrs.Task
) -> None:
    judge = Judge(above(0.6, {"loss": 120.0}))
    found = attack(store, ranged, judge)
    assert found.smallest is not None
    assert all(found.smallest.size <= one.size for one in found.found)
    request = adrs.Request(
        adrs.Split.HELD_OUT,
        found.smallest.salt,
        parameters=found.smallest.parameters,
        names=(found.smallest.workload,),
    )
    [made] = asyncio.run(judge.workloads(request))
    assert (made.digest, made.size) == (found.smallest.digest, found.smallest.size)


def test_later_points_go_to_the_worst_and_to_the_smallest(
    store: adrs.Store, ranged: adrs.Task
) -> None:
    """The best loses everywhere, more so on large workloads."""

    def measure(program: adrs.Program, workload: adrs.WorkloadRef) -> Answer:
        jobs = drawn(workload, "jobs")
        return {"loss": 100.0 + jobs if jobs and value(program) < 100 else value(program)}

    judge = Judge(measure)
    attack(store, replace(ranged, generator={"jobs": [1.0, 100.0]}), judge)
    # A probe asks for its workloads three times: to draw them, and for either program.
    later = [parameters["jobs"][0] for parameters in judge.drawn[3 * 24 : 3 * 48 : 3]]
    assert sum(jobs < 2.5 for jobs in later) >= 4
    assert sum(jobs > 40 for jobs in later) >= 10


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (adrs.Status.CRASHED, "CRASHED: as the function said"),
        ({"loss": 80.0, "missed": 2.0}, "breaks the constraint on missed"),
    ],
)
def test_failures_and_broken_constraints_are_faults(
    store: adrs.Store, ranged: adrs.Task, answer: Answer, fault: str
) -> None:
    missed = adrs.Metric("missed", adrs.Direction.MINIMIZE, "1")
    brief = replace(
        ranged.brief,
        metrics=(*ranged.brief.metrics, missed),
        constraints=(adrs.Constraint("missed", at_most=0.0),),
    )
    plain = above(0.6, answer)

    def measure(program: adrs.Program, workload: adrs.WorkloadRef) -> Answer:
        found = plain(program, workload)
        return {"missed": 0.0, **found} if isinstance(found, dict) else found

    found = attack(store, replace(ranged, brief=brief), Judge(measure))
    assert found.even_lost >= 9
    assert {one.fault for one in found.found} == {fault}
    assert found.region is not None
    assert found.region.fault == fault


def test_what_fails_the_baseline_or_the_judge_says_nothing(
    store: adrs.Store, ranged: adrs.Task
) -> None:
    def measure(program: adrs.Program, workload: adrs.WorkloadRef) -> Answer:
        if drawn(workload, "load") > 0.5:
            return adrs.Status.CRASHED if value(program) == 100 else {"loss": 500.0}
        if drawn(workload, "load") > 0.25 and value(program) < 100:
            return adrs.Status.JUDGE_FAILED
        return {"loss": value(program)}

    found = attack(store, ranged, Judge(measure))
    assert (found.lost, found.found, found.smallest) == (0, (), None)
    assert 0 < found.workloads < 240
    assert found.region is not None
    assert found.region.loss is not None
    assert found.region.loss.value == pytest.approx(-0.2)


@pytest.mark.parametrize(("loss", "holds"), [(100.0, False), (150.0, True)])
def test_a_loss_that_is_noise_is_not_reported(
    store: adrs.Store, ranged: adrs.Task, loss: float, holds: bool
) -> None:
    random = Random(1)

    def measure(program: adrs.Program, workload: adrs.WorkloadRef) -> Answer:
        figure = loss if drawn(workload, "load") and value(program) < 100 else value(program)
        return {"loss": figure * random.lognormvariate(0, 0.05)}

    noisy = replace(ranged, evaluator=replace(ranged.evaluator, deterministic=False))
    found = attack(store, noisy, Judge(measure))
    assert found.even_lost > 30
    assert bool(found.found) is holds
    assert (found.smallest is not None) is holds


def test_without_ranges_or_with_real_workloads_it_says_so(
    store: adrs.Store, ranged: adrs.Task, tmp_path: Path
) -> None:
    plain = replace(ranged, generator={"kind": "batch", "pair": [7, 7], "down": [9, 1]})
    assert "declares no ranges" in attack(store, plain, Judge(above(0.6, {"loss": 1.0}))).note
    real = Judge(above(0.6, {"loss": 120.0}))
    found = attack(store, ranged, real, workloads=str(tmp_path))
    assert (found.probes, real.drawn) == (0, [])
    assert "real workloads" in found.note


def test_refused_points_are_counted_and_the_rest_is_searched(
    store: adrs.Store, ranged: adrs.Task
) -> None:
    def refuses(parameters: Any) -> str:
        return "too little load" if parameters["load"][0] < 0.5 else ""

    found = attack(store, ranged, Judge(above(0.6, {"loss": 120.0}), refuses))
    assert found.refused >= 12
    assert found.probes + found.refused == 48
    assert found.found
    assert "too little load" in found.note
    nothing = attack(store, ranged, Judge(above(0.6, {"loss": 120.0}), lambda _: "no [x, x]"))
    assert (nothing.probes, nothing.refused, nothing.note) == (0, 24, "no [x, x]")


def test_the_set_of_a_verdict_is_never_touched(store: adrs.Store, ranged: adrs.Task) -> None:
    measured: list[str] = []

    def measure(program: adrs.Program, workload: adrs.WorkloadRef) -> Answer:
        measured.append(workload.name)
        return {"loss": value(program)}

    found = attack(store, ranged, Fixed(measure, isolation=WEAK))
    assert (found.probes, found.workloads) == (0, 0)
    assert "that a verdict rests on" in found.note
    assert sum(name.startswith("held_out") for name in measured) == 20


def test_fresh_draws_count_no_look(store: adrs.Store, ranged: adrs.Task) -> None:
    found = attack(store, ranged, Judge(above(0.6, {"loss": 120.0})))
    [run] = store.runs()
    finding = store.finding(run.name)
    assert finding is not None
    assert finding.looks == store.looks(finding.workloads, run.name) == 1
    assert finding.salt not in {one.salt for one in found.found}


def test_an_interruption_costs_the_attack_alone_and_a_resume_makes_it(
    store: adrs.Store, ranged: adrs.Task
) -> None:
    class Stopping(Silent):
        def phase(self, words: str) -> None:
            if words.startswith("looking for workloads"):
                search.stop("SIGINT")

    judge = Judge(above(0.6, {"loss": 120.0}))
    search = engine(store, ranged, judge, 80.0, observer=Stopping())
    assert asyncio.run(search.go()) is adrs.RunStatus.INTERRUPTED
    name = search.run.name
    finding = store.finding(name)
    assert finding is not None
    assert store.attack(name) is None
    assert adrs.summarize(store, name, ranged)["adversary"] is None
    asyncio.run(engine(store, ranged, judge, 80.0, run=name).go())
    made = store.attack(name)
    assert made is not None
    assert made.found
    assert adrs.summarize(store, name, ranged)["adversary"]["lost"] == made.lost
    asyncio.run(engine(store, ranged, judge, 80.0, run=name).go())
    assert store.attack(name) == made
    assert store.finding(name) == finding


# --- counterexamples in a next run -----------------------------------------------------------


def test_counterexamples_decide_what_is_frozen_and_join_no_other_split(
    store: adrs.Store, ranged: adrs.Task
) -> None:
    """70 is best on the task's own workloads, and fails on what beat 80."""

    def measure(program: adrs.Program, workload: adrs.WorkloadRef) -> Answer:
        figure = value(program)
        if drawn(workload, "load") > 0.6 and figure < 90:
            return {"loss": 120.0} if figure == 80 else adrs.Status.CRASHED
        return {"loss": figure}

    judge = Judge(measure)
    earlier = attack(store, ranged, judge)
    [first] = store.runs()
    search = engine(
        store, ranged, judge, 70.0, 90.0, adversary=False, counterexamples=(first.name,)
    )
    asyncio.run(search.go())
    name = search.run.name
    finding = store.finding(name)
    assert finding is not None
    assert finding.trial == 2
    expected = {one.digest for one in (*earlier.found, earlier.smallest) if one is not None}
    for number, joined in ((0, True), (2, True), (1, False)):
        evaluations = {one.split: one for one in store.trial(name, number).evaluations}
        units = {sample.unit for sample in evaluations[adrs.Split.VALIDATION].samples}
        extra = [unit for unit in units if unit.startswith("counterexample-")]
        assert len(extra) == (len(expected) if joined else 1)
        assert len(evaluations[adrs.Split.TRAIN].samples) <= 20
        if adrs.Split.HELD_OUT in evaluations:
            assert len(evaluations[adrs.Split.HELD_OUT].samples) == 10
    summary = adrs.summarize(store, name, ranged)
    assert summary["validation"]["baseline"]["objective"]["units"] == 10 + len(expected)
    plain = adrs.summarize(store, first.name, ranged)
    assert plain["validation"]["baseline"]["objective"]["units"] == 10


def test_counterexamples_must_be_there_and_of_this_task(
    store: adrs.Store, ranged: adrs.Task
) -> None:
    judge = Judge(above(0.6, {"loss": 120.0}))
    without = engine(store, ranged, judge, 80.0, adversary=False)
    asyncio.run(without.go())
    with pytest.raises(adrs.ConfigError, match="started with --adversary"):
        engine(store, ranged, judge, 80.0, counterexamples=(without.run.name,))
    with pytest.raises(adrs.NotInStore):
        engine(store, ranged, judge, 80.0, counterexamples=("nothing-7",))
    attack(store, ranged, judge)
    latest = store.runs()[0].name
    changed = replace(ranged, digest="0" * 64)
    with pytest.raises(adrs.ConfigError, match="another version of numbers"):
        engine(store, changed, judge, 80.0, counterexamples=(latest,))


def test_a_judge_that_makes_other_counterexamples_ends_the_run_at_once(
    store: adrs.Store, ranged: adrs.Task
) -> None:
    attack(store, ranged, Judge(above(0.6, {"loss": 120.0})))
    latest = store.runs()[0].name

    class Other(Judge):
        async def workloads(self, request: adrs.Request) -> tuple[adrs.WorkloadRef, ...]:
            found = await super().workloads(request)
            return tuple(replace(one, digest="other") for one in found)

    judge = Other(above(0.6, {"loss": 120.0}))
    search = engine(store, ranged, judge, 80.0, counterexamples=(latest,))
    with pytest.raises(adrs.ConfigError, match="makes another workload"):
        asyncio.run(search.go())
    assert judge.measured == 0
