"""One idea on its way to a program: written, checked, and mended at most twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from adrs import (
    Answer,
    AnswerStatus,
    Context,
    Message,
    Models,
    Rehearsal,
    RejectionKind,
    Status,
)

from . import templates
from .answers import Sketch, spoken
from .briefing import Values
from .checking import Check, check
from .evidence import Evidence
from .figures import percent
from .untrusted import Passage, one_line, plain

MOST_REPAIRS = 2
_OWN_ANSWER = 24_000
_FAULTS = 8000
_OUTPUT = 3000
_NOTHING = "(nothing)"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of an idea so far.

    Attributes:
        index: its place among the round's ideas, from 1.
        sketch: the idea; None as long as nobody said it.
        prompts: digests of all that was asked on the way, in order.
        first: the conversation that asks for the edit.
        answer: the last one.
        check: what was found about it.
        repairs: how often its faults were given back.
    """

    index: int
    sketch: Sketch | None = None
    prompts: tuple[str, ...] = ()
    first: tuple[Message, ...] = ()
    answer: Answer = field(default_factory=lambda: Answer(AnswerStatus.EMPTY))
    check: Check = field(default_factory=Check)
    repairs: int = 0

    @property
    def refused(self) -> bool:
        """Whether the model declined, so that asking again is no use."""
        return self.answer.status is AnswerStatus.REFUSED

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do."""
        return not self.check.faults or self.refused or self.repairs == MOST_REPAIRS


async def write(attempt: Attempt, values: Values, models: Models) -> Attempt:
    """Asks for the edit; if there is no idea yet, for both at once."""
    if attempt.sketch is None:
        prompt = templates.prompt("propose", "propose", values)
    else:
        idea = Passage(_told(attempt.sketch), "the idea, by a model", _FAULTS)
        step = f"write-{attempt.index}"
        prompt = templates.prompt("write", step, {**values, "idea": idea})
    answer = await models.ask(prompt)
    return replace(
        attempt,
        prompts=(*attempt.prompts, prompt.digest),
        first=prompt.messages,
        answer=answer,
    )


async def examine(attempt: Attempt, evidence: Evidence, context: Context) -> Attempt:
    """Checks the last answer, on the smoke split too if the run rehearses."""
    sketch = attempt.sketch or spoken(attempt.answer.text, evidence.brief)
    found = check(attempt.answer, evidence)
    if context.rehearse is not None and found.program is not None and not found.faults:
        step = f"rehearse-{attempt.index}-{attempt.repairs}"
        found = _rehearsed(found, await context.rehearse(step, found.program))
    return replace(attempt, sketch=sketch, check=found)


async def repair(attempt: Attempt, models: Models) -> Attempt:
    """Gives the faults back to the model, below its answer."""
    values: Mapping[str, object] = {
        "faults": Passage("\n\n".join(attempt.check.faults), "what the checks found", _FAULTS),
        "brought_back": attempt.check.brought_back,
        "last": attempt.repairs + 1 == MOST_REPAIRS,
    }
    step = f"repair-{attempt.index}-{attempt.repairs + 1}"
    prompt = templates.prompt("repair", step, values, (*attempt.first, said(attempt.answer)))
    answer = await models.ask(prompt)
    return replace(
        attempt,
        prompts=(*attempt.prompts, prompt.digest),
        answer=answer,
        repairs=attempt.repairs + 1,
    )


def said(answer: Answer) -> Message:
    """A model's answer as its turn in a conversation, bounded."""
    text = plain(answer.text[:_OWN_ANSWER])
    if len(answer.text) > _OWN_ANSWER:
        text += f"\n[cut: {_OWN_ANSWER} of {len(answer.text)} characters are shown]"
    return Message("assistant", text if text.strip() else _NOTHING)


def _told(sketch: Sketch) -> str:
    idea = sketch.idea
    rows = [
        sketch.title,
        f"Hypothesis: {idea.hypothesis}" if idea.hypothesis else "",
        f"Change: {idea.change}",
        f"Expected: {idea.metric} {percent(idea.expected)}" if idea.expected else "",
        f"Risk: {idea.risk}" if idea.risk else "",
    ]
    return "\n".join(row for row in rows if row)


def _rehearsed(found: Check, rehearsal: Rehearsal) -> Check:
    """What was found, and what a rehearsal showed beyond it."""
    if rehearsal.status == Status.SCORED:
        return found
    why = f": {one_line(rehearsal.reason, 600)}" if rehearsal.reason else ""
    fault = f"the program was tried on small workloads and ended {rehearsal.status}{why}"
    if rehearsal.output.strip():
        fault += f"\nThe end of what it printed:\n{rehearsal.output[-_OUTPUT:]}"
    return replace(found, faults=(fault,), kind=RejectionKind.FAILS_REHEARSAL)
