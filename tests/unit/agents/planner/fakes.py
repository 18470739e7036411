"""A model that answers from a function, and a small search for the planner to go on with."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adrs_agents.planner import Planner

from adrs import (
    Admission,
    Answer,
    AnswerStatus,
    Brief,
    Candidate,
    Constraint,
    Context,
    Direction,
    Evaluation,
    Idea,
    Isolation,
    IsolationLevel,
    Limits,
    Lineage,
    Metric,
    Objective,
    Program,
    Prompt,
    Rejection,
    Sample,
    Score,
    Selection,
    Split,
    Status,
    Trial,
)

COST = Metric("cost", Direction.MINIMIZE, "USD")
LATE = Metric("late", Direction.MINIMIZE, "1")
BRIEF = Brief(
    name="waiting",
    title="Wait cheaply",
    statement="Decide when to wait, so that `cost` is small.",
    editable=("policy.py", "parts/*.py"),
    entry="policy:Policy",
    objective=Objective(COST),
    metrics=(COST, LATE),
    constraints=(Constraint("late", at_most=0),),
    limits=Limits(),
)
POLICY = """class Policy:
    def decide(self, seen):
        if seen["here"]:
            return "RUN"
        return "WAIT"
"""
SEED = Program({"policy.py": POLICY.encode(), "fixed.py": b"LIMIT = 3\n"})


class FakeModels:
    """Answers at once; a string stands for a whole answer."""

    name = "fake"

    def __init__(self, answer: Callable[[Prompt], Answer | str], usd: float = 0.0) -> None:
        self._answer = answer
        self._usd = usd
        self.asked: list[Prompt] = []

    @property
    def usd(self) -> float:
        return self._usd * len(self.asked)

    @property
    def steps(self) -> list[str]:
        return [prompt.step for prompt in self.asked]

    @property
    def text(self) -> str:
        """All that was ever sent."""
        return "\n".join(m.content for prompt in self.asked for m in prompt.messages)

    def last(self, step: str) -> str:
        """The last message of a step's prompt."""
        return next(p for p in self.asked if p.step == step).messages[-1].content

    async def ask(self, prompt: Prompt) -> Answer:
        self.asked.append(prompt)
        await asyncio.sleep(0)
        said = self._answer(prompt)
        return Answer(AnswerStatus.ANSWERED, said) if isinstance(said, str) else said


def script(**steps: Answer | str) -> Callable[[Prompt], Answer | str]:
    """Answers by step, a dash written as an underscore; an edit named by the step if none is given.

    A plan has three ideas if none is given.
    """

    def answer(prompt: Prompt) -> Answer | str:
        given = steps.get(prompt.step.replace("-", "_"))
        if given is not None:
            return given
        return ideas(3) if prompt.step.startswith("plan") else edit(f'"{prompt.step.upper()}"')

    return answer


def ideas(count: int) -> str:
    rows = [
        {
            "title": f"idea {number}",
            "hypothesis": f"reason {number}",
            "change": f"change {number}",
            "metric": "cost",
            "expected_percent": 5 * number,
            "risk": f"risk {number}",
        }
        for number in range(1, count + 1)
    ]
    return json.dumps({"diagnosis": "it waits too long", "ideas": rows})


def edit(value: str, old: str = 'return "WAIT"', path: str = "policy.py") -> str:
    """Text with one block that returns something else."""
    return (
        f"I return something else.\n\nFILE: {path}\n<<<<<<< SEARCH\n        {old}\n=======\n"
        f"        return {value}\n>>>>>>> REPLACE\n"
    )


def evaluation(
    split: Split = Split.TRAIN,
    costs: Mapping[str, float] | None = None,
    status: Status = Status.SCORED,
    late: float = 0.0,
    **more: Any,
) -> Evaluation:
    samples = tuple(
        Sample(name, name, 0, Status.SCORED, {"cost": cost, "late": late})
        for name, cost in (costs or {}).items()
    )
    isolation = Isolation("none", IsolationLevel.PROCESS, {}, {})
    return Evaluation(split, status, samples, "0" * 64, isolation, **more)


def told(
    number: int,
    program: Program = SEED,
    value: float | None = 10.0,
    parent: int | None = None,
    plan: str = "",
    idea: Idea | None = None,
    evaluations: Sequence[Evaluation] = (),
    proposer: str = "planner",
    kept: bool = True,
    violation: float = 0.0,
) -> Trial:
    lineage = (
        Lineage("seed")
        if parent is None
        else Lineage(
            proposer,
            "1",
            (parent,),
            plan=plan,
            author="fake" if proposer == "planner" else "",
            operator="refine",
            idea=idea,
        )
    )
    score = None if value is None else Score(value, violation)
    made = tuple(evaluations) or (
        (evaluation(costs={"a": value, "b": value}),)
        if value is not None
        else (evaluation(status=Status.CRASHED, reason="KeyError: 'here'"),)
    )
    admission = Admission(kept, "among the best" if kept else "not among the best")
    return Trial(number, Candidate(program, lineage), 0, made, score, admission)


def variant(value: str) -> Program:
    """The seed program, returning something else."""
    return SEED.replacing({"policy.py": POLICY.replace('"WAIT"', value).encode()})


def context(
    models: FakeModels | None,
    parent: Trial | None = None,
    history: Sequence[Trial] = (),
    inspirations: Sequence[Trial] = (),
    best: Trial | None = None,
    **more: Any,
) -> Context:
    parent = parent or told(0)
    more = {"wanted": 3, "operator": "refine"} | more
    return Context(
        more.pop("brief", BRIEF),
        1,
        1,
        Selection(0, parent, tuple(inspirations)),
        best or parent,
        history=history or (parent,),
        models=models,
        **more,
    )


def propose(asked: Context) -> list[Candidate | Rejection]:
    return list(asyncio.run(Planner().propose(asked)))
