"""Proposers that wait: in flight beside evaluations; cut off, they begin again as they were."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from adrs_agents.external import External
from adrs_agents.tune import Tune

import adrs
from adrs import AnswerStatus, Candidate, Lineage, Message, ModelRequest, Prompt
from adrs.search.calls import ATTEMPTS, ModelCalls, Replay
from adrs.search.desk import Desk
from adrs.search.outage import Patience
from adrs.testing.fakes import FunctionEvaluator, FunctionModel, Silent
from tests.unit.search.test_kills import Dying, Killed
from tests.unit.search.test_measuring import _NoSandbox

QUICK = Patience(backoff_s=0.001, longest_s=0.01, outage_s=0.2, first_s=0.1, limited_s=0.2)


class Asking:
    """Asks a model for a number twice over, as a planner that plans and writes."""

    name = "asking"
    version = "1"
    confined = True
    waits_for = "model"

    def __init__(self) -> None:
        self.contexts: list[adrs.Context] = []

    async def propose(self, context: adrs.Context) -> Sequence[Candidate | adrs.Rejection]:
        self.contexts.append(context)
        assert context.models is not None
        said = ""
        known = f"{len(context.history)} told, best {context.best.number}, notes {context.notes}"
        for step in ("plan", "write"):
            where = f"{context.ordinal}, from {context.selection.parent.number}"
            words = f"{where}, {context.operator}: {known} {said}"
            prompt = Prompt(step, (Message("user", words),))
            said = (await context.models.ask(prompt)).text
        lineage = Lineage(
            *(self.name, self.version, (context.selection.parent.number,)),
            author=context.models.name,
            operator=context.operator,
            usd=context.models.usd / context.wanted,
        )
        return [
            Candidate(adrs.Program({"numbers.py": f"x = {said}{n}\n".encode()}), lineage)
            for n in range(context.wanted)
        ]

    def observe(self, trial: adrs.Trial) -> str | None:
        return f"trial {trial.number} told" if trial.number else None


def number(request: ModelRequest) -> str:
    return str(int(hashlib.sha256(request.prompt.content).hexdigest()[:6], 16) % 10**6 + 1)


def settings_of(task: adrs.Task, **more: object) -> adrs.RunSettings:
    usual = {"trials": 12, "proposers": ("asking",), "models": (("m", 1.0), ("n", 1.0))}
    return adrs.RunSettings(str(task.folder), **{**usual, **more})  # type: ignore[arg-type]


def search_of(
    store: adrs.Store,
    task: adrs.Task,
    run: str,
    model: FunctionModel,
    measure: Callable[..., object],
    replay: str = "",
    others: Sequence[adrs.Proposer] = (),
) -> tuple[adrs.Search, Asking]:
    settings = store.run(run).settings
    answers = Replay.of(store, replay) if replay else None
    calls = ModelCalls(store, run, settings, None if replay else model, answers, QUICK)
    asking = Asking()
    archive = adrs.Islands(task.objective.metric.direction, 0)
    machine = adrs.Run(run, task, [asking, *others], archive, store, Desk(store, run, calls))
    evaluator = FunctionEvaluator(measure, 8)  # type: ignore[arg-type]
    executor = adrs.LocalExecutor(settings.workers)
    return adrs.Search(machine, evaluator, executor, _NoSandbox(), Silent()), asking


def outcome(store: adrs.Store, run: str) -> list[tuple[object, ...]]:
    return [(t.number, t.program.id, t.score, t.lineage, t.admission) for t in store.told(run)]


def test_with_one_worker_and_one_call_the_same_seed_gives_the_same_trials(
    store: adrs.Store, task: adrs.Task, search_loss: Callable[..., object]
) -> None:
    runs = []
    for latency in (0.0, 0.003):
        settings = settings_of(task, calls_in_flight=1, ideas=3, strong_model="s")
        run = store.create_run(task, settings).name
        search, _ = search_of(store, task, run, FunctionModel(number, latency), search_loss)
        assert asyncio.run(search.go()) is adrs.RunStatus.FINISHED
        runs.append(run)
    assert outcome(store, runs[0]) == outcome(store, runs[1])
    assert len(outcome(store, runs[0])) == 13


def test_proposers_that_answer_at_once_change_nothing_about_that(
    store: adrs.Store, task: adrs.Task, search_loss: Callable[..., object]
) -> None:
    runs = []
    for latency in (0.0, 0.02):
        settings = settings_of(task, trials=25, calls_in_flight=1, proposers=("asking", "tune"))
        run = store.create_run(task, settings).name
        model = FunctionModel(number, latency)
        asyncio.run(search_of(store, task, run, model, search_loss, others=[Tune()])[0].go())
        runs.append(run)
    assert {trial.lineage.proposer for trial in store.told(run)} == {"seed", "asking", "tune"}
    assert outcome(store, runs[0]) == outcome(store, runs[1])
    assert store.rounds(runs[0]) == store.rounds(runs[1])


def test_a_record_gives_the_same_candidates_in_the_same_order(
    store: adrs.Store, task: adrs.Task, search_loss: Callable[..., object]
) -> None:
    settings = settings_of(task, calls_in_flight=1, ideas=2, trials=20)
    run = store.create_run(task, settings).name
    model = FunctionModel(number)
    asyncio.run(search_of(store, task, run, model, search_loss)[0].go())
    again = store.create_run(task, replace(settings, replays=run)).name
    silent = FunctionModel(lambda request: pytest.fail("the record answers, not the server"))
    search, _ = search_of(store, task, again, silent, search_loss, replay=run)
    assert asyncio.run(search.go()) is adrs.RunStatus.FINISHED
    assert outcome(store, again) == outcome(store, run)
    assert store.rounds(again) == store.rounds(run)


def test_a_kill_after_any_fact_changes_nothing_and_nothing_is_paid_twice(
    store: adrs.Store, task: adrs.Task, search_loss: Callable[..., object]
) -> None:
    settings = settings_of(task, calls_in_flight=1, ideas=2, trials=6)
    whole = store.create_run(task, settings).name
    asyncio.run(search_of(store, task, whole, FunctionModel(number), search_loss)[0].go())
    batches = 1
    while True:
        run = store.create_run(task, settings).name
        model = FunctionModel(number)
        dying = Dying(store, batches)
        try:
            asyncio.run(search_of(dying, task, run, model, search_loss)[0].go())  # type: ignore[arg-type]
        except Killed:
            pass
        else:
            break
        asyncio.run(search_of(store, task, run, model, search_loss)[0].go())
        assert outcome(store, run) == outcome(store, whole), batches
        assert store.notes(run) == store.notes(whole)
        # Only a call whose answer was not recorded yet is made again.
        lost = store.spending(run).calls.get("LOST", 0)
        assert lost <= 1
        assert len(model.requests) in (len(store.calls(whole)), len(store.calls(whole)) + lost)
        batches += 1
    assert batches > 25


def test_rounds_go_on_beside_evaluations_and_beside_each_other(
    store: adrs.Store, task: adrs.Task, search_loss: Callable[..., object]
) -> None:
    settings = settings_of(task, trials=40, calls_in_flight=8, ideas=1, workers=2)
    run = store.create_run(task, settings).name
    model = FunctionModel(number, latency_s=0.01)
    search, asking = search_of(store, task, run, model, search_loss)
    asyncio.run(search.go())
    assert model.most_at_once > 2
    assert model.most_at_once <= 8
    assert store.run(run).told == 41
    assert len(asking.contexts) == 40  # nobody was asked for more than there is room for


class DyingInARound(Dying):
    """A store that is gone when the eighth round has been answered once and asks again."""

    def __init__(self, store: adrs.Store) -> None:
        super().__init__(store, 10**9)
        self._asked_again = 0

    def append(self, run: str, facts: Sequence[Any]) -> None:
        super().append(run, facts)
        calls = [fact for fact in facts if isinstance(fact, adrs.Calling)]
        self._asked_again += sum(call.prompt.step == "write" for call in calls)
        if self._asked_again >= 8:
            self._left = 0
            raise Killed("killed")


def test_a_round_that_was_cut_off_sees_again_what_it_saw(
    store: adrs.Store, task: adrs.Task, search_loss: Callable[..., object]
) -> None:
    settings = settings_of(task, trials=30, calls_in_flight=6, ideas=2, workers=2)
    run = store.create_run(task, settings).name
    store.append(run, [adrs.Noted("user", "think of spot")])
    model = FunctionModel(number, latency_s=0.005)
    dying = DyingInARound(store)
    search, before = search_of(dying, task, run, model, search_loss)  # type: ignore[arg-type]
    with pytest.raises(Killed):
        asyncio.run(search.go())
    cut_off = store.open_rounds(run)
    assert cut_off
    search, after = search_of(store, task, run, model, search_loss)
    asyncio.run(search.go())
    seen = {context.ordinal: context for context in before.contexts}
    for begun, context in zip(cut_off, after.contexts, strict=False):
        assert context.ordinal == begun.ordinal
        if begun.ordinal in seen:  # the last was recorded and killed before it could start
            first = replace(seen[begun.ordinal], models=None, door=None)
            assert replace(context, models=None, door=None) == first
    assert store.run(run).told == 31
    assert store.open_rounds(run) == []
    asked = [
        (request.model, request.prompt.step, request.prompt.digest) for request in model.requests
    ]
    lost = store.spending(run).calls.get("LOST", 0)
    assert len(asked) == len(store.calls(run)) - 1  # the killed one was recorded and not made
    answered = [call for call in store.calls(run) if call.answer is not None]
    places = {(call.ordinal, call.step, call.prompt) for call in answered}
    assert len(answered) == len(places)
    assert lost <= 6


def test_findings_are_noted_with_the_tell_and_shown_to_later_rounds(
    store: adrs.Store, task: adrs.Task, search_loss: Callable[..., object]
) -> None:
    settings = settings_of(task, calls_in_flight=1, ideas=1, trials=4)
    run = store.create_run(task, settings).name
    search, asking = search_of(store, task, run, FunctionModel(number), search_loss)
    asyncio.run(search.go())
    assert store.notes(run) == [adrs.Noted("asking", f"trial {n} told") for n in range(1, 5)]
    assert [len(context.notes) for context in asking.contexts] == [0, 1, 2, 3]


def test_when_the_money_is_over_the_run_ends_in_order_and_more_lets_it_go_on(
    store: adrs.Store, task: adrs.Task, search_loss: Callable[..., object]
) -> None:
    settings = settings_of(task, calls_in_flight=1, ideas=1, max_tokens=80_000)
    run = store.create_run(task, settings).name
    search, _ = search_of(
        store,
        task,
        run,
        FunctionModel(
            lambda request: adrs.Answer(
                AnswerStatus.ANSWERED, number(request), tokens_in=100, tokens_out=8000
            )
        ),
        search_loss,
    )
    assert asyncio.run(search.go()) is adrs.RunStatus.BUDGET
    info = store.run(run)
    assert "of 80000 tokens are spent" in info.reason
    assert 1 < info.told < 13
    assert store.spending(run).tokens <= 80_000
    store.amend_run(run, replace(settings, max_tokens=None))
    search, _ = search_of(store, task, run, FunctionModel(number), search_loss)
    assert asyncio.run(search.go()) is adrs.RunStatus.FINISHED
    assert store.run(run).told == 13


def test_a_server_that_is_down_ends_the_run_and_fails_no_trial(
    store: adrs.Store, task: adrs.Task, search_loss: Callable[..., object]
) -> None:
    settings = settings_of(task, calls_in_flight=4, workers=2, ideas=2)
    run = store.create_run(task, settings).name
    asked = []

    def dies(request: ModelRequest) -> str | adrs.Answer:
        asked.append(request)
        if len(asked) > 6:
            return adrs.Answer(AnswerStatus.UNREACHABLE, reason="connection refused")
        return number(request)

    search, _ = search_of(store, task, run, FunctionModel(dies), search_loss)
    with pytest.raises(adrs.ModelUnavailable, match="connection refused"):
        asyncio.run(search.go())
    info = store.run(run)
    assert info.status is adrs.RunStatus.UNAVAILABLE
    assert set(info.by_status) == {"SCORED"}
    search, _ = search_of(store, task, run, FunctionModel(number), search_loss)
    assert asyncio.run(search.go()) is adrs.RunStatus.FINISHED


def test_a_prompt_that_breaks_the_server_does_not_end_a_run_with_one_call_in_flight(
    store: adrs.Store, task: adrs.Task, search_loss: Callable[..., object]
) -> None:
    settings = settings_of(task, calls_in_flight=1, ideas=1, trials=6)
    run = store.create_run(task, settings).name

    def breaks(request: ModelRequest) -> str | adrs.Answer:
        if request.prompt.messages[0].content.startswith("1, "):  # all that the round asks
            return adrs.Answer(AnswerStatus.SERVER_ERROR, reason="500")
        return number(request)

    search, _ = search_of(store, task, run, FunctionModel(breaks), search_loss)
    assert asyncio.run(search.go()) is adrs.RunStatus.FINISHED
    assert store.spending(run).calls["SERVER_ERROR"] == 2 * ATTEMPTS


def test_a_server_that_fails_every_prompt_ends_a_run_with_one_call_in_flight(
    store: adrs.Store, task: adrs.Task, search_loss: Callable[..., object]
) -> None:
    settings = settings_of(task, calls_in_flight=1, ideas=1, trials=6)
    run = store.create_run(task, settings).name
    failing = adrs.Answer(AnswerStatus.SERVER_ERROR, reason="500")
    search, asking = search_of(store, task, run, FunctionModel(lambda _: failing), search_loss)
    with pytest.raises(adrs.ModelUnavailable, match="did not answer"):
        asyncio.run(search.go())
    assert len(asking.contexts) == 2  # the second round shows that it was not the first's prompts


def test_money_however_little_ends_a_run_in_order(
    store: adrs.Store, task: adrs.Task, search_loss: Callable[..., object], tmp_path: Path
) -> None:
    table = tmp_path / "prices.toml"
    table.write_text("".join(f'[model."{m}"]\ninput = 1.0\noutput = 1.0\n' for m in "mn"))
    settings = settings_of(task, max_usd=5e-324, prices=str(table))
    run = store.create_run(task, settings).name
    search, _ = search_of(store, task, run, FunctionModel(number), search_loss)
    assert asyncio.run(search.go()) is adrs.RunStatus.BUDGET


def test_time_that_is_over_does_not_wait_for_a_proposer(
    store: adrs.Store, task: adrs.Task, search_loss: Callable[..., object]
) -> None:
    settings = settings_of(task, max_minutes=0.3 / 60, calls_in_flight=2)
    run = store.create_run(task, settings).name
    search, _ = search_of(store, task, run, FunctionModel(number, latency_s=600), search_loss)
    assert asyncio.run(asyncio.wait_for(search.go(), 20)) is adrs.RunStatus.BUDGET
    assert "minutes are over" in store.run(run).reason


def test_a_stall_asks_for_another_direction_other_parents_and_the_strong_model(
    store: adrs.Store, task: adrs.Task
) -> None:
    settings = settings_of(task, trials=70, calls_in_flight=1, ideas=1, strong_model="strong")
    run = store.create_run(task, settings).name

    def measure(program: adrs.Program, workload: adrs.WorkloadRef) -> dict[str, float]:
        return {"loss": 1.0 if program.id == task.seed.id else 2.0 + int(program.id[:4], 16)}

    search, asking = search_of(store, task, run, FunctionModel(number), measure)
    asyncio.run(search.go())
    stalled = [begun for begun in store.rounds(run) if begun.stalled]
    assert [begun.told for begun in stalled] == list(range(31, 61))
    for begun in stalled:
        assert begun.operator == "explore"
        assert begun.model == "strong"
        assert begun.parent != 0
        assert f"nothing better for {begun.stalled} trials" in begun.reason
        assert "strong model" in begun.reason
    usual = [begun for begun in store.rounds(run) if not begun.stalled]
    assert {begun.model for begun in usual} == {"m", "n"}
    assert {context.stalled for context in asking.contexts} == {0, *range(30, 60)}


def test_a_rehearsal_is_recorded_and_not_tried_again(
    store: adrs.Store, task: adrs.Task, search_loss: Callable[..., object]
) -> None:
    tried = []

    class Rehearsing(Asking):
        async def propose(self, context: adrs.Context) -> Sequence[Candidate | adrs.Rejection]:
            (candidate,) = await super().propose(context)
            assert context.rehearse is not None
            assert isinstance(candidate, Candidate)
            found = await context.rehearse("write-0", candidate.program)
            tried.append(found)
            return [candidate]

    settings = settings_of(task, trials=2, calls_in_flight=1, ideas=1, rehearse=True)
    run = store.create_run(task, settings).name
    calls = ModelCalls(store, run, settings, FunctionModel(number))
    desk = Desk(store, run, calls, rehearse=True)
    archive = adrs.Islands(task.objective.metric.direction, 0)
    machine = adrs.Run(run, task, [Rehearsing()], archive, store, desk)
    evaluator = FunctionEvaluator(search_loss, 8)  # type: ignore[arg-type]
    search = adrs.Search(machine, evaluator, adrs.LocalExecutor(1), _NoSandbox(), Silent())
    asyncio.run(search.go())
    assert store.rehearsals(run) == tried
    assert [one.status for one in tried] == ["SCORED", "SCORED"]
    assert [e.split for e in store.trial(run, 1).evaluations][:1] == [adrs.Split.TRAIN]
    measured = evaluator.measured
    first = tried[0]
    program = store.trial(run, 1).program
    known = Desk(store, run, calls, rehearse=True)
    context = known.equip(store.rounds(run)[0], _a_context(task))
    assert context.rehearse is not None
    assert asyncio.run(context.rehearse("write-0", program)) == first  # type: ignore[arg-type]
    assert evaluator.measured == measured


def _a_context(task: adrs.Task) -> adrs.Context:
    seed = adrs.Trial(0, Candidate(task.seed, Lineage("seed")))
    return adrs.Context(task.brief, 1, 1, adrs.Selection(0, seed), seed)


def test_what_agents_are_offered_follows_the_search(
    store: adrs.Store, task: adrs.Task, search_loss: Callable[..., object]
) -> None:
    settings = settings_of(task, trials=5, calls_in_flight=3, models=(), proposers=("external",))
    run = store.create_run(task, settings).name
    archive = adrs.Greedy(task.objective.metric.direction)
    machine = adrs.Run(run, task, [External()], archive, store)
    evaluator = FunctionEvaluator(search_loss, 8)  # type: ignore[arg-type]
    search = adrs.Search(machine, evaluator, adrs.LocalExecutor(1), _NoSandbox(), Silent())
    leases: list[adrs.Lease] = []
    held: list[adrs.Lease] = []

    async def agent() -> None:
        for step in range(5):
            if step == 4:  # the last trial is there for whoever is left, whatever others hold
                store.release(run, held[0].id)
            while (lease := store.lease(run, "external", "me", 60)) is None:
                await asyncio.sleep(0.01)
            if step == 0 and not held:
                held.append(lease)
                lease = store.lease(run, "external", "me", 60)
                assert lease is not None
            leases.append(lease)
            program = adrs.Program({"numbers.py": f"x = {5 - step}\n".encode()})
            store.submit(run, lease.id, adrs.Submission("me", program))
            while store.outcome(run, lease.round.ordinal) is None or machine.in_flight:
                await asyncio.sleep(0.01)

    async def both() -> None:
        working = asyncio.ensure_future(agent())
        await asyncio.wait_for(search.go(), 20)
        await working

    asyncio.run(both())
    # Three offers were open from the start; each is about the best of the time it was taken up.
    assert [lease.round.parent for lease in leases][:4] == [0, 1, 2, 3]
    lineages = [trial.lineage for trial in store.trials(run, first=1)]
    assert [(one.parents, one.author) for one in lineages] == [
        ((n,), "me") for n in (0, 1, 2, 3, 0)
    ]


def test_offers_brought_up_to_date_do_not_hide_those_that_were_not(
    store: adrs.Store, task: adrs.Task, search_loss: Callable[..., object]
) -> None:
    settings = settings_of(task, calls_in_flight=3, models=(), proposers=("external",))
    run = store.create_run(task, settings).name

    def engine() -> tuple[adrs.Run, adrs.Search]:
        archive = adrs.Greedy(task.objective.metric.direction)
        machine = adrs.Run(run, task, [External()], archive, store)
        evaluator = FunctionEvaluator(search_loss, 8)  # type: ignore[arg-type]
        return machine, adrs.Search(
            machine, evaluator, adrs.LocalExecutor(1), _NoSandbox(), Silent()
        )

    async def work(until: Callable[[], bool]) -> None:
        _, search = engine()
        working = asyncio.ensure_future(search.go())
        while not until():
            await asyncio.sleep(0.01)
        search.stop("enough")
        await asyncio.wait_for(working, 20)

    asyncio.run(work(lambda: len(store.open_rounds(run)) == 3))
    lease = store.lease(run, "external", "me", 60)
    assert lease is not None
    store.submit(run, lease.id, adrs.Submission("me", adrs.Program({"numbers.py": b"x = 5\n"})))
    # Of three offers two fit in, and one of these is brought up to date when the other is told.
    store.amend_run(run, replace(settings, calls_in_flight=2))
    asyncio.run(work(lambda: store.run(run).told == 2))
    opened = store.open_rounds(run)
    assert [begun.told for begun in opened] == [2, 1]
    store.amend_run(run, replace(settings, trials=3))
    for begun in opened:
        lease = store.lease(run, "external", "me", 60)
        assert lease is not None
        text = f"x = {begun.ordinal}\n".encode()
        store.submit(run, lease.id, adrs.Submission("me", adrs.Program({"numbers.py": text})))
    machine, search = engine()
    assert asyncio.run(asyncio.wait_for(search.go(), 20)) is adrs.RunStatus.FINISHED
    assert machine.told == 4
    assert store.open_rounds(run) == []


def test_a_replay_ends_where_the_money_of_the_recorded_run_did(
    store: adrs.Store, task: adrs.Task, search_loss: Callable[..., object]
) -> None:
    def long(request: ModelRequest) -> adrs.Answer:
        said = number(request)
        return adrs.Answer(AnswerStatus.ANSWERED, said, tokens_in=100, tokens_out=8000)

    settings = settings_of(task, calls_in_flight=1, ideas=1, max_tokens=80_000)
    run = store.create_run(task, settings).name
    asyncio.run(search_of(store, task, run, FunctionModel(long), search_loss)[0].go())
    again = store.create_run(task, replace(settings, replays=run)).name
    search, _ = search_of(store, task, again, FunctionModel(long), search_loss, replay=run)
    assert asyncio.run(search.go()) is adrs.RunStatus.BUDGET
    assert f"the record of {run} ends here" in store.run(again).reason
    assert outcome(store, again) == outcome(store, run)


def test_agents_beside_a_model_hold_room_for_one_and_do_not_outlast_the_money(
    store: adrs.Store, task: adrs.Task, search_loss: Callable[..., object]
) -> None:
    settings = settings_of(
        task, trials=40, ideas=4, max_tokens=150_000, proposers=("asking", "external")
    )
    run = store.create_run(task, settings).name
    calls = ModelCalls(
        store,
        run,
        settings,
        FunctionModel(
            lambda request: adrs.Answer(
                AnswerStatus.ANSWERED, number(request), tokens_in=100, tokens_out=8000
            )
        ),
    )
    archive = adrs.Islands(task.objective.metric.direction, 0)
    proposers = [Asking(), External()]
    machine = adrs.Run(run, task, proposers, archive, store, Desk(store, run, calls))
    evaluator = FunctionEvaluator(search_loss, 8)  # type: ignore[arg-type]
    search = adrs.Search(machine, evaluator, adrs.LocalExecutor(1), _NoSandbox(), Silent())
    assert asyncio.run(asyncio.wait_for(search.go(), 20)) is adrs.RunStatus.BUDGET
    assert "tokens are spent" in store.run(run).reason
    offers = [one for one in store.rounds(run) if one.proposer == "external"]
    assert offers
    assert {(one.model, one.operator, one.wanted) for one in offers} == {("", "", 1)}
    assert {one.wanted for one in store.rounds(run) if one.proposer == "asking"} == {4}


def test_models_that_give_nothing_end_the_search_instead_of_costing_on(
    store: adrs.Store, task: adrs.Task, search_loss: Callable[..., object]
) -> None:
    class Babbling(Asking):
        async def propose(self, context: adrs.Context) -> Sequence[Candidate | adrs.Rejection]:
            await super().propose(context)
            lineage = Lineage(self.name, self.version, (0,))
            return [adrs.Rejection(adrs.RejectionKind.MODEL_FAILED, "prose", lineage)] * 2

    settings = settings_of(task, trials=9, calls_in_flight=4)
    run = store.create_run(task, settings).name
    model = FunctionModel(number)
    calls = ModelCalls(store, run, settings, model)
    archive = adrs.Islands(task.objective.metric.direction, 0)
    machine = adrs.Run(run, task, [Babbling()], archive, store, Desk(store, run, calls))
    evaluator = FunctionEvaluator(search_loss, 8)  # type: ignore[arg-type]
    search = adrs.Search(machine, evaluator, adrs.LocalExecutor(1), _NoSandbox(), Silent())
    with pytest.raises(
        adrs.ModelUnavailable, match=r"last 50 rounds of asking gave no program .*: 'prose'"
    ):
        asyncio.run(search.go())
    assert store.run(run).status is adrs.RunStatus.UNAVAILABLE
    assert 100 <= store.run(run).rejections < 120
