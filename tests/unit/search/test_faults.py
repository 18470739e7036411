"""What is measured may be odd in every way; a run ends in words all the same."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

import adrs
from adrs.model.metric import Aggregate
from adrs.testing.fakes import FunctionEvaluator, Silent
from tests.unit.search.test_measuring import (
    Figures,
    Listed,
    _NoSandbox,
    engine,
    noisy,
    search,
    truth,
)

MINIMIZE = adrs.Direction.MINIMIZE
Measure = Callable[[adrs.Program, adrs.WorkloadRef], Figures | adrs.Status]


@pytest.fixture
def undeclared(task: adrs.Task) -> adrs.Task:
    return replace(task, evaluator=replace(task.evaluator, deterministic=False))


def of(
    task: adrs.Task,
    direction: adrs.Direction = adrs.Direction.MINIMIZE,
    aggregate: Aggregate = Aggregate.MEAN,
    timing: bool = False,
) -> adrs.Task:
    """The task with another objective."""
    metric = replace(task.objective.metric, direction=direction, timing=timing)
    objective = replace(task.objective, metric=metric, aggregate=aggregate)
    return replace(task, brief=replace(task.brief, objective=objective, metrics=(metric,)))


# --- an evaluator that answers something else than was asked ---------------------------------


class Odd(FunctionEvaluator):
    """Changes what is asked before it measures."""

    def __init__(self, change: Callable[[adrs.Request], adrs.Request], measure: Measure) -> None:
        super().__init__(measure, 2)
        self._change = change

    async def side_by_side(
        self, programs: Sequence[adrs.Program], request: adrs.Request
    ) -> list[adrs.Evaluation]:
        return await super().side_by_side(programs, self._change(request))


@pytest.mark.parametrize(
    "change",
    [lambda asked: replace(asked, first=0), lambda asked: replace(asked, repeats=1)],
    ids=["counts from nought", "measures once"],
)
def test_an_evaluator_that_gives_other_repeats_is_named(
    store: adrs.Store, undeclared: adrs.Task, change: Callable[[adrs.Request], adrs.Request]
) -> None:
    made = engine(store, undeclared, Odd(change, noisy(0.1)), [80.0, 79.0])
    with pytest.raises(adrs.Unavailable, match="the evaluator judge was asked for repeats"):
        asyncio.run(asyncio.wait_for(made.go(), 20))


def test_a_judge_that_makes_other_workloads_every_time_is_named(
    store: adrs.Store, undeclared: adrs.Task
) -> None:
    calls = itertools.count()

    def renamed(asked: adrs.Request) -> adrs.Request:
        return replace(asked, salt=str(next(calls)))

    made = engine(store, undeclared, Odd(renamed, noisy(0.1)), [80.0, 79.0])
    with pytest.raises(adrs.ConfigError, match="other train workloads"):
        asyncio.run(made.go())


@pytest.mark.parametrize("split", [adrs.Split.TRAIN, adrs.Split.VALIDATION])
@pytest.mark.parametrize("aggregate", list(Aggregate))
def test_workloads_that_are_others_after_a_resume_are_not_compared(
    store: adrs.Store, task: adrs.Task, split: adrs.Split, aggregate: Aggregate
) -> None:
    task = of(task, aggregate=aggregate)
    first = engine(store, task, noisy(0.0), [80.0, 70.0], trials=1)
    asyncio.run(first.go())
    name = first.run.name
    store.amend_run(name, replace(store.run(name).settings, trials=2))
    machine = adrs.Run(name, task, [Listed([80.0, 70.0])], adrs.Islands(MINIMIZE, 0), store)
    judge = Odd(lambda asked: replace(asked, salt="x") if asked.split is split else asked, noisy(0))
    again = adrs.Search(machine, judge, adrs.LocalExecutor(1), _NoSandbox(), Silent())
    with pytest.raises(adrs.ConfigError, match=f"other {split} workloads"):
        asyncio.run(again.go())


# --- figures that have no ratio --------------------------------------------------------------


@pytest.mark.parametrize("timing", [False, True])
@pytest.mark.parametrize("lowest", [-60.0, 0.0])
def test_repeats_without_a_ratio_do_not_end_a_run(
    store: adrs.Store, undeclared: adrs.Task, timing: bool, lowest: float
) -> None:
    """The mean over repeats has a ratio to the seed's; single repeats do not."""
    turns = itertools.count()

    def jumping(program: adrs.Program, workload: adrs.WorkloadRef) -> Figures:
        known = truth(program)
        return {"loss": known if known > 95 or next(turns) % 3 else lowest}

    ratio = of(undeclared, aggregate=Aggregate.GEOMEAN_RATIO, timing=timing)
    run = search(store, ratio, jumping, [90.0, 80.0, 70.0, 99.0, 98.0])
    assert store.run(run).told == 6


def test_a_seed_without_a_ratio_is_said(store: adrs.Store, task: adrs.Task) -> None:
    ratio = of(task, aggregate=Aggregate.GEOMEAN_RATIO)
    with pytest.raises(adrs.SeedFailed, match="loss is not above zero everywhere"):
        search(store, ratio, lambda program, _: {"loss": -1.0}, [90.0])


@pytest.mark.parametrize("direction", list(adrs.Direction))
@pytest.mark.parametrize("aggregate", list(Aggregate))
@pytest.mark.parametrize(("timing", "spread"), [(False, 0.0), (False, 0.1), (True, 0.1)])
@pytest.mark.parametrize("offset", [0.0, -100.0, -200.0])
def test_any_sign_of_the_objective_ends_in_order(
    store: adrs.Store,
    undeclared: adrs.Task,
    direction: adrs.Direction,
    aggregate: Aggregate,
    timing: bool,
    spread: float,
    offset: float,
) -> None:
    figure = noisy(spread)

    def shifted(program: adrs.Program, workload: adrs.WorkloadRef) -> Figures:
        return {"loss": figure(program, workload)["loss"] + offset}

    made = engine(
        store,
        of(undeclared, direction, aggregate, timing),
        FunctionEvaluator(shifted, 2),
        [80.0, 120.0, 100.0, 60.0, 140.0, 0.0, 250.0],
    )
    try:
        asyncio.run(made.go())
    except adrs.SeedFailed:
        assert aggregate is Aggregate.GEOMEAN_RATIO
        assert offset < 0
        return
    summary = adrs.summarize(store, made.run.name, made.run.task)
    assert summary["trials"] == 7
    if spread == 0.0:
        best = 6 if direction is adrs.Direction.MINIMIZE else 7
        if aggregate is Aggregate.GEOMEAN_RATIO and best == 6:
            best = 4  # nought has no ratio
        assert summary["best"]["trial"] == best


@pytest.mark.parametrize("timing", [False, True])
@pytest.mark.parametrize("aggregate", list(Aggregate))
@pytest.mark.parametrize(
    "figures",
    [
        (1e150, 1e-200, 1e-300, 5e-324),
        (1e-300, 1e150, -1e150, 1e-300),
        (0.0, 0.0, 1e-300, 0.0),
        (1e150, -1e150, 1e150, -1e149),
    ],
    ids=["huge seed", "tiny seed", "noughts", "both signs"],
)
def test_figures_without_measure_end_in_order(
    store: adrs.Store,
    undeclared: adrs.Task,
    figures: tuple[float, ...],
    aggregate: Aggregate,
    timing: bool,
) -> None:
    both = replace(undeclared, stages=(adrs.Stage(adrs.Split.SMOKE), *undeclared.stages))
    turns = itertools.count()

    def wild(program: adrs.Program, workload: adrs.WorkloadRef) -> Figures:
        figure = figures[int(truth(program)) % 4]
        return {"loss": figure if next(turns) % 3 else 0.9 * figure}

    losses = [float(n) for n in range(1, 30)]
    made = engine(
        store, of(both, aggregate=aggregate, timing=timing), FunctionEvaluator(wild, 3), losses
    )
    try:
        asyncio.run(made.go())
    except adrs.SeedFailed:
        assert aggregate is Aggregate.GEOMEAN_RATIO
        assert figures[0] < 1e-150
        return
    summary = adrs.summarize(store, made.run.name, made.run.task)
    json.dumps(summary, allow_nan=False)
    assert summary["trials"] == 29


def test_a_winner_without_a_ratio_beside_a_reference(store: adrs.Store, task: adrs.Task) -> None:
    ratio = of(task, aggregate=Aggregate.GEOMEAN_RATIO)
    ratio = replace(ratio, references={"known": adrs.Program({"numbers.py": b"x = 70.0\n"})})

    def nought_on_held_out(program: adrs.Program, workload: adrs.WorkloadRef) -> Figures:
        known = truth(program)
        return {"loss": 0.0 if known == 60.0 and "held_out" in workload.name else known}

    run = search(store, ratio, FunctionEvaluator(nought_on_held_out, 8), [60.0])
    held_out = adrs.summarize(store, run, ratio)["held_out"]
    assert held_out["best"]["objective"]["value"] is None
    assert "ratio" not in held_out["references"]["known"]


# --- the splits that decide ------------------------------------------------------------------


def failing(where: str, whose: Callable[[float], bool]) -> Measure:
    """Programs that are measured well, but for some on one split."""

    def measure(program: adrs.Program, workload: adrs.WorkloadRef) -> Figures | adrs.Status:
        known = truth(program)
        return (
            adrs.Status.CRASHED
            if workload.name.startswith(where) and whose(known)
            else {"loss": known}
        )

    return measure


@pytest.mark.parametrize("aggregate", list(Aggregate))
@pytest.mark.parametrize(
    ("where", "whose", "words"),
    [
        ("validation", lambda known: known == 100.0, "the seed is CRASHED on validation"),
        ("validation", lambda known: known < 100.0, "scored on validation"),
        ("held_out", lambda known: known == 100.0, "the seed is CRASHED on held-out"),
        ("held_out", lambda known: known < 100.0, "the best program is CRASHED on held-out"),
    ],
    ids=["seed on validation", "all on validation", "seed on held-out", "best on held-out"],
)
def test_a_failure_where_it_decides_ends_in_words(
    store: adrs.Store,
    task: adrs.Task,
    aggregate: Aggregate,
    where: str,
    whose: Callable[[float], bool],
    words: str,
) -> None:
    ratio = of(task, aggregate=aggregate)
    evaluator = FunctionEvaluator(failing(where, whose), 10)  # type: ignore[arg-type]
    run = search(store, ratio, evaluator, [80.0, 60.0])
    summary = adrs.summarize(store, run, ratio)
    assert summary["status"] == "finished"
    held_out = summary["held_out"]
    said = summary["reason"] if held_out is None else held_out["reason"]
    assert words in said
    assert held_out is None or held_out["verdict"] == "NOT_CONFIRMED"
