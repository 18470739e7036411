"""The ideas of a round, from one call of the model; two if the first cannot be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adrs import Answer, AnswerStatus, Context

from . import templates
from .answers import Sketch, Unreadable, plan, schema
from .briefing import Values
from .drafting import said
from .evidence import models_of
from .untrusted import Passage, one_line

_FAULT = 1000


@dataclass(frozen=True, slots=True)
class Plan:
    """What came of planning.

    Attributes:
        prompts: digests of what was asked for it.
        fault: why there is no idea; "" if there is one.
    """

    sketches: tuple[Sketch, ...] = ()
    prompts: tuple[str, ...] = ()
    fault: str = ""


async def make_plan(values: Values, context: Context) -> Plan:
    """Asks for as many ideas as are wanted, and once more if the answer cannot be read."""
    models = models_of(context)
    asked = schema(context.brief)
    first = templates.prompt("plan", "plan", values, schema=asked)
    answer = await models.ask(first)
    sketches, fault = _read(answer, context)
    if sketches or answer.status is AnswerStatus.REFUSED:
        return Plan(sketches, (first.digest,), fault)
    again: Mapping[str, object] = {
        "fault": Passage(fault, "why the plan cannot be read", _FAULT),
        "wanted": context.wanted,
    }
    conversation = (*first.messages, said(answer))
    second = templates.prompt("plan_again", "plan-again", again, conversation, asked)
    answer = await models.ask(second)
    sketches, fault = _read(answer, context)
    return Plan(sketches, (first.digest, second.digest), fault)


def _read(answer: Answer, context: Context) -> tuple[tuple[Sketch, ...], str]:
    """The ideas of an answer, or why there is none. What was cut may hold whole ideas."""
    try:
        if answer.status in (AnswerStatus.ANSWERED, AnswerStatus.CUT):
            return plan(answer.text, context.brief, context.wanted), ""
    except Unreadable as unreadable:
        if answer.status is AnswerStatus.CUT:
            return (), f"it was cut by its limit of tokens; {unreadable}"
        return (), str(unreadable)
    return (), f"no text came: {answer.status} {one_line(answer.reason, 200)}".strip()
