"""A kill after any fact: the run goes on as if it had not been, and measures nothing twice."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest

import adrs
from adrs.model.facts import Beat, Ended
from adrs.testing.fakes import FunctionEvaluator, Silent
from tests.unit.search.test_measuring import Listed, _NoSandbox, truth

LOSSES = [120.0, 80.0, 81.0, 60.0]


class Killed(adrs.StoreUnavailable):
    """The process is gone; what was appended before is not."""


class Dying:
    """A store that commits so many batches of facts and is then gone."""

    def __init__(self, store: adrs.Store, batches: int) -> None:
        self._store = store
        self._left = batches

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def append(self, run: str, facts: Sequence[Any]) -> None:
        if self._left <= 0:
            raise Killed("killed")
        self._store.append(run, facts)
        if not all(isinstance(fact, Beat | Ended) for fact in facts):
            self._left -= 1
            if self._left == 0:
                raise Killed("killed")


class Hashed(FunctionEvaluator):
    """Noise that is the same whenever the same repeat of a program is measured."""

    def __init__(self, spread: float) -> None:
        super().__init__(self._figure, 8)  # type: ignore[arg-type]
        self._spread = spread
        self._repeat = 0
        self.done: list[tuple[str, str, int]] = []

    def _figure(self, program: adrs.Program, workload: adrs.WorkloadRef) -> dict[str, float]:
        self.done.append((program.id, workload.name, self._repeat))
        text = f"{program.id} {workload.name} {self._repeat}"
        noise = Random(hashlib.sha256(text.encode()).digest()).lognormvariate(0, self._spread)
        return {"loss": truth(program) * noise}

    async def side_by_side(
        self, programs: Sequence[adrs.Program], request: adrs.Request
    ) -> list[adrs.Evaluation]:
        whole: list[adrs.Evaluation] = []
        for repeat in range(request.first, request.first + request.repeats):
            self._repeat = repeat
            one = await super().side_by_side(programs, replace(request, first=repeat, repeats=1))
            whole = [a.joined(b) for a, b in zip(whole, one, strict=True)] if whole else one
        return whole


def begin(
    store: adrs.Store, task: adrs.Task, evaluator: Hashed, run: str = "", workers: int = 1
) -> adrs.Search:
    if not run:
        settings = adrs.RunSettings(
            task=str(task.folder), trials=len(LOSSES), proposers=("listed",), adversary=True
        )
        run = store.create_run(task, settings).name
    archive = adrs.Islands(task.objective.metric.direction, 0)
    machine = adrs.Run(run, task, [Listed(LOSSES)], archive, store)
    return adrs.Search(machine, evaluator, adrs.LocalExecutor(workers), _NoSandbox(), Silent())


def outcome(store: adrs.Store, run: str) -> list[tuple[Any, ...]]:
    return [
        (
            t.number,
            t.program.id,
            t.score,
            t.admission,
            [(e.split, e.repeats) for e in t.evaluations],
        )
        for t in store.told(run)
    ]


@pytest.mark.parametrize(("spread", "timing"), [(0.0, False), (0.1, False), (0.05, True)])
def test_a_kill_after_any_fact_changes_nothing(
    store: adrs.Store, task: adrs.Task, spread: float, timing: bool
) -> None:
    metric = replace(task.objective.metric, timing=timing)
    brief = replace(task.brief, objective=replace(task.objective, metric=metric), metrics=(metric,))
    stages = (adrs.Stage(adrs.Split.SMOKE, repeats=2), adrs.Stage(adrs.Split.TRAIN, repeats=2))
    evaluator = replace(task.evaluator, deterministic=spread == 0.0)
    task = replace(task, brief=brief, stages=stages, evaluator=evaluator)
    whole = Hashed(spread)
    search = begin(store, task, whole)
    asyncio.run(search.go())
    expected = outcome(store, search.run.name)
    finding = store.finding(search.run.name)
    assert finding is not None
    assert finding.verdict is adrs.Verdict.WINNER
    looks = []
    while True:
        batches = len(looks) + 1
        judge = Hashed(spread)
        name = begin(store, task, judge).run.name
        try:
            asyncio.run(begin(Dying(store, batches), task, judge, name).go())  # type: ignore[arg-type]
        except Killed:
            pass
        else:
            break
        asyncio.run(begin(store, task, judge, name).go())
        assert outcome(store, name) == expected, batches
        found = store.finding(name)
        assert found is not None
        assert (found.verdict, found.trial) == (finding.verdict, finding.trial)
        assert store.certificate(name) is not None
        assert len(judge.done) == len(whole.done)
        looks.append(store.looks(found.workloads, name))
        assert found.looks == looks[-1]
    # Only the kill after a look was recorded, and before its figures were, costs another one.
    assert sorted(looks) == [*[1] * (len(looks) - 1), 2]
    assert len(looks) > 15


@pytest.mark.parametrize("timing", [False, True])
@pytest.mark.parametrize("batches", [5, 8, 11, 14])
def test_what_several_workers_told_is_replayed_with_noise(
    store: adrs.Store, task: adrs.Task, batches: int, timing: bool
) -> None:
    metric = replace(task.objective.metric, timing=timing)
    brief = replace(task.brief, objective=replace(task.objective, metric=metric), metrics=(metric,))
    evaluator = replace(task.evaluator, deterministic=False)
    task = replace(task, brief=brief, evaluator=evaluator)
    name = begin(store, task, Hashed(0.2)).run.name
    with pytest.raises(Killed):
        asyncio.run(begin(Dying(store, batches), task, Hashed(0.2), name, workers=4).go())  # type: ignore[arg-type]
    before = outcome(store, name)
    asyncio.run(begin(store, task, Hashed(0.2), name, workers=4).go())
    assert outcome(store, name)[: len(before)] == before
    assert sorted(number for number, *_ in outcome(store, name)) == list(range(len(LOSSES) + 1))
