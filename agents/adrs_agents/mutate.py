"""Changes the structure of a program by random edits of its syntax tree."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from adrs import Candidate, Context, Rejection, Trial

from .credit import Credit
from .edits import WEIGHTED
from .flow import follow
from .offline import Memory, Proposal, answer
from .source import Source, Unparsable
from .view import View

_EDITS, _WEIGHTS = zip(*WEIGHTED, strict=True)
_MORE = (0.6, 0.3, 0.1)


class Mutate:
    """One to three edits of the parent: conditions, operators, quantities, guards, state."""

    name = "mutate"
    version = "2"
    confined = True
    waits_for = ""

    def __init__(self) -> None:
        self._seen = Memory()
        self._credit = Credit()

    def observe(self, trial: Trial) -> None:
        self._seen.add(trial)
        self._credit.observe(trial)

    async def propose(self, context: Context) -> Sequence[Candidate | Rejection]:
        statement = context.brief.statement

        def attempt(rng: Random, sources: Sequence[Source]) -> Proposal | None:
            now = rng.choice(sources)
            flow = follow(now)
            plans: list[str] = []
            for _ in range(rng.choices((1, 2, 3), _MORE)[0]):
                view = View(now, rng, flow, statement, self._credit.of)
                edit = rng.choices(_EDITS, _WEIGHTS)[0](view)
                if edit is None:
                    continue
                try:
                    changed = now.spliced(edit.splices)
                except (Unparsable, ValueError):
                    continue
                behind = follow(changed)
                if behind.faults.keys() <= flow.faults.keys():
                    now, flow = changed, behind
                    plans.append(edit.plan)
            return Proposal({now.path: now.data}, "; ".join(plans)) if plans else None

        parent = self._seen.leanest(context.selection.parent)
        return answer(self, context, self._seen, attempt, parent)
