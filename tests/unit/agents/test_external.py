"""The proposer that answers what agents hand in."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from adrs_agents.external import External
from unit.cli.conftest import make_task, measure
from unit.search.waiting import PARENT, SEED, toy_task

from adrs import (
    Candidate,
    ConfigError,
    Context,
    Greedy,
    Lineage,
    LocalExecutor,
    Program,
    Proposer,
    Run,
    RunSettings,
    RunStatus,
    Search,
    Selection,
    Store,
    Submission,
    Trial,
    Verdict,
    load_task,
    new_run,
    open_store,
)
from adrs.search.agent import Agent, changed
from adrs.testing.fakes import FunctionEvaluator, Silent

BETTER = Program({"main.py": b"cost = 1\n"})
TRIAL = Trial(7, Candidate(PARENT, Lineage("tune")))


@dataclass
class Hinge:
    """A door through which one answer comes when it is time."""

    answer: asyncio.Future[Submission]

    async def submission(self) -> Submission:
        return await self.answer


def context(door: Hinge | None) -> Context:
    best = Trial(0, Candidate(SEED, Lineage("seed")))
    return Context(toy_task().brief, 3, 1, Selection(2, TRIAL, (best,)), best, door=door)


def test_it_waits_and_is_not_confined() -> None:
    external = External()
    assert isinstance(external, Proposer)
    assert (external.name, external.waits_for, external.confined) == ("external", "agent", False)
    assert external.observe(TRIAL) is None


def test_it_proposes_what_an_agent_hands_in() -> None:
    async def proposing() -> None:
        hinge = Hinge(asyncio.get_running_loop().create_future())
        turn = asyncio.ensure_future(External().propose(context(hinge)))
        await asyncio.sleep(0)
        assert not turn.done()
        plan = "half\n\x1b[2J the cost " + "x" * 999
        hinge.answer.set_result(Submission("me \x07" + "y" * 999, BETTER, plan, parent=7))
        [candidate] = await turn
        assert isinstance(candidate, Candidate)
        assert candidate.program == BETTER
        lineage = candidate.lineage
        assert (lineage.proposer, lineage.version, lineage.parents) == ("external", "1", (7,))
        assert lineage.plan.startswith("half \\x1b[2J the cost xx")
        assert len(lineage.plan) == 500
        assert lineage.author.startswith("me \\x07yy")
        assert len(lineage.author) == 100

    asyncio.run(proposing())


def test_without_a_door_it_says_how_to_get_one() -> None:
    with pytest.raises(ConfigError, match="adrs run TASK --proposer external"):
        asyncio.run(External().propose(context(None)))


async def work(store: Store, run: str, costs: list[int]) -> None:
    """An agent that lowers the cost step by step."""
    agent = Agent(store, run, "climber", "external")
    for cost in costs:
        while (lease := agent.take(10)) is None:
            await asyncio.sleep(0.01)
        better = changed(agent.parent(lease), {"main.py": f"cost = {cost}\n"})
        agent.hand_in(lease, better, f"cost {cost}")


def test_an_engine_searches_with_what_agents_hand_in(tmp_path: Path) -> None:
    task = load_task(make_task(tmp_path))
    with closing(open_store(tmp_path / "store")) as store:
        settings = RunSettings(
            str(task.folder), trials=4, proposers=("external",), calls_in_flight=2
        )
        name = new_run(store, task, settings).name
        run = Run(name, task, [External()], Greedy(task.objective.metric.direction), store)
        search = Search(run, FunctionEvaluator(measure), LocalExecutor(1), None, Silent())  # type: ignore[arg-type]

        async def whole() -> RunStatus:
            agent = asyncio.create_task(work(store, name, [100, 97, 94, 91]))
            status = await search.go()
            await agent
            return status

        with store.claim(name):
            assert asyncio.run(asyncio.wait_for(whole(), 30)) is RunStatus.FINISHED
        trials = store.trials(name)[1:]
        assert [trial.lineage.plan for trial in trials] == [
            "cost 100", "cost 97", "cost 94", "cost 91",
        ]  # fmt: skip
        assert {trial.lineage.author for trial in trials} == {"climber"}
        finding = store.finding(name)
        assert finding is not None
        assert finding.verdict is Verdict.WINNER
        certificate = json.loads(store.certificate(name) or "")
        assert (certificate["proposer_confined"], certificate["unconfined"]) == (
            False,
            ["external"],
        )
