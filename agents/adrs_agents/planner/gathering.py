"""The answers of a round: candidates, or why there is none."""

from __future__ import annotations

from collections.abc import Sequence

from adrs import Candidate, Idea, Lineage, Rejection, RejectionKind

from .drafting import Attempt
from .evidence import Evidence, models_of
from .planning import Plan
from .untrusted import one_line

_PLAN = 300
_REASON = 500


def gather(
    name: str, version: str, evidence: Evidence, plan: Plan, attempts: Sequence[Attempt]
) -> tuple[Candidate | Rejection, ...]:
    """One answer for each attempt, in the order of the ideas; at least one in all.

    The round's cost is shared out evenly.
    """
    context, models = evidence.context, models_of(evidence.context)
    share = models.usd / max(1, len(attempts))

    def lineage(said: str, prompts: tuple[str, ...], idea: Idea | None) -> Lineage:
        return Lineage(
            name,
            version,
            parents=(evidence.parent.number,),
            inspirations=tuple(trial.number for trial in evidence.others),
            plan=said,
            prompts=prompts,
            author=models.name,
            operator=context.operator,
            usd=share,
            idea=idea,
        )

    if not attempts:
        reason = one_line(f"the model made no plan: {plan.fault}", _REASON)
        return (Rejection(RejectionKind.MODEL_FAILED, reason, lineage("", plan.prompts, None)),)
    answers: list[Candidate | Rejection] = []
    places: dict[str, int] = {}
    for attempt in sorted(attempts, key=lambda one: one.index):
        origin = lineage(
            _plan(attempt), attempt.prompts, attempt.sketch.idea if attempt.sketch else None
        )
        program = attempt.check.program
        if attempt.check.faults or program is None:
            answers.append(_rejection(attempt, origin))
        elif (twin := places.setdefault(program.id, attempt.index)) != attempt.index:
            reason = f"this is the same program as that of idea {twin} of this round"
            answers.append(Rejection(RejectionKind.DUPLICATE, reason, origin, program.id))
        else:
            answers.append(Candidate(program, origin))
    return tuple(answers)


def _plan(attempt: Attempt) -> str:
    """What was meant, on one line."""
    remark = ""
    if attempt.check.brought_back:
        lines = "line" if attempt.check.brought_back == 1 else "lines"
        remark = f"; brings back {attempt.check.brought_back} deleted {lines}"
    if attempt.sketch is None:
        return f"no plan was given{remark}"
    title, change = attempt.sketch.title, attempt.sketch.idea.change
    said = change if not title or title == change else f"{title}: {change}"
    return one_line(said, _PLAN - len(remark)) + remark


def _rejection(attempt: Attempt, origin: Lineage) -> Rejection:
    check = attempt.check
    kind = check.kind or RejectionKind.MODEL_FAILED
    fault = "; ".join(check.faults)
    if attempt.refused:
        fault = f"the model declined: {attempt.answer.reason}"
        kind = RejectionKind.MODEL_FAILED
    program = check.program.id if check.program is not None else ""
    return Rejection(kind, one_line(fault, _REASON), origin, program)
