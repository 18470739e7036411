"""Recorded runs gone through again, without a sandbox: whoever was killed, however noisy it was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from random import Random

import pytest
from adrs_agents.external import External
from adrs_agents.tune import Tune

import adrs
from adrs.reproduction.answers import RecordedAnswers
from adrs.reproduction.difference import Difference, Differs
from adrs.reproduction.proposals import Retelling
from adrs.reproduction.remeasuring import Remeasuring
from adrs.reproduction.rerun import Rerun
from adrs.reproduction.surroundings import Surroundings
from adrs.reproduction.verdict import check_verdict
from adrs.search.desk import Desk
from adrs.testing.fakes import FunctionEvaluator, FunctionModel, Silent
from tests.unit.search.test_kills import LOSSES, Dying, Hashed, Killed, begin
from tests.unit.search.test_measuring import Listed, _NoSandbox, truth
from tests.unit.search.test_rounds import Asking, number, search_of, settings_of


class Unwatched:
    """Nobody looks."""

    def phase(self, words: str) -> None:
        """Ignored."""

    def progress(self, done: int, of: int) -> None:
        """Ignored."""


def reproduced(
    store: adrs.Store,
    task: adrs.Task,
    run: str,
    proposers: Sequence[adrs.Proposer],
    evaluator: FunctionEvaluator | None,
) -> tuple[Difference | None, list[str], int]:
    """The first difference, the notes, and how many proposals were compared."""
    surroundings = Surroundings(store, task, store.run(run).settings.seed)
    archive = adrs.Islands(task.objective.metric.direction, 0)
    desk = Desk(store, run, RecordedAnswers(store, run, surroundings))
    rerun = Rerun(run, task, proposers, archive, store, desk)
    retelling = Retelling(rerun, store, surroundings)

    async def compute() -> None:
        await retelling.go(Unwatched())
        check_verdict(rerun, store)
        if evaluator is not None:
            bench = await evaluator.open(None)  # type: ignore[arg-type]
            told = list(retelling.told.values())
            await Remeasuring(rerun, store, bench, told, 10**9, surroundings).go(Unwatched())

    difference = None
    try:
        asyncio.run(compute())
    except Differs as error:
        difference = error.difference
    return difference, surroundings.notes, retelling.proposals


def noisy(task: adrs.Task, *, timing: bool = False) -> adrs.Task:
    metric = replace(task.objective.metric, timing=timing)
    brief = replace(task.brief, objective=replace(task.objective, metric=metric), metrics=(metric,))
    return replace(task, brief=brief, evaluator=replace(task.evaluator, deterministic=False))


@pytest.mark.parametrize(("timing", "batches"), [(False, 5), (False, 11), (True, 8), (True, 14)])
def test_a_run_of_several_workers_that_was_killed_and_went_on(
    store: adrs.Store, task: adrs.Task, timing: bool, batches: int
) -> None:
    task = noisy(task, timing=timing)
    name = begin(store, task, Hashed(0.2)).run.name
    with pytest.raises(Killed):
        asyncio.run(begin(Dying(store, batches), task, Hashed(0.2), name, workers=4).go())  # type: ignore[arg-type]
    asyncio.run(begin(store, task, Hashed(0.2), name, workers=4).go())
    found = reproduced(store, task, name, [Listed(LOSSES)], Hashed(0.2))
    assert found == (None, [], len(LOSSES))


def killed_after(
    store: adrs.Store, task: adrs.Task, batches: int, measure: Callable[..., object]
) -> str:
    """A run of two proposers, with rounds beside evaluations, killed and gone on with."""
    proposers = ("asking", "tune")
    settings = settings_of(task, trials=20, workers=3, calls_in_flight=3, proposers=proposers)
    name = store.create_run(task, settings).name
    model = FunctionModel(number, 0.002)
    dying = Dying(store, batches)
    with pytest.raises(Killed):
        asyncio.run(search_of(dying, task, name, model, measure, others=[Tune()])[0].go())  # type: ignore[arg-type]
    asyncio.run(search_of(store, task, name, model, measure, others=[Tune()])[0].go())
    return name


@pytest.mark.parametrize("batches", [4, 17, 30, 49])
def test_rounds_beside_evaluations_that_a_kill_cut_off(
    store: adrs.Store, task: adrs.Task, search_loss: Callable[..., object], batches: int
) -> None:
    name = killed_after(store, task, batches, search_loss)
    found = reproduced(store, task, name, [Asking(), Tune()], None)
    assert found[:2] == (None, [])
    assert {one.lineage.proposer for one in store.told(name)} == {"seed", "asking", "tune"}


@pytest.mark.slow
def test_rounds_after_any_kill(
    store: adrs.Store, task: adrs.Task, search_loss: Callable[..., object]
) -> None:
    for batches in range(1, 60):
        name = killed_after(store, task, batches, search_loss)
        found = reproduced(store, task, name, [Asking(), Tune()], None)
        assert found[:2] == (None, []), batches


def test_another_choice_of_the_allocation_is_named(
    store: adrs.Store,
    task: adrs.Task,
    search_loss: Callable[..., object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = killed_after(store, task, 40, search_loss)
    monkeypatch.setattr("adrs.search.allocation.OPERATORS", ("combine", "explore", "refine"))
    difference, _, proposals = reproduced(store, task, name, [Asking(), Tune()], None)
    assert difference is not None
    assert difference.where.endswith("the operator chosen for its round")
    assert difference.came in ("refine", "explore", "combine")
    assert proposals < 20


def test_a_clock_that_was_set_back_is_a_note(
    store: adrs.Store, task: adrs.Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter(range(10**6, 0, -1))
    monkeypatch.setattr("adrs.store.writing.time.time", lambda: float(next(times)))
    name = search(store, task, Hashed(0.0))
    _, notes, _ = reproduced(store, task, name, [Listed(LOSSES)], None)
    assert "clock was set back" in notes[0]


def search(store: adrs.Store, task: adrs.Task, evaluator: FunctionEvaluator) -> str:
    made = begin(store, task, evaluator)  # type: ignore[arg-type]
    asyncio.run(made.go())
    return made.run.name


def other(
    factor: float = 1.0, spread: float = 0.0, seed: int = 1
) -> Callable[[adrs.Program, adrs.WorkloadRef], dict[str, float]]:
    """Measures, and the last program by a factor otherwise."""
    dice = Random(seed)

    def measure(program: adrs.Program, _: adrs.WorkloadRef) -> dict[str, float]:
        loss = truth(program) * dice.lognormvariate(0, spread)
        return {"loss": loss * (factor if truth(program) == LOSSES[-1] else 1.0)}

    return measure


@pytest.mark.parametrize("timing", [False, True])
def test_a_figure_beyond_its_noise_is_named(
    store: adrs.Store, task: adrs.Task, timing: bool
) -> None:
    task = noisy(task, timing=timing)
    name = search(store, task, FunctionEvaluator(other(spread=0.01), 8))
    again = FunctionEvaluator(other(spread=0.01, seed=2), 8)
    assert reproduced(store, task, name, [Listed(LOSSES)], again) == (None, [], len(LOSSES))
    slower = FunctionEvaluator(other(1.5, spread=0.01, seed=3), 8)
    difference, _, _ = reproduced(store, task, name, [Listed(LOSSES)], slower)
    assert difference is not None
    assert difference.where == "trial 4, its loss on train"


def test_all_timings_by_the_same_factor_are_those_of_another_machine(
    store: adrs.Store, task: adrs.Task
) -> None:
    task = noisy(task, timing=True)
    name = search(store, task, FunctionEvaluator(other(spread=0.01), 8))
    machine = FunctionEvaluator(lambda program, _: {"loss": 3.0 * truth(program)}, 8)
    assert reproduced(store, task, name, [Listed(LOSSES)], machine)[0] is None


def test_a_figure_of_a_deterministic_judge_has_no_room(store: adrs.Store, task: adrs.Task) -> None:
    name = search(store, task, FunctionEvaluator(other(), 8))
    almost = FunctionEvaluator(other(1 + 1e-15), 8)
    difference, _, _ = reproduced(store, task, name, [Listed(LOSSES)], almost)
    assert difference is not None
    assert difference.where == "trial 4, loss on train-0 (train), repeat 0"
    assert (difference.expected, difference.came) == ("60.0", "60.000000000000064")


def test_a_limit_that_is_hit_here_is_said_to_depend_on_the_machine(
    store: adrs.Store, task: adrs.Task
) -> None:
    name = search(store, task, FunctionEvaluator(other(), 8))

    def slow(program: adrs.Program, _: adrs.WorkloadRef) -> dict[str, float] | adrs.Status:
        return {"loss": truth(program)} if truth(program) != 81 else adrs.Status.TIMED_OUT

    difference, _, _ = reproduced(store, task, name, [Listed(LOSSES)], FunctionEvaluator(slow, 8))
    assert difference is not None
    assert difference.where == "trial 3, its status on train"
    assert (difference.expected, difference.came[:9]) == ("SCORED", "TIMED_OUT")
    assert "limit of time or memory" in difference.cause


def test_another_machine_is_a_note_and_the_cause_of_what_differs(
    store: adrs.Store, task: adrs.Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = search(store, task, FunctionEvaluator(other(), 8))
    monkeypatch.setattr("adrs.search.fingerprint._cpu_model", lambda: "Z80")
    same = reproduced(store, task, name, [Listed(LOSSES)], FunctionEvaluator(other(), 8))
    assert same[0] is None
    [note] = same[1]
    assert note.startswith("another CPU model than in the record: Z80, recorded is ")
    slower = FunctionEvaluator(other(1.1), 8)
    difference, notes, _ = reproduced(store, task, name, [Listed(LOSSES)], slower)
    assert difference is not None
    assert (difference.cause, notes) == (note, [note])


def test_a_program_that_throws_dice_is_not_compared(store: adrs.Store, task: adrs.Task) -> None:
    name = search(store, task, FunctionEvaluator(other(), 8))
    thrown = iter(range(10**6))

    def dice(program: adrs.Program, _: adrs.WorkloadRef) -> dict[str, float]:
        return {"loss": truth(program) + (next(thrown) if truth(program) == 60 else 0)}

    difference, notes, _ = reproduced(
        store, task, name, [Listed(LOSSES)], FunctionEvaluator(dice, 8)
    )
    assert difference is None
    dice_words, verdict_words = notes
    assert dice_words == (
        "figures of trial 4 vary from one measurement to the next although its judge is declared "
        "deterministic, so they are not compared"
    )
    assert "by the figures of now, the verdict on trial 4 is NOT_CONFIRMED" in verdict_words


def test_other_workloads_are_named_before_anything_is_measured(
    store: adrs.Store, task: adrs.Task
) -> None:
    name = search(store, task, FunctionEvaluator(other(), 8))
    fewer = FunctionEvaluator(other(), 7)
    difference, _, _ = reproduced(store, task, name, [Listed(LOSSES)], fewer)
    assert difference is not None
    assert difference.where == "the train workloads that the judge makes"
    assert fewer.measured == 0


class Slow(FunctionEvaluator):
    """Leaves agents the time to answer."""

    async def side_by_side(
        self, programs: Sequence[adrs.Program], request: adrs.Request
    ) -> list[adrs.Evaluation]:
        await asyncio.sleep(0.01)
        return await super().side_by_side(programs, request)


@pytest.mark.parametrize("batches", [10**6, 9, 21])
def test_agents_beside_a_proposer_that_answers_at_once(
    store: adrs.Store,
    task: adrs.Task,
    search_loss: Callable[..., object],
    monkeypatch: pytest.MonkeyPatch,
    batches: int,
) -> None:
    monkeypatch.setattr("adrs.search.desk.POLL_S", 0.003)
    settings = adrs.RunSettings(
        str(task.folder), trials=16, workers=2, calls_in_flight=2, proposers=("external", "tune")
    )
    name = store.create_run(task, settings).name
    handed_in = iter(range(1, 100))

    async def agent() -> None:
        """Takes up what is offered, two at a time, and hands it in the other way round."""
        while True:
            await asyncio.sleep(0.02)
            leases = [store.lease(name, "external", "me", 60) for _ in range(2)]
            for lease in filter(None, reversed(leases)):
                program = adrs.Program({"numbers.py": f"x = {next(handed_in)}\n".encode()})
                store.submit(name, lease.id, adrs.Submission("me", program, "x", 0))
                await asyncio.sleep(0.01)

    async def work(used: adrs.Store) -> None:
        archive = adrs.Islands(task.objective.metric.direction, 0)
        machine = adrs.Run(name, task, [External(), Tune()], archive, used)
        evaluator = Slow(search_loss, 8)  # type: ignore[arg-type]
        search = adrs.Search(machine, evaluator, adrs.LocalExecutor(2), _NoSandbox(), Silent())
        hands = asyncio.ensure_future(agent())
        try:
            await asyncio.wait_for(search.go(), 60)
        finally:
            hands.cancel()

    with suppress(Killed):
        asyncio.run(work(Dying(store, batches)))  # type: ignore[arg-type]
    if batches < 10**6:
        asyncio.run(work(store))
    assert {one.lineage.proposer for one in store.told(name)} == {"seed", "external", "tune"}
    found = reproduced(store, task, name, [External(), Tune()], None)
    assert found[:2] == (None, [])
