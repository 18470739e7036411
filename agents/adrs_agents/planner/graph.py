"""One round as a graph: read, diagnose, plan; write, check and repair each idea; gather."""

from __future__ import annotations

import operator
from functools import cache
from typing import Annotated, Literal, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send
from langsmith import tracing_context

from adrs import Candidate, Context, Rejection

from . import Planner
from .briefing import Values, briefing
from .diagnosis import diagnose
from .drafting import Attempt, examine, repair, write
from .evidence import Evidence, models_of
from .gathering import gather
from .planning import Plan, make_plan


class Drafts(TypedDict):
    """What the branches of a round hand over: their settled attempts, in any order."""

    drafts: Annotated[list[Attempt], operator.add]


class Answers(TypedDict):
    """What a round ends with."""

    answers: tuple[Candidate | Rejection, ...]


class RoundState(Drafts, Answers):
    """What is known in a round; the context beside it does not change."""

    evidence: Evidence
    values: Values
    plan: Plan


class DraftState(Drafts):
    """One branch: an idea on its way."""

    attempt: Attempt
    evidence: Evidence
    values: Values


async def propose(context: Context) -> tuple[Candidate | Rejection, ...]:
    """Goes through one round.

    Raises:
        ModelUnavailable: the model's server is down; the other branches are given up.
        BudgetSpent: a call could cost more than what is left; likewise.
    """
    # What is in a round goes to the model and into the record, not to a service for traces.
    with tracing_context(enabled=False):
        state = await _compiled().ainvoke({"drafts": []}, context=context)
    answers: tuple[Candidate | Rejection, ...] = state["answers"]
    return answers


def drawing() -> str:
    """The graph as Mermaid draws it."""
    return _compiled().get_graph(xray=True).draw_mermaid()


@cache
def _compiled() -> CompiledStateGraph[RoundState, Context, Drafts, Answers]:
    draft = StateGraph(DraftState, Context, output_schema=Drafts)
    draft.add_node("write", _write)
    draft.add_node("check", _check)
    draft.add_node("repair", _repair)
    draft.add_edge(START, "write")
    draft.add_edge("write", "check")
    draft.add_conditional_edges("check", _after_check, {"repair": "repair", "settled": END})
    draft.add_edge("repair", "check")

    turn = StateGraph(RoundState, Context, input_schema=Drafts, output_schema=Answers)
    turn.add_node("read", _read)
    turn.add_node("diagnose", _diagnose)
    turn.add_node("plan", _plan)
    turn.add_node("draft", draft.compile())
    turn.add_node("gather", _gather)
    turn.add_edge(START, "read")
    turn.add_edge("read", "diagnose")
    turn.add_conditional_edges("diagnose", _after_diagnosis, ["plan", "draft"])
    turn.add_conditional_edges("plan", _after_plan, ["draft", "gather"])
    turn.add_edge("draft", "gather")
    turn.add_edge("gather", END)
    return turn.compile()


async def _read(state: RoundState, runtime: Runtime[Context]) -> dict[str, object]:
    return {"evidence": Evidence.read(runtime.context), "plan": Plan()}


async def _diagnose(state: RoundState) -> dict[str, object]:
    evidence = state["evidence"]
    return {"values": briefing(evidence, diagnose(evidence))}


async def _plan(state: RoundState, runtime: Runtime[Context]) -> dict[str, object]:
    return {"plan": await make_plan(state["values"], runtime.context)}


async def _write(state: DraftState, runtime: Runtime[Context]) -> dict[str, object]:
    return {"attempt": await write(state["attempt"], state["values"], models_of(runtime.context))}


async def _check(state: DraftState, runtime: Runtime[Context]) -> dict[str, object]:
    attempt = await examine(state["attempt"], state["evidence"], runtime.context)
    return {"attempt": attempt, "drafts": [attempt] if attempt.settled else []}


async def _repair(state: DraftState, runtime: Runtime[Context]) -> dict[str, object]:
    return {"attempt": await repair(state["attempt"], models_of(runtime.context))}


async def _gather(state: RoundState) -> dict[str, object]:
    made = gather(Planner.name, Planner.version, state["evidence"], state["plan"], state["drafts"])
    return {"answers": made}


def _after_diagnosis(state: RoundState, runtime: Runtime[Context]) -> str | Send:
    """A single idea is planned and written in one call."""
    return "plan" if runtime.context.wanted > 1 else _branch(state, Attempt(1))


def _after_plan(state: RoundState) -> str | list[Send]:
    sketches = state["plan"].sketches
    prompts = state["plan"].prompts
    branches = [
        _branch(state, Attempt(index, sketch, prompts)) for index, sketch in enumerate(sketches, 1)
    ]
    return branches or "gather"


def _after_check(state: DraftState) -> Literal["repair", "settled"]:
    return "settled" if state["attempt"].settled else "repair"


def _branch(state: RoundState, attempt: Attempt) -> Send:
    return Send(
        "draft",
        {
            "attempt": attempt,
            "evidence": state["evidence"],
            "values": state["values"],
            "drafts": [],
        },
    )
