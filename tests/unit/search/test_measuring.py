"""How often a program is measured, and what that keeps out of the archive."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

import adrs
from adrs.testing.fakes import FunctionEvaluator, Silent

Figures = dict[str, float]


class Listed:
    """Proposes programs that say how good they are, in the given order."""

    name = "listed"
    version = "1"
    confined = True
    waits_for = ""

    def __init__(self, losses: Sequence[float]) -> None:
        self._losses = list(losses)

    async def propose(self, context: adrs.Context) -> Sequence[adrs.Candidate | adrs.Rejection]:
        if context.ordinal > len(self._losses):
            return []
        source = f"x = {self._losses[context.ordinal - 1]}\nnumber = {context.ordinal}\n"
        lineage = adrs.Lineage(self.name, self.version, (context.selection.parent.number,))
        return [adrs.Candidate(adrs.Program({"numbers.py": source.encode()}), lineage)]

    def observe(self, trial: adrs.Trial) -> None:
        pass


def truth(program: adrs.Program) -> float:
    line = program.text("numbers.py").splitlines()[0]
    return float(line.split()[2]) if line.startswith("x =") else 100.0


def noisy(spread: float, seed: int = 1) -> Callable[[adrs.Program, adrs.WorkloadRef], Figures]:
    random = Random(seed)
    return lambda program, _: {"loss": truth(program) * random.lognormvariate(0, spread)}


@pytest.fixture
def undeclared(task: adrs.Task) -> adrs.Task:
    return replace(task, evaluator=replace(task.evaluator, deterministic=False))


def engine(
    store: adrs.Store,
    task: adrs.Task,
    measure: Callable[[adrs.Program, adrs.WorkloadRef], Figures] | FunctionEvaluator,
    losses: Sequence[float],
    **settings: object,
) -> adrs.Search:
    given = {"trials": len(losses), "proposers": ("listed",), **settings}
    run = store.create_run(task, adrs.RunSettings(task=str(task.folder), **given)).name  # type: ignore[arg-type]
    archive = adrs.Islands(task.objective.metric.direction, 0)
    machine = adrs.Run(run, task, [Listed(losses)], archive, store)
    evaluator = measure if isinstance(measure, FunctionEvaluator) else FunctionEvaluator(measure, 2)
    return adrs.Search(machine, evaluator, adrs.LocalExecutor(1), _NoSandbox(), Silent())


class _NoSandbox:
    name = "none"

    async def probe(self) -> adrs.Probe:
        raise NotImplementedError

    async def open(self, room: adrs.Room) -> adrs.Session:
        raise NotImplementedError


def search(*arguments: object, **settings: object) -> str:
    made = engine(*arguments, **settings)  # type: ignore[arg-type]
    asyncio.run(made.go())
    return made.run.name


# --- calibration ---------------------------------------------------------------------------


def test_what_never_varies_is_measured_twice_and_found_deterministic(
    store: adrs.Store, task: adrs.Task
) -> None:
    run = search(store, task, lambda program, _: {"loss": truth(program)}, [120.0])
    calibration = store.calibration(run)
    assert calibration is not None
    assert calibration.deterministic
    assert calibration.repeats == 2
    assert calibration.spread == 0.0
    assert store.trial(run, 1).evaluations[-1].repeats == 1


def test_the_noise_of_a_judge_is_found(store: adrs.Store, undeclared: adrs.Task) -> None:
    run = search(store, undeclared, FunctionEvaluator(noisy(0.1), 1), [120.0])
    calibration = store.calibration(run)
    assert calibration is not None
    assert not calibration.deterministic
    assert calibration.repeats == 5
    assert 0.02 < calibration.spread < 0.3
    score = store.trial(run, 0).score
    assert score is not None
    assert score.repeats == 5
    assert 0 < score.error < 10


def test_a_wrong_declaration_is_said_and_not_believed(store: adrs.Store, task: adrs.Task) -> None:
    run = search(store, task, noisy(0.1), [50.0, 300.0])
    calibration = store.calibration(run)
    assert calibration is not None
    assert not calibration.deterministic
    assert "the seed's loss on" in calibration.contradiction
    assert store.trial(run, 1).evaluations[-1].repeats > 1


# --- repeats -------------------------------------------------------------------------------


def test_repeats_go_to_contenders(store: adrs.Store, undeclared: adrs.Task) -> None:
    run = search(store, undeclared, noisy(0.1), [90.0, *[300.0] * 40])
    told = store.told(run)
    score = told[1].score
    assert score is not None
    assert score.repeats > 2
    poor = [trial.score.repeats for trial in told[2:] if trial.score]
    assert sum(poor) / len(poor) < 2


def test_no_parent_was_measured_only_once(store: adrs.Store, undeclared: adrs.Task) -> None:
    random = Random(3)
    run = search(store, undeclared, noisy(0.2), [random.uniform(50, 150) for _ in range(60)])
    told = store.told(run)
    kept = [trial for trial in told if trial.admission and trial.admission.kept]
    assert len(kept) > 5
    assert all(trial.score and trial.score.repeats >= 2 for trial in kept)
    assert any(trial.score and trial.score.repeats == 1 for trial in told)


def test_one_lucky_measurement_is_not_the_best_for_ever(
    store: adrs.Store, undeclared: adrs.Task
) -> None:
    turns = itertools.count()

    def lucky_once(program: adrs.Program, workload: adrs.WorkloadRef) -> Figures:
        loss = truth(program)
        if loss == 110.0 and next(turns) < 2:  # its first repeat, on both workloads
            return {"loss": 30.0}
        return {"loss": loss * (1 + 0.001 * (next(turns) % 3))}

    run = search(store, undeclared, lucky_once, [110.0, 90.0])
    assert store.best_number(run, adrs.Direction.MINIMIZE) == 2


def test_dice_in_a_judge_that_throws_none_are_found_out(store: adrs.Store, task: adrs.Task) -> None:
    turns = itertools.count()

    def dice(program: adrs.Program, workload: adrs.WorkloadRef) -> Figures:
        loss = truth(program)
        return {"loss": (20.0 if next(turns) < 2 else 180.0) if loss == 110.0 else loss}

    run = search(store, task, dice, [110.0, 95.0])
    gambler = store.trial(run, 1).score
    assert gambler is not None
    assert gambler.repeats > 1
    assert store.best_number(run, adrs.Direction.MINIMIZE) == 2


def test_what_decides_is_measured_often(store: adrs.Store, undeclared: adrs.Task) -> None:
    run = search(store, undeclared, FunctionEvaluator(noisy(0.02), 10), [50.0])
    by_split = {e.split: e.repeats for e in store.trial(run, 1).evaluations}
    assert by_split[adrs.Split.VALIDATION] == 5
    assert by_split[adrs.Split.HELD_OUT] == 5
    finding = store.finding(run)
    assert finding is not None
    assert finding.verdict is adrs.Verdict.WINNER


# --- looks ---------------------------------------------------------------------------------


def test_going_on_after_a_verdict_is_another_look(store: adrs.Store, task: adrs.Task) -> None:
    def memorised(program: adrs.Program, workload: adrs.WorkloadRef) -> Figures:
        seen = not workload.name.startswith("held_out")
        return {"loss": truth(program) if seen else 100.0}

    first = engine(store, task, FunctionEvaluator(memorised, 10), [50.0, 40.0], trials=1)
    asyncio.run(first.go())
    name = first.run.name
    finding = store.finding(name)
    assert finding is not None
    assert (finding.verdict, finding.looks) == (adrs.Verdict.NOT_CONFIRMED, 1)
    store.amend_run(name, replace(store.run(name).settings, trials=2))
    archive = adrs.Islands(task.objective.metric.direction, 0)
    machine = adrs.Run(name, task, [Listed([50.0, 40.0])], archive, store)
    again = adrs.Search(
        machine, FunctionEvaluator(memorised, 10), adrs.LocalExecutor(1), _NoSandbox(), Silent()
    )
    asyncio.run(again.go())
    finding = store.finding(name)
    assert finding is not None
    assert finding.trial == 2
    assert finding.looks == 2
    assert finding.level == pytest.approx(0.975)


# --- timings -------------------------------------------------------------------------------


@pytest.fixture
def timed(undeclared: adrs.Task) -> adrs.Task:
    brief = undeclared.brief
    metric = replace(brief.objective.metric, timing=True)
    objective = replace(brief.objective, metric=metric)
    return replace(undeclared, brief=replace(brief, objective=objective, metrics=(metric,)))


def test_a_machine_that_slows_down_does_not_decide(store: adrs.Store, timed: adrs.Task) -> None:
    """Every measurement takes half a percent longer; the programs differ by three percent."""
    turns = itertools.count()

    def slowing(program: adrs.Program, workload: adrs.WorkloadRef) -> Figures:
        return {"loss": truth(program) * (1 + 0.005 * next(turns))}

    losses = [97.0, 94.0, 100.0, 91.0, 88.0, 97.0, 85.0]
    run = search(store, timed, slowing, losses)
    assert next(turns) > 100  # so the machine is half as fast at the end
    scores = {t.number: t.score.value for t in store.told(run) if t.score}
    assert store.best_number(run, adrs.Direction.MINIMIZE) == 7
    seed = scores.pop(0)
    for number, value in scores.items():
        assert value / seed == pytest.approx(losses[number - 1] / 100, rel=0.02)
    summary = adrs.summarize(store, run, timed)
    best, baseline = (summary[which]["objective"] for which in ("best", "baseline"))
    assert best["value"] / baseline["value"] == pytest.approx(0.85, rel=0.02)
    assert best["low"] <= best["value"] <= best["high"]


def test_the_noise_floor_of_a_timing_is_that_of_turns(store: adrs.Store, timed: adrs.Task) -> None:
    turns = itertools.count()

    def slowing(program: adrs.Program, workload: adrs.WorkloadRef) -> Figures:
        return {"loss": 100.0 * 1.05 ** next(turns)}

    run = search(store, timed, slowing, [120.0])
    calibration = store.calibration(run)
    assert calibration is not None
    assert calibration.spread < 0.06  # alone it would be over 0.3


def test_beside_a_best_that_fails_the_seed_takes_its_turns(
    store: adrs.Store, timed: adrs.Task
) -> None:
    """The machine gets ten times as fast; so would every program that has nothing beside it."""
    turns = itertools.count()

    def failing_later(program: adrs.Program, _: adrs.WorkloadRef) -> Figures | adrs.Status:
        speed = 1.0 if (turn := next(turns)) < 60 else 0.1
        if truth(program) == 80.0 and turn >= 60:
            return adrs.Status.TIMED_OUT
        return {"loss": truth(program) * speed * (1 + 0.001 * (turn % 3))}

    run = search(store, timed, failing_later, [80.0, *[200.0] * 9, 110.0, 70.0])  # type: ignore[arg-type]
    assert next(turns) > 80
    scores = {t.number: t.score.value for t in store.told(run) if t.score}
    assert scores[11] / scores[0] == pytest.approx(1.1, rel=0.05)
    assert scores[12] / scores[0] == pytest.approx(0.7, rel=0.05)
    assert store.best_number(run, adrs.Direction.MINIMIZE) == 12


def test_timings_of_finalists_are_of_the_same_hour(store: adrs.Store, timed: adrs.Task) -> None:
    """A run goes on when the machine is ten times as slow; the better program is frozen."""
    first = engine(store, timed, noisy(0.001), [80.0, 50.0], trials=1)
    asyncio.run(first.go())
    name = first.run.name
    store.amend_run(name, replace(store.run(name).settings, trials=2))

    def slow(program: adrs.Program, workload: adrs.WorkloadRef) -> Figures:
        return {"loss": 10 * truth(program)}

    archive = adrs.Islands(timed.objective.metric.direction, 0)
    machine = adrs.Run(name, timed, [Listed([80.0, 50.0])], archive, store)
    evaluator = FunctionEvaluator(slow, 2)
    asyncio.run(adrs.Search(machine, evaluator, adrs.LocalExecutor(1), _NoSandbox(), Silent()).go())
    finding = store.finding(name)
    assert finding is not None
    assert finding.trial == 2


def test_the_spread_of_timings_is_learnt_from_turns(store: adrs.Store, timed: adrs.Task) -> None:
    """A machine that jumps between three speeds, and a judge that is exact."""
    turns = itertools.count()

    def jumping(program: adrs.Program, workload: adrs.WorkloadRef) -> Figures:
        return {"loss": truth(program) * (1 + next(turns) // 4 % 3)}

    made = engine(store, timed, jumping, [90.0, 95.0, 85.0, 99.0, 80.0])
    asyncio.run(made.go())
    assert made.run.noise.spread < 0.01  # figure by figure it is about a third


# --- stages --------------------------------------------------------------------------------


def staged(task: adrs.Task, window: float | None) -> adrs.Task:
    stages = (adrs.Stage(adrs.Split.SMOKE, window=window), adrs.Stage(adrs.Split.TRAIN))
    return replace(task, stages=stages)


def faithful(program: adrs.Program, workload: adrs.WorkloadRef) -> Figures:
    return {"loss": truth(program) * (1.01 if "train" in workload.name else 1.0)}


def stopped(store: adrs.Store, run: str) -> set[int]:
    return {
        trial.number
        for trial in store.told(run)
        if trial.admission and trial.admission.reason == "stopped after smoke"
    }


def test_a_window_stops_what_is_clearly_bad(store: adrs.Store, task: adrs.Task) -> None:
    losses = [110.0, 130.0, 90.0, 105.0, 115.0, 300.0, 90.5, 300.0, 300.0, 300.0]
    run = search(store, staged(task, 0.2), faithful, losses)
    # Trial 5 is within the window of 100 but not of 90; every tenth goes on regardless.
    assert stopped(store, run) == {2, 5, 6, 8, 9}
    assert store.trial(run, 2).score is None
    assert store.trial(run, 2).status is adrs.Status.SCORED
    summary = adrs.summarize(store, run, staged(task, 0.2))
    (stage,) = summary["stages"]
    assert stage["split"] == "smoke"
    assert stage["stopped"] == 5
    assert stage["rank_correlation"] == pytest.approx(1.0)


def test_a_stage_that_foretells_stops_what_the_data_say_is_bad(
    store: adrs.Store, task: adrs.Task
) -> None:
    random = Random(5)
    losses = [random.uniform(50, 150) for _ in range(80)]
    run = search(store, staged(task, None), faithful, losses)
    gone = stopped(store, run)
    assert len(gone) > 15
    assert min(gone) > 20
    assert len(gone) > 30
    tenth = sorted(losses)[9]
    assert all(losses[number - 1] > tenth for number in gone)


def test_a_stage_that_foretells_nothing_stops_nothing_and_is_seen(
    store: adrs.Store, task: adrs.Task
) -> None:
    random = Random(6)

    def faithless(program: adrs.Program, workload: adrs.WorkloadRef) -> Figures:
        return {"loss": truth(program) if "train" in workload.name else random.uniform(50, 150)}

    losses = [Random(n).uniform(50, 150) for n in range(80)]
    run = search(store, staged(task, None), faithless, losses)
    assert len(stopped(store, run)) < 4
    (stage,) = adrs.summarize(store, run, staged(task, None))["stages"]
    assert abs(stage["rank_correlation"]) < 0.3


def test_a_stage_that_says_the_same_of_all_stops_nothing_in_a_long_search(
    store: adrs.Store, task: adrs.Task
) -> None:
    """What is kept gets ever better than the common program, and the stage knows nothing of it."""

    def blind(program: adrs.Program, workload: adrs.WorkloadRef) -> Figures:
        return {"loss": truth(program) if "train" in workload.name else 7.0}

    losses = [*(100 + n / 100 for n in range(200)), *(50 + n / 100 for n in range(60))]
    run = search(store, staged(task, None), blind, losses)
    assert not stopped(store, run)


@pytest.mark.parametrize("window", [0.2, None])
@pytest.mark.parametrize("direction", list(adrs.Direction))
def test_stages_know_better_from_worse_below_zero(
    store: adrs.Store, task: adrs.Task, direction: adrs.Direction, window: float | None
) -> None:
    sign = 1 if direction is adrs.Direction.MINIMIZE else -1

    def any_sign(program: adrs.Program, workload: adrs.WorkloadRef) -> Figures:
        return {"loss": sign * (truth(program) - 200) * (2 if "train" in workload.name else 1)}

    random = Random(8)
    losses = [random.uniform(-400, 600) for _ in range(60)]
    both = staged(task, window)
    metric = replace(task.objective.metric, direction=direction)
    objective = replace(task.objective, metric=metric)
    both = replace(both, brief=replace(both.brief, objective=objective, metrics=(metric,)))
    run = search(store, both, any_sign, losses)
    gone = stopped(store, run)
    assert len(gone) > 15
    for number in gone:
        assert losses[number - 1] > min(losses[: number - 1])
    best = store.best_number(run, direction)
    assert best is not None
    assert losses[best - 1] == min(losses)


def test_what_breaks_a_constraint_sets_no_bar(store: adrs.Store, task: adrs.Task) -> None:
    """The cheapest programs are infeasible; none of the feasible, which are dearer, may stop."""
    both = staged(task, None)
    late = adrs.Metric("late", adrs.Direction.MINIMIZE, "1")
    brief = replace(
        both.brief,
        metrics=(*both.brief.metrics, late),
        constraints=(adrs.Constraint("late", at_most=0),),
    )
    both = replace(both, brief=brief)

    def cheap_is_late(program: adrs.Program, workload: adrs.WorkloadRef) -> Figures:
        loss = truth(program)
        return {"loss": loss, "late": 0.0 if loss > 60 else 1.0}

    infeasible = [20 + n / 10 for n in range(40)]
    run = search(store, both, cheap_is_late, [*infeasible, 99.0, 98.0, 97.0, 96.0])
    assert not stopped(store, run)
    assert store.best_number(run, adrs.Direction.MINIMIZE) == 44


def test_a_resumed_run_stops_the_same_trials(
    store: adrs.Store, task: adrs.Task, tmp_path: Path
) -> None:
    random = Random(7)
    losses = [random.uniform(50, 150) for _ in range(60)]
    both = staged(task, None)
    whole = search(store, both, faithful, losses)
    first = engine(store, both, faithful, losses, trials=30)
    asyncio.run(first.go())
    name = first.run.name
    store.amend_run(name, replace(store.run(name).settings, trials=60))
    archive = adrs.Islands(task.objective.metric.direction, 0)
    machine = adrs.Run(name, both, [Listed(losses)], archive, store)
    again = adrs.Search(
        machine, FunctionEvaluator(faithful, 2), adrs.LocalExecutor(1), _NoSandbox(), Silent()
    )
    asyncio.run(again.go())
    assert stopped(store, name) == stopped(store, whole)


# --- interruption --------------------------------------------------------------------------


def test_repeats_that_were_measured_are_not_measured_again(
    store: adrs.Store, undeclared: adrs.Task
) -> None:
    """The machine goes away while a contender is measured again; a resume asks for the rest."""
    calls: list[str] = []
    figure = noisy(0.1)

    def breaking(program: adrs.Program, workload: adrs.WorkloadRef) -> Figures | adrs.AdrsError:
        if len(calls) == 2:  # its first repeat, on both workloads
            return adrs.SandboxUnavailable("the machine went away")
        if truth(program) == 80.0:
            calls.append(workload.name)
        return figure(program, workload)

    evaluator = FunctionEvaluator(breaking, 2)  # type: ignore[arg-type]
    first = engine(store, undeclared, evaluator, [80.0])
    with pytest.raises(adrs.SandboxUnavailable):
        asyncio.run(first.go())
    name = first.run.name
    assert store.run(name).told == 1
    (waiting,) = store.in_flight(name)
    assert [evaluation.repeats for evaluation in waiting.evaluations] == [1]
    archive = adrs.Islands(undeclared.objective.metric.direction, 0)
    machine = adrs.Run(name, undeclared, [Listed([80.0])], archive, store)
    again = adrs.Search(
        machine, FunctionEvaluator(figure, 2), adrs.LocalExecutor(1), _NoSandbox(), Silent()
    )
    asyncio.run(again.go())
    (train,) = [e for e in store.trial(name, 1).evaluations if e.split is adrs.Split.TRAIN]
    score = store.trial(name, 1).score
    assert score is not None
    assert train.repeats == score.repeats > 1
    assert train.samples[0].metrics == waiting.evaluations[0].samples[0].metrics
    assert [s.repeat for s in train.samples] == sorted(s.repeat for s in train.samples)
